"""All systems through one start of the program ``lmp``."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlmlp.lammps import run_lammps
from tlmlp.lammps.box import boundary, box_sides, lammps_frame
from tlmlp.lammps.names import ascii_name
from tlmlp.testing.structures import Structure

DECK = """clear
units metal
atom_style atomic
atom_modify map array
{boundary}
box tilt large
neighbor 0.5 nsq
read_data {data}
pair_style {style} precision {precision}
pair_coeff * * "{model}" {symbols}
thermo_style custom step pe
thermo_modify norm no format float %.17g
dump forces all custom 1 {dump} id fx fy fz
dump_modify forces sort id format float %.17g
run 0
"""


def run_systems(
    model: str, style: str, precision: str, threads: int, systems: Sequence[Structure]
) -> list[tuple[float, np.ndarray]]:
    """Energies (eV) and forces (n, 3) in eV/Å, in the frame and order of the systems."""
    from ase.data import chemical_symbols

    script, turns = [], []
    with tempfile.TemporaryDirectory(prefix="tlmlp-conformance-") as scratch, ascii_name(model) as named:
        folder = Path(scratch)
        for k, system in enumerate(systems):
            kinds = sorted(set(system.atomic_numbers.tolist()))
            rows, turn = lammps_frame(system.cell, system.pbc)
            turns.append(turn)
            (folder / f"{k}.data").write_text(_data(system, kinds, rows, system.positions @ turn))
            script.append(
                DECK.format(
                    boundary=boundary(system.pbc),
                    data=folder / f"{k}.data",
                    style=style,
                    precision=precision,
                    model=named,
                    symbols=" ".join(chemical_symbols[z] for z in kinds),
                    dump=folder / f"{k}.dump",
                )
            )
        run = run_lammps("".join(script), cwd=folder, threads=threads, torch="torch" in style, timeout=300.0)
        results = []
        for k, (turn, table) in enumerate(zip(turns, run.tables, strict=True)):
            lines = (folder / f"{k}.dump").read_text().rsplit("ITEM: ATOMS", 1)[1].splitlines()[1:]
            forces = np.array([[float(word) for word in line.split()[1:]] for line in lines]).reshape(-1, 3)
            results.append((table["PotEng"][-1], forces @ turn.T))
        return results


def _data(system: Structure, kinds: list[int], rows: np.ndarray, positions: np.ndarray) -> str:
    """A data file; LAMMPS moves the atoms into the box."""
    low, high = box_sides(rows, positions, system.pbc)
    lines = ["system", "", f"{len(system)} atoms", f"{len(kinds)} atom types", ""]
    lines += [f"{a:.17g} {b:.17g} {c}lo {c}hi" for a, b, c in zip(low, high, "xyz", strict=True)]
    if np.tril(rows, -1).any():
        lines.append(f"{rows[1, 0]:.17g} {rows[2, 0]:.17g} {rows[2, 1]:.17g} xy xz yz")
    lines += ["", "Masses", ""] + [f"{kind} 1.0" for kind in range(1, len(kinds) + 1)] + ["", "Atoms # atomic", ""]
    for number, (z, x) in enumerate(zip(system.atomic_numbers.tolist(), positions, strict=True), 1):
        lines.append(f"{number} {kinds.index(z) + 1} " + " ".join(f"{value:.17g}" for value in x))
    return "\n".join(lines) + "\n"
