"""Numbers out of the two molecular-dynamics runs of the quickstart."""

import re
from pathlib import Path

import numpy as np

from tlmlp.errors import TlmlpError

LOOP_TIME = re.compile(r"Loop time of (\S+) on \d+ procs? for (\d+) steps with (\d+) atoms")


def read_nve(path: Path) -> dict[str, np.ndarray]:
    """Columns ``time`` (ps), ``temperature`` (K), ``potential_energy``, ``total_energy`` (eV) of a thermo record."""
    columns = np.loadtxt(path, unpack=True, ndmin=2)
    if columns.shape[0] != 4 or columns.shape[1] < 2 or not np.isfinite(columns).all():
        raise TlmlpError(f"{path}: expected a finished run of four finite columns, got shape {columns.T.shape}")
    return dict(zip(("time", "temperature", "potential_energy", "total_energy"), columns, strict=True))


def nve_drift(time: np.ndarray, total_energy: np.ndarray, atoms: int) -> float:
    """Slope of the least-squares line through the total energy (eV) over time (ps): meV/atom per 10 ps."""
    return float(np.polyfit(time, total_energy, 1)[0]) * 10.0 * 1e3 / atoms


def steps_per_second(log: str) -> tuple[int, float]:
    """Atoms and steps per second of the last run in a LAMMPS log.

    Raises TlmlpError where the log holds no finished run.
    """
    runs = LOOP_TIME.findall(log)
    if not runs:
        raise TlmlpError("the LAMMPS log holds no finished run (no line 'Loop time of ...')")
    seconds, steps, atoms = runs[-1]
    return int(atoms), int(steps) / float(seconds)
