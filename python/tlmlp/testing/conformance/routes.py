"""The routes: every way to evaluate a model file, each with what it shares with others and why it may be absent."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tlmlp.testing.structures import Structure

#: Energy (eV) and forces (n, 3) in eV/Å.
Result = tuple[float, np.ndarray]
Compute = Callable[[Sequence[Structure]], list[Result]]


@dataclass(frozen=True)
class Route:
    """One way to evaluate a model."""

    #: Who drives it: "oracle", "LAMMPS", ...
    host: str
    #: What computes: "oracle", "plain", "ops", "engine". Routes of one engine and precision must agree closely.
    engine: str
    #: "double" or "single", of the network.
    precision: str
    #: Systems in, results out, in one go.
    compute: Compute
    #: Why it cannot run here, or None.
    missing: str | None = None
    #: Whether it takes systems that are periodic in some directions only.
    mixed: bool = True

    @property
    def name(self) -> str:
        """Host, engine and precision."""
        return f"{self.host}, {self.engine}, {self.precision}"


def routes(model: str | os.PathLike[str], threads: int = 1) -> Iterator[Route]:
    """All routes of a model file, the oracle first."""
    model = os.fspath(model)
    no_torch = None if find_spec("torch") else "torch is not installed"
    no_ops = no_torch or _no_operators()
    yield Route("oracle", "oracle", "double", partial(_oracle, model), no_torch)
    for precision in ("double", "single"):
        yield Route("python", "plain", precision, partial(_torch, model, "plain", precision), no_torch)
        yield Route("python", "ops", precision, partial(_torch, model, "ops", precision), no_ops)
        yield Route("python", "engine", precision, partial(_engine, model, precision, threads), _no_core())
    for precision in ("double", "single"):
        yield Route("ASE", "engine", precision, partial(_ase, model, "engine", precision, threads), _no_core())
        yield Route("ASE", "ops", precision, partial(_ase, model, "torch", precision, threads), no_ops)
    for precision in ("double", "single"):
        style = partial(_lammps, model, precision, threads)
        yield Route("LAMMPS", "engine", precision, partial(style, "tlmlp"), _no_lammps(torch=False))
        yield Route("LAMMPS", "ops", precision, partial(style, "tlmlp/torch"), no_torch or _no_lammps(torch=True))
    for kind, engine in (("native", "engine"), ("python", "engine"), ("torch", "ops")):
        for platform in ("Reference", "CPU"):
            for precision in ("double", "single"):
                yield Route(
                    f"OpenMM {FORCES[kind]} {platform}",
                    engine,
                    precision,
                    partial(_openmm, model, kind, platform, precision),
                    _no_openmm(kind),
                    mixed=False,
                )
    for precision in ("double", "single"):
        reason = no_ops or (
            None if find_spec("torch_sim") else "torch-sim is not installed: pip install 'tlmlp[torchsim]'"
        )
        yield Route("torch-sim", "ops", precision, partial(_torchsim, model, precision), reason, mixed=False)


#: Names of OpenMM's three kinds of force.
FORCES = {"native": "TLMLPForce", "python": "PythonForce", "torch": "TorchForce"}


def _no_operators() -> str | None:
    from tlmlp.export.writer import operators_missing

    return "the compiled operators are not built: tlmlp ops build" if operators_missing() else None


def _no_core() -> str | None:
    return None if find_spec("tlmlp._core") else "tlmlp._core is not built"


def _no_lammps(torch: bool) -> str | None:
    from tlmlp.errors import TlmlpError
    from tlmlp.lammps.locate import lammps_program, plugin_file

    try:
        lammps_program()
        plugin_file(torch)
    except TlmlpError as error:
        return str(error)
    return None


def _no_openmm(kind: str) -> str | None:
    if find_spec("openmm") is None:
        return "OpenMM is not installed: pip install 'tlmlp[openmm]'"
    if find_spec("tlmlp.openmm") is None:
        return "this installation of tlmlp is without tlmlp.openmm"
    from tlmlp.openmm import available_routes

    return available_routes()[kind]


def _oracle(model: str, systems: Sequence[Structure]) -> list[Result]:
    import torch

    from tlmlp.export import load_potential
    from tlmlp.models.oracle import oracle_energy_forces_virial

    potential = load_potential(model, route="plain", dtype=torch.float64)
    return [_pick(oracle_energy_forces_virial(potential, system)) for system in systems]


def _torch(model: str, route: str, precision: str, systems: Sequence[Structure]) -> list[Result]:
    import torch

    from tlmlp.export import load_potential
    from tlmlp.testing.backends import potential_backend

    dtype = torch.float64 if precision == "double" else torch.float32
    compute = potential_backend(load_potential(model, route=route, dtype=dtype).requires_grad_(False))
    return [_pick(compute(system)) for system in systems]


def _engine(model: str, precision: str, threads: int, systems: Sequence[Structure]) -> list[Result]:
    from tlmlp._core import Engine
    from tlmlp.export.model_file import engine_part

    engine = Engine.from_bytes(engine_part(model), precision=precision, threads=threads)
    results = []
    for s in systems:
        species = [engine.species_of(int(z)) for z in s.atomic_numbers]
        results.append(_pick(engine.compute(species, s.positions, s.cell, s.pbc)))
    return results


def _ase(model: str, backend: str, precision: str, threads: int, systems: Sequence[Structure]) -> list[Result]:
    from ase import Atoms

    from tlmlp.calculators import TlmlpCalculator

    calculator = TlmlpCalculator(model, backend=backend, precision=precision, threads=threads)
    results = []
    for s in systems:
        atoms = Atoms(numbers=s.atomic_numbers, positions=s.positions, cell=s.cell, pbc=s.pbc, calculator=calculator)
        results.append((atoms.get_potential_energy(), atoms.get_forces()))
    return results


def _lammps(model: str, precision: str, threads: int, style: str, systems: Sequence[Structure]) -> list[Result]:
    from tlmlp.testing.conformance.lammps import run_systems

    return run_systems(model, style, precision, threads, systems)


def _openmm(model: str, kind: str, platform: str, precision: str, systems: Sequence[Structure]) -> list[Result]:
    from tlmlp.openmm import evaluate

    return [_pick(evaluate(model, s, route=kind, platform=platform, precision=precision)) for s in systems]


def _torchsim(model: str, precision: str, systems: Sequence[Structure]) -> list[Result]:
    """All periodic systems in one batch, and all open ones in another."""
    import torch

    from tlmlp.torchsim import TlmlpModel

    dtype = torch.float64 if precision == "double" else torch.float32
    compute = TlmlpModel(model, dtype=dtype)
    results: list[Result] = [(0.0, np.zeros((0, 3)))] * len(systems)
    for periodic in (True, False):
        chosen = [k for k, s in enumerate(systems) if s.pbc.all() == periodic]
        if not chosen:
            continue
        sizes = [len(systems[k]) for k in chosen]
        out = compute(
            {
                "positions": torch.from_numpy(np.concatenate([systems[k].positions for k in chosen])),
                "cell": torch.from_numpy(np.stack([systems[k].cell.T for k in chosen])),
                "atomic_numbers": torch.from_numpy(np.concatenate([systems[k].atomic_numbers for k in chosen])),
                "system_idx": torch.arange(len(chosen)).repeat_interleave(torch.tensor(sizes)),
                "pbc": periodic,
            }
        )
        rows = np.split(out["forces"].numpy(), np.cumsum(sizes)[:-1])
        for k, energy, forces in zip(chosen, out["energy"].tolist(), rows, strict=True):
            results[k] = energy, forces
    return results


def _pick(result: dict[str, Any]) -> Result:
    return float(result["energy"]), np.asarray(result["forces"], dtype=np.float64).reshape(-1, 3)
