"""Neighbour lists over true periodic images, by vesin; right in cells narrower than the cutoff and in skewed ones."""

from __future__ import annotations

import numpy as np

from tlmlp.data.frame import cell_is_flat
from tlmlp.errors import TlmlpError

#: Atoms closer than this (Å) coincide: the model has no value there.
COINCIDE = 1e-6


def neighbour_list(
    positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All directed edges j -> i with distance below ``cutoff``, images of an atom itself included.

    ``positions`` (n, 3) Å, ``cell`` (3, 3) Å with the lattice vectors as rows, ``pbc`` (3,), ``cutoff`` Å.

    Returns ``edge_index`` (2, E) int64 with the source j in row 0 and the target i in row 1, ``edge_vector``
    (E, 3) float64 in Å, r_j - r_i + S.cell, and ``shifts`` S (E, 3) int64; sorted by (target, source, shift).
    For each edge its reverse is there too, with exactly the opposite vector.

    Raises :class:`TlmlpError` for NaN or infinite input, a periodic cell without volume, coinciding atoms, and, before
    anything is searched, for more than 10,000 neighbours of an atom, as the engine does.
    """
    import vesin

    from tlmlp._core import check_crowding

    positions = np.ascontiguousarray(positions, dtype=np.float64)
    cell = np.ascontiguousarray(cell, dtype=np.float64)
    pbc = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,)).copy()
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise TlmlpError(f"`positions` must have shape (n, 3), got {positions.shape}")
    if cell.shape != (3, 3):
        raise TlmlpError(f"`cell` must have shape (3, 3), got {cell.shape}")
    if not (np.isfinite(cutoff) and cutoff > 0.0):
        raise TlmlpError(f"`cutoff` must be a positive length in Å, got {cutoff}")
    if not (np.all(np.isfinite(positions)) and np.all(np.isfinite(cell))):
        raise TlmlpError("`positions` and `cell` must be finite, got NaN or infinity")
    if cell_is_flat(cell, pbc):
        raise TlmlpError("`cell` has zero volume although the structure is periodic")

    full = with_open_rows(cell, pbc) if pbc.any() else np.eye(3)
    try:
        check_crowding(positions, full, np.linalg.inv(full), pbc, cutoff)
    except RuntimeError as error:
        raise TlmlpError(str(error)) from None

    # A hair more than the cutoff is searched, and the strict test is made on vectors that are exactly opposite
    # for an edge and its reverse, so that rounding cannot keep the one and drop the other.
    searcher = vesin.NeighborList(cutoff=cutoff * (1.0 + 1e-9), full_list=True, n_threads=1)
    target, source, shifts = searcher.compute(positions, with_open_rows(cell, pbc), pbc, "ijS")
    target, source, shifts = target.astype(np.int64), source.astype(np.int64), shifts.astype(np.int64)
    # Elementwise and not a matrix product, whose rounding may depend on the place of a row.
    translation = shifts[:, :1] * cell[0] + shifts[:, 1:2] * cell[1] + shifts[:, 2:] * cell[2]
    vectors = positions[source] - positions[target] + translation
    distance = np.sqrt((vectors**2).sum(axis=1))
    keep = distance < cutoff
    order = np.lexsort((*shifts[keep].T[::-1], source[keep], target[keep]))
    target, source = target[keep][order], source[keep][order]
    shifts, vectors, distance = shifts[keep][order], vectors[keep][order], distance[keep][order]
    if len(distance) and distance.min() < COINCIDE:
        e = int(distance.argmin())
        raise TlmlpError(f"atoms {source[e]} and {target[e]} coincide (distance {distance[e]:.1e} Å)")
    return np.stack([source, target]), vectors, shifts


def with_open_rows(cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """``cell`` with unit vectors normal to the periodic rows in place of the others, whose length means nothing."""
    if pbc.all() or not pbc.any():
        return cell
    normals = np.linalg.svd(cell[pbc])[2][pbc.sum() :]
    out = cell.copy()
    out[~pbc] = normals
    return out


def perpendicular_widths(cell: np.ndarray) -> np.ndarray:
    """Distances (3,) in Å between the opposite faces of ``cell``: the width along each reciprocal direction."""
    volume = abs(np.linalg.det(cell))
    if volume == 0.0:
        return np.zeros(3)
    areas = np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    return volume / areas
