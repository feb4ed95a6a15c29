"""A structure in the frame of LAMMPS, whose cells are lower triangular."""

import numpy as np

from tlmlp.data.neighbours import with_open_rows

#: Room around a structure that is open along a direction, Å; the box follows the atoms afterwards.
MARGIN = 1.0


def lammps_frame(cell: np.ndarray, pbc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower triangular rows of the cell, and the orthogonal matrix T with rows = cell @ T; vectors turn likewise.

    Rows of directions that are not periodic are normal to the others, and along the axes where those fit. T is a reflection
    for a left-handed cell.
    """
    if not pbc.any():
        return np.eye(3), np.eye(3)
    fits = not cell[pbc][:, ~pbc].any()
    cell = np.where(pbc[:, None], cell, np.eye(3)) if fits else with_open_rows(cell, pbc)
    if not np.triu(cell, 1).any() and (np.diag(cell) > 0.0).all():
        return cell, np.eye(3)
    turn, upper = np.linalg.qr(cell.T)
    turn = turn * np.sign(np.diag(upper))
    rows = np.tril(cell @ turn)
    return np.where(np.abs(rows) < 1e-12 * np.abs(rows).max(), 0.0, rows), turn


def box_sides(rows: np.ndarray, positions: np.ndarray, pbc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high (3,) of the box; it starts around the atoms, and follows them, where it is not periodic.

    :param rows: (3, 3) from :func:`lammps_frame`
    :param positions: (n, 3), turned likewise
    """
    low, high = np.zeros(3), np.diag(rows).copy()
    for k in np.flatnonzero(~pbc):
        low[k], high[k] = positions[:, k].min(initial=0.0) - MARGIN, positions[:, k].max(initial=0.0) + MARGIN
    return low, high


def boundary(pbc: np.ndarray) -> str:
    """The command that says which directions are periodic."""
    return "boundary " + " ".join("p" if periodic else "s" for periodic in pbc)
