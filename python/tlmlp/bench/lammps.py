"""Steps of LAMMPS with ``pair_style tlmlp`` on several MPI ranks, and what the ranks exchange."""

import re
import tempfile
from typing import Any

from tlmlp.bench.systems import DISPLACEMENT, LATTICE_CONSTANT
from tlmlp.bench.timing import versions
from tlmlp.bench.trained_model import model_for_bench
from tlmlp.errors import TlmlpError
from tlmlp.lammps.run import LammpsRun, run_lammps

_DECK = """
units metal
atom_style atomic
processors * * * grid numa
lattice diamond {a}
region box block 0 {n} 0 {n} 0 {n}
create_box 1 box
create_atoms 1 box
mass 1 28.0855
displace_atoms all random {d} {d} {d} 4711 units box
pair_style tlmlp precision {precision}
pair_coeff * * {model} {element}
fix move all nve
timestep 1e-6
thermo 1000
run 2
run {steps} post yes
"""


def bench_lammps(
    atoms: int, ranks: int, threads: int, dtype: str, steps: int, model: str | None = None
) -> dict[str, Any]:
    """Mean time of a step of ``atoms`` = 8 n^3 slightly displaced silicon atoms, from LAMMPS' own "Loop time". They run
    on ``ranks`` MPI ranks with ``threads`` OpenMP threads each. The result also holds the atoms and bytes of the
    exchange between ranks. ``model`` as for :func:`tlmlp.bench.engine.bench_engine`; its first element takes the places
    of the crystal.

    Raises TlmlpError on an unknown dtype, an unusable model, an impossible number of atoms, or where LAMMPS or the plugin is
    missing.
    """
    if dtype not in ("float32", "float64"):
        raise TlmlpError(f"dtype must be float32 or float64, got {dtype!r}")
    n = round((atoms / 8) ** (1 / 3))
    if n < 1 or 8 * n**3 != atoms:
        raise TlmlpError(f"atoms must be 8 n^3 for a cube of diamond cells (8, 64, 216, 512, ...), got {atoms}")
    with tempfile.TemporaryDirectory() as folder:
        chosen = model_for_bench(model, folder)
        script = _DECK.format(
            a=LATTICE_CONSTANT,
            n=n,
            d=DISPLACEMENT * 3**0.5,
            model=chosen.path.resolve(),
            element=chosen.header["species"][0],
            steps=steps,
            precision="double" if dtype == "float64" else "single",
        )
        run = run_lammps(script, folder, ranks=ranks, threads=threads)
    step_ms = 1e3 / run.steps_per_second
    halo, ghosts, megabytes = _halo(run)
    return {
        "benchmark": "lammps",
        "model": chosen.name,
        "ms_per_step": round(step_ms, 3),
        "us_per_atom": round(1e3 * step_ms / atoms, 3),
        "atoms": atoms,
        "cutoff_angstrom": chosen.header["cutoff"],
        "ranks": ranks,
        "threads": threads,
        "dtype": dtype,
        "repeats": steps,
        "pair_ms": _section(run, "Pair", steps),
        "neighbour_ms": _section(run, "Neigh", steps),
        "communication_ms": _section(run, "Comm", steps),
        "ghost_atoms": ghosts,
        "exchanged_atoms": halo,
        "exchanged_mb_per_step": round(2 * chosen.header["model"]["n_blocks"] * megabytes, 3),
        "versions": versions("lammps", "mpich"),
    }


def _section(run: LammpsRun, name: str, steps: int) -> float:
    """Time per step of a section of LAMMPS' breakdown, mean over the ranks, ms."""
    seconds = re.findall(rf"^{name}\s*\|\s*(\S+)\s*\|(?:\s*(\S+)\s*\|)?", run.output, re.MULTILINE)[-1]
    return round(1e3 * float(seconds[1] or seconds[0]) / steps, 3)


def _halo(run: LammpsRun) -> tuple[int, int, float]:
    """Largest numbers over the ranks: atoms exchanged, ghost atoms, MB per block and direction."""
    found = re.findall(r"sums of at most (\d+) of (\d+) ghost atoms, (\S+) MB", run.output)
    if found:
        return int(found[-1][0]), int(found[-1][1]), float(found[-1][2])
    ghosts = re.findall(r"^Nghost:.* (\d+) max", run.output, re.MULTILINE)
    return 0, int(ghosts[-1]), 0.0
