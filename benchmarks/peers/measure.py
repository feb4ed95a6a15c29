"""What every peer script shares: structures in, one JSON object out. Needs numpy alone: peers have environments of
their own, without tlmlp."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

CUTOFF = 5.0
WARM_UP = 3


@dataclass(frozen=True)
class System:
    """Atoms of one element in a cube, Å; edge j -> i in row 0 and 1 of ``edge_index``, ``edge_vector`` = r_j - r_i +
    shift."""

    atomic_number: int
    positions: np.ndarray
    cell: np.ndarray
    edge_index: np.ndarray
    edge_vector: np.ndarray

    @property
    def shift(self) -> np.ndarray:
        """Lattice vector of each edge (E, 3)."""
        source, target = self.edge_index
        return self.edge_vector - (self.positions[source] - self.positions[target])

    def triplets(self) -> tuple[np.ndarray, np.ndarray]:
        """Edges k -> j and j -> i of each triplet with k != i; valid where every pair has one image within the cutoff."""
        source, target = self.edge_index
        offsets = np.searchsorted(target, np.arange(len(self.positions) + 1))
        counts = np.diff(offsets)[source]
        ji = np.repeat(np.arange(len(source)), counts)
        kj = np.arange(len(ji)) - np.repeat(np.cumsum(counts) - counts, counts) + offsets[source][ji]
        keep = source[kj] != target[ji]
        return kj[keep], ji[keep]


def read_systems() -> tuple[list[System], int, str]:
    """The structures in the file that the command line names; how many of them make a training step, or 0; the device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("systems", help="file of structures, .npz")
    parser.add_argument("--batch", type=int, default=0, help="time training steps on so many structures each")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where the network runs")
    options = parser.parse_args()
    return load_systems(options.systems), options.batch, options.device


def load_systems(path: str) -> list[System]:
    """The structures of a file that compare_peers.py wrote."""
    stored = np.load(path)
    number, cell = int(stored["atomic_number"]), stored["cell"]
    return [
        System(number, stored[f"positions_{n}"], cell, stored[f"edge_index_{n}"], stored[f"edge_vector_{n}"])
        for n in range(int(stored["count"]))
    ]


def measure(
    prepare: Callable[[list[System], str], list],
    build: Callable[[list[System], str], Callable],
    *packages: str,
    collate: Callable[[list], object] | None = None,
    build_training: Callable[[list[System], int, str], Callable] | None = None,
) -> None:
    """Time a peer as the command line wants, and print the result with the packages' versions.

    Energy and forces: ``build(systems, device)(x)`` for every x of ``prepare(systems, device)``, which returns when the
    forces are there. Training steps: ``build_training(systems, batch, device)(y, forces)`` for every y = ``collate`` of
    ``batch`` such x, with reference forces (batch, atoms, 3) that are random numbers; one step ends with new weights. Neither ``prepare`` nor ``collate`` is timed: they give neighbour
    lists and whatever depends on them alone. The first calls warm up.
    """
    systems, batch, device = read_systems()
    inputs = prepare(systems, device)
    if batch == 0:
        call = build(systems, device)
        report(systems[0], 1, [milliseconds(lambda value=value: call(value), device) for value in inputs], *packages)
        return
    random = np.random.default_rng(0)
    groups = [collate(inputs[first : first + batch]) for first in range(0, len(inputs), batch)]
    forces = random.normal(size=(len(groups), batch, len(systems[0].positions), 3))
    step = build_training(systems, batch, device)
    times = [milliseconds(lambda pair=pair: step(*pair), device) for pair in zip(groups, forces, strict=True)]
    report(systems[0], batch, times, *packages)


def measure_calculator(build: Callable[[System], object], cutoff: float, *packages: str) -> None:
    """Time energy and forces by the ASE calculator that ``build`` returns, as the command line wants.

    A call begins with new positions in ASE's atoms: the calculator's neighbour list is inside. ``cutoff`` in Å.
    """
    systems, _, _ = read_systems()
    times = calculator_times(systems, build(systems[0]))
    report(systems[0], 1, times, *packages, cutoff=cutoff)


def calculator_times(systems: list[System], calculator: object) -> list[float]:
    """Milliseconds of energy and forces of every structure by an ASE calculator."""
    from ase import Atoms

    first = systems[0]
    atoms = Atoms([first.atomic_number] * len(first.positions), first.positions, cell=first.cell, pbc=True)
    atoms.calc = calculator

    def call(system: System) -> None:
        atoms.positions = system.positions
        atoms.get_potential_energy()
        atoms.get_forces()

    return [milliseconds(lambda system=system: call(system)) for system in systems]


def milliseconds(call: Callable[[], object], device: str = "cpu") -> float:
    """How long a call takes: the CPU time of the process, as other programs may run beside; with a GPU, by the wall."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    call()
    return (clock() - start) * 1e3


def report(
    system: System, structures: int, times: list[float], *packages: str, cutoff: float = CUTOFF, **more: object
) -> None:
    """Print the JSON object of a peer, with ``more`` in it; the first times, which warm up, are left out."""
    times = times[WARM_UP:]
    print(
        json.dumps(
            {
                "ms_per_step": round(statistics.median(times), 3),
                "ms_min": round(min(times), 3),
                "ms_max": round(max(times), 3),
                "cutoff": cutoff,
                "atoms": structures * len(system.positions),
                "edges": structures * system.edge_index.shape[1],
                "repeats": len(times),
                "versions": {package: version(package) for package in packages},
            }
            | more
        )
    )
