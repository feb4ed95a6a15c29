"""Single-point output of CP2K (energy, forces, stress), which ASE does not read.

Layouts of versions up to 7, 8 to 2024, and 2025 on. Forces are there with FORCE_EVAL/PRINT/FORCES switched on.
"""

from __future__ import annotations

import re

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.data.stated import BOHR_IN_ANGSTROM, HARTREE_IN_EV
from tlmlp.errors import TlmlpError
from tlmlp.units import EV_PER_ANG3_IN_GPA

GPA = {"GPa": 1.0, "bar": 1e-4}

NUMBER = r"([-+]?\d*\.\d+(?:[EeDd][-+]?\d+)?)"
THREE = rf"\s+{NUMBER}\s+{NUMBER}\s+{NUMBER}"
ENERGY = re.compile(rf"ENERGY\| Total FORCE_EVAL .*energy [\[(](?:a\.u\.|hartree)[\])]:?\s+{NUMBER}")
VECTOR = re.compile(rf"^ CELL\| Vector ([abc]) \[angstrom\]:?{THREE}", re.MULTILINE)
PERIODICITY = re.compile(r"^ (?:CELL|POISSON)\|.*[Pp]eriodicity\s+([XYZ]+|NONE)\s*$", re.MULTILINE)
POSITIONS = re.compile(r"ATOMIC COORDINATES IN ANGSTROM", re.IGNORECASE)
POSITION_ROW = re.compile(rf"^\s*\d+\s+\d+\s+\S+\s+(\d+){THREE}\s", re.MULTILINE)
FORCES = re.compile(r"ATOMIC FORCES in \[a\.u\.\]|FORCES\| Atomic forces \[hartree/bohr\]")
FORCE_ROW = re.compile(rf"^\s*(?:FORCES\|\s+\d+|\d+\s+\d+\s+\S+){THREE}", re.MULTILINE)
STRESS = re.compile(r"STRESS TENSOR \[(GPa)\]|STRESS\| Analytical stress tensor \[(GPa|bar)\]")
STRESS_ROW = re.compile(rf"^\s*(?:STRESS\|\s+)?[xyzXYZ]{THREE}", re.MULTILINE)


def read_cp2k_output(text: str, file: str) -> Frame:
    """The frame of a single-point calculation with the output ``text``; energy in eV, forces in eV/Å, stress in eV/Å^3 (tensile positive).

    Raises :class:`TlmlpError` for outputs of several steps (they print no positions), of an SCF run that did not
    converge, and incomplete ones.
    """
    source = f"{file}#0"
    energies = ENERGY.findall(text)
    if "SCF run NOT converged" in text:
        raise TlmlpError(f"{file}: the SCF run did not converge")
    if len(energies) != 1:
        raise TlmlpError(
            f"{file}: a CP2K output of one single-point calculation is needed, this one has {len(energies)} energies"
        )
    atoms = _rows(text, POSITIONS, POSITION_ROW, None, file)
    if atoms is None:
        raise TlmlpError(f"{file}: the CP2K output has no atomic coordinates")
    n = len(atoms)
    forces = _rows(text, FORCES, FORCE_ROW, n, file)
    vectors = dict((m[0], m[1:]) for m in VECTOR.findall(text))
    if sorted(vectors) != ["a", "b", "c"]:
        raise TlmlpError(f"{file}: the CP2K output has no cell vectors")
    periodic = PERIODICITY.search(text)
    axes = periodic.group(1) if periodic else "XYZ"
    stress = _rows(text, STRESS, STRESS_ROW, 3, file)
    if stress is not None and (unit := STRESS.search(text)) is not None:  # positive under compression
        stress = -stress * GPA[unit.group(1) or unit.group(2)] / EV_PER_ANG3_IN_GPA
        stress = 0.5 * (stress + stress.T)
    return Frame(
        positions=atoms[:, 1:],
        cell=_numbers([vectors[k] for k in "abc"]),
        pbc=np.array([axis in axes for axis in "XYZ"]),
        atomic_numbers=atoms[:, 0],
        energy=float(energies[0]) * HARTREE_IN_EV,
        stress=stress,
        forces=None if forces is None else forces * HARTREE_IN_EV / BOHR_IN_ANGSTROM,
        source=source,
    )


def _rows(text: str, header: re.Pattern[str], row: re.Pattern[str], count: int | None, file: str) -> np.ndarray | None:
    """The numbers of the adjoining rows after ``header``, None without a header; fewer than ``count`` are refused."""
    start = header.search(text)
    if start is None:
        return None
    rows: list[tuple[str, ...]] = []
    for line in text[start.end() :].splitlines()[1:]:
        match = row.match(line + " ")
        if match:
            rows.append(match.groups())
        elif rows:
            break
    if len(rows) < (count or 0):
        number = text.count("\n", 0, start.start()) + 1
        raise TlmlpError(
            f"{file}, line {number}: {count} rows were expected here, got {len(rows)}; is the output truncated?"
        )
    return _numbers(rows[:count]) if rows else None


def _numbers(rows: list[tuple[str, ...]]) -> np.ndarray:
    return np.array([[float(word.replace("D", "E").replace("d", "e")) for word in row] for row in rows])
