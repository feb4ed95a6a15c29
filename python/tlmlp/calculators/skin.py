"""A neighbour list that is kept while the atoms move little, and gives the same edges as a new one, bit by bit."""

import numpy as np

from tlmlp.data.neighbours import COINCIDE, neighbour_list
from tlmlp.errors import TlmlpError

Edges = tuple[np.ndarray, np.ndarray]

#: Part of the skin that is left unused, so that rounding in the test below cannot matter (Å).
GUARD = 1e-6


class SkinList:
    """Edges below ``cutoff``, chosen from a list of ``cutoff`` + ``skin`` that is searched only when it may be incomplete.

    :param cutoff: Å
    :param skin: Å; 0 searches every time

    With the list made at positions x0 in the cell h0, let F = h0^-1 h be the deformation of the cell since, and
    u = x - x0 F what the atoms did beyond following it. An edge vector then was (v - u_j + u_i) F^-1, so every pair now
    within the cutoff is in the list as long as (cutoff + 2 max|u|) ||F^-1|| <= cutoff + skin. The list thus
    lives through cell relaxations and barostats too. Vectors are computed as in :func:`neighbour_list` and the order
    is the same, so nothing about a result tells whether the list was new.
    """

    def __init__(self, cutoff: float, skin: float) -> None:
        if not (np.isfinite(skin) and skin >= 0.0):
            raise TlmlpError(f"`skin` must be a length in Å, 0 or more, got {skin}")
        self.cutoff, self.skin = cutoff, skin
        #: How often a list was searched for, and how often the old one served.
        self.builds = self.reuses = 0
        self._positions: np.ndarray | None = None

    def edges(self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> Edges:
        """``edge_index`` (2, E) and ``edge_vector`` (E, 3) in Å.

        :raises TlmlpError: as :func:`neighbour_list`
        """
        if self.skin == 0.0:
            self.builds += 1
            return neighbour_list(positions, cell, pbc, self.cutoff)[:2]
        if not self._serves(positions, cell, pbc):
            self._search(positions, cell, pbc)
            self.builds += 1
        else:
            self.reuses += 1
        source, target = self._index
        # As in neighbour_list: elementwise, so that an edge and its reverse are exactly opposite.
        vectors = positions[source] - positions[target]
        if self._shifted.any():
            s = self._shifts
            vectors[self._shifted] += s[:, :1] * cell[0] + s[:, 1:2] * cell[1] + s[:, 2:] * cell[2]
        square = vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 2] ** 2
        near = np.flatnonzero(np.sqrt(square) < self.cutoff)
        if len(near):
            e = near[square[near].argmin()]
            if square[e] < COINCIDE**2:
                raise TlmlpError(f"atoms {source[e]} and {target[e]} coincide (distance {np.sqrt(square[e]):.1e} Å)")
        return self._index[:, near], vectors[near]

    def _search(self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> None:
        self._positions = None  # stays so when the search refuses
        self._index, _, shifts = neighbour_list(positions, cell, pbc, self.cutoff + self.skin)
        self._shifted = shifts.any(axis=1)
        self._shifts = shifts[self._shifted]
        self._positions, self._cell, self._pbc = positions.copy(), cell.copy(), pbc.copy()

    def _serves(self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> bool:
        """Whether the list at hand holds every pair that is within the cutoff now."""
        old = self._positions
        if old is None or old.shape != positions.shape or not np.array_equal(pbc, self._pbc):
            return False
        shrink = 1.0
        if not pbc.any() or np.array_equal(cell[pbc], self._cell[pbc]):
            moved = positions - old
        elif pbc.all():
            back = np.linalg.solve(cell, self._cell) if np.linalg.det(cell) else np.full((3, 3), np.inf)
            if not np.isfinite(back).all() or not np.linalg.det(back):
                return False
            shrink = float(np.linalg.norm(back, 2))
            moved = positions - old @ np.linalg.inv(back)
        else:
            return False
        if not len(moved):
            return True
        reach = self.cutoff + 2.0 * float(np.sqrt((moved**2).sum(axis=1).max()))
        return reach * shrink <= self.cutoff + self.skin - GUARD  # false for NaN
