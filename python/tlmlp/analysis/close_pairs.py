"""The distance below which two atoms count as too close, and the search for such a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlmlp.data.neighbours import NeighbourList

#: Share of the sum of two covalent radii (Cordero et al., Dalton Trans. 2832 (2008)): 2.00 Å for germanium.
RADII_SHARE = 5.0 / 6.0
#: Bins of the histogram of distances between zero and the limit: 0.02 Å wide for 2 Å.
BINS = 100
#: Å beyond the limit in which the smallest distance of a run is still seen.
BEYOND = 0.75


def default_min_distance(first: str, second: str) -> float:
    """Å, for a pair of elements: five sixths of the sum of their covalent radii, to 0.01 Å."""
    from ase.data import atomic_numbers, covalent_radii

    return round(RADII_SHARE * float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]]), 2)


def min_distances(symbols: Sequence[str], given: float | None = None) -> dict[str, float]:
    """Å by pair of elements, such as ``{"Ge-Ge": 2.0}``: ``given`` for all, else the defaults."""
    kinds = sorted(set(symbols))
    return {
        f"{a}-{b}": default_min_distance(a, b) if given is None else given
        for n, a in enumerate(kinds)
        for b in kinds[n:]
    }


@dataclass(frozen=True)
class ClosePair:
    """Two atoms nearer to each other than allowed."""

    #: Numbers of the atoms in the structure, from 0.
    atoms: tuple[int, int]
    elements: tuple[str, str]
    #: Å.
    distance: float
    #: Å; the bin of the histogram of distances that should be empty. The upper edge of the last bin is the limit.
    bin: tuple[float, float]


class PairCheck:
    """Looks for pairs below their limit, over true periodic images in any cell.

    :param limits: Å, from :func:`min_distances`
    """

    def __init__(self, symbols: Sequence[str], limits: dict[str, float]) -> None:
        self._symbols = list(symbols)
        kinds = sorted(set(symbols))
        self._kind = np.array([kinds.index(symbol) for symbol in symbols])
        self._limits = np.array([[limits[f"{min(a, b)}-{max(a, b)}"] for b in kinds] for a in kinds])
        self._search = NeighbourList(float(self._limits.max()) + BEYOND)

    def closest(
        self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray
    ) -> tuple[float | None, ClosePair | None]:
        """Smallest distance (Å; None when it is beyond what is searched), and the pair furthest below its limit or None.

        :param positions: (n, 3) Å, finite
        :param cell: (3, 3) Å, rows of open directions normal to the others
        """
        (second, first), vectors, _ = self._search.find(positions, cell, pbc)
        distances = np.sqrt((vectors**2).sum(axis=1))
        if len(distances) == 0:
            return None, None
        limits = self._limits[self._kind[first], self._kind[second]]
        worst = int(np.argmin(distances / limits))
        smallest, distance, limit = float(distances.min()), float(distances[worst]), float(limits[worst])
        if distance >= limit:
            return smallest, None
        a, b = sorted((int(first[worst]), int(second[worst])))
        width = limit / BINS
        low = min(int(distance / width), BINS - 1) * width
        elements = (self._symbols[a], self._symbols[b])
        return smallest, ClosePair((a, b), elements, distance, (round(low, 6), round(low + width, 6)))
