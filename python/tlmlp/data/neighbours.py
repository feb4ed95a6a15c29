"""Neighbour lists over true periodic images, right in cells narrower than the cutoff and in skewed ones."""

from __future__ import annotations

import numpy as np

from tlmlp import _core
from tlmlp.data.frame import cell_is_flat
from tlmlp.errors import TlmlpError

#: Atoms closer than this (Å) coincide: the model has no value there.
COINCIDE = 1e-6


class NeighbourList:
    """A neighbour list that is kept while the atoms move little, and gives the same edges as a new one, bit by bit.

    :param cutoff: Å
    :param skin: Å by which the kept list exceeds the cutoff; 0 searches every time
    :raises TlmlpError: on lengths that are none

    The list lives through cell relaxations and barostats too: csrc/core/src/neighbours.h has the bound.
    """

    def __init__(self, cutoff: float, skin: float = 0.0) -> None:
        if not (np.isfinite(cutoff) and cutoff > 0.0):
            raise TlmlpError(f"`cutoff` must be a positive length in Å, got {cutoff}")
        if not (np.isfinite(skin) and skin >= 0.0):
            raise TlmlpError(f"`skin` must be a length in Å, 0 or more, got {skin}")
        self.cutoff, self.skin = cutoff, skin
        self._list = _core.NeighbourList(cutoff, skin)

    @property
    def builds(self) -> int:
        """How often a list was searched for."""
        return self._list.builds

    @property
    def reuses(self) -> int:
        """How often the kept list served."""
        return self._list.reuses

    def __reduce__(self) -> tuple[type[NeighbourList], tuple[float, float]]:
        return NeighbourList, (self.cutoff, self.skin)

    def find(
        self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See :func:`neighbour_list`."""
        positions = np.asarray(positions, dtype=np.float64)
        cell = np.asarray(cell, dtype=np.float64)
        pbc = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,))
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise TlmlpError(f"`positions` must have shape (n, 3), got {positions.shape}")
        if cell.shape != (3, 3):
            raise TlmlpError(f"`cell` must have shape (3, 3), got {cell.shape}")
        if not (np.all(np.isfinite(positions)) and np.all(np.isfinite(cell))):
            raise TlmlpError("`positions` and `cell` must be finite, got NaN or infinity")
        if cell_is_flat(cell, pbc):
            raise TlmlpError("`cell` has zero volume although the structure is periodic")
        try:
            edge_index, vectors, shifts = self._list.find(positions, cell, pbc)
        except RuntimeError as error:
            raise TlmlpError(str(error)) from None
        squares = vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2
        if len(squares) and squares.min() < COINCIDE**2:
            e = int(squares.argmin())
            source, target = edge_index[:, e]
            raise TlmlpError(f"atoms {source} and {target} coincide (distance {np.sqrt(squares[e]):.1e} Å)")
        return edge_index, vectors, shifts


def neighbour_list(
    positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All directed edges j -> i with distance below ``cutoff``, images of an atom itself included.

    ``positions`` (n, 3) Å, ``cell`` (3, 3) Å with the lattice vectors as rows, ``pbc`` (3,), ``cutoff`` Å.

    Returns ``edge_index`` (2, E) int64 with the source j in row 0 and the target i in row 1, and two arrays by edge.
    They are ``edge_vector`` (E, 3) float64 in Å, r_j - r_i + S.cell, and ``shifts`` S (E, 3) int64. Edges are sorted by
    (target, source, shift). For each edge its reverse is there too, with exactly the opposite vector.

    Raises :class:`TlmlpError` for NaN or infinite input, a periodic cell without volume, and coinciding atoms. As the
    engine does, it also refuses more than 10,000 neighbours of an atom, before it searches.
    """
    return NeighbourList(cutoff).find(positions, cell, pbc)


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
