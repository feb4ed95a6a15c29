"""Which frames are copies of one geometry: one definition for the checks, the splits and the trainings.

Two frames are copies when the atoms of one can be assigned to those of the other with no atom moved by more than
:data:`TOLERANCE`. The assignment keeps elements, and lattice translations do not count. The order of the atoms, the
images they are given by, and the digits that a format keeps do not matter. Distances are compared, not digests of
rounded numbers: a grid has edges, and two roundings of one number may lie on either side of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tlmlp.data.frame import Frame

#: Å; two files of one geometry with four decimals differ by 1e-4 Å along each axis, steps of dynamics by over 1e-3 Å.
TOLERANCE = 2e-4
#: Å; how far the descriptors of copies may lie apart: what the atoms move, and as much again for the cell.
_REACH = 3.0 * TOLERANCE
#: Directions of the waves across the periodic ones, in columns, and where each wave begins: any will do that no crystal has.
_ACROSS = np.array([[0.64, -0.48, 0.60], [0.768, 0.36, -0.5301], [0.024, 0.8, 0.6]])
_PHASES = np.array([0.3, 1.1, 2.0])
#: Pairs of atoms whose distances are taken at once.
_AT_ONCE = 1_000_000


def families(frames: Sequence[Frame]) -> list[int]:
    """For each frame the index of the first frame that it is a copy of; its own where it is none.

    Firsts are never copies of each other.
    """
    first = list(range(len(frames)))
    kinds: dict[bytes, list[int]] = defaultdict(list)
    for n, frame in enumerate(frames):
        kinds[np.sort(frame.atomic_numbers).tobytes() + frame.pbc.tobytes()].append(n)
    for members in kinds.values():
        if len(members) > 1:
            for n, leader in _within(frames, members):
                first[n] = leader
    return first


def are_copies(one: Frame, other: Frame) -> bool:
    """Whether two frames have the same geometry."""
    return families([one, other])[1] == 0


def _within(frames: Sequence[Frame], members: list[int]) -> list[tuple[int, int]]:
    """(frame, first of its family) for the copies among ``members``, which have the same elements and open directions."""
    from scipy.spatial import cKDTree

    shapes = [_Shape(frames[n]) for n in members]
    sorted_fields = np.stack([shape.field for shape in shapes])
    points = np.stack([shape.point for shape in shapes])
    tree = cKDTree(points)
    found: list[tuple[int, int]] = []
    free = np.ones(len(members), dtype=bool)
    for k in range(len(members)):
        if not free[k]:
            continue
        near = np.array(sorted(tree.query_ball_point(points[k], _REACH, p=np.inf)), dtype=np.int64)
        near = near[(near > k) & free[near]]
        near = near[np.abs(sorted_fields[near] - sorted_fields[k]).max(axis=1, initial=0.0) <= _REACH]
        for m in near:
            if shapes[k].is_at(shapes[m]):
                found.append((members[m], members[k]))
                free[m] = False
    return found


class _Shape:
    """A geometry, and numbers of it that copies share: they change by no more than the atoms move, whatever their order
    and images.

    The field is the mean of three plane waves, scaled so that its gradient is at most 1 per Å: one with the period of
    each periodic lattice vector, and in place of the others waves of 2 pi Å across the periodic ones. ``field`` holds
    its sorted values at the atoms of each element, ``point`` the mean of each wave and the periodic rows of the cell.
    """

    def __init__(self, frame: Frame):
        self.numbers, self.positions = frame.atomic_numbers, frame.positions
        self.rows = frame.cell[frame.pbc]
        self.inverse = np.linalg.pinv(self.rows)
        waves = np.where(frame.pbc, 0.0, _ACROSS)
        waves -= self.inverse @ (self.rows @ waves)
        waves[:, frame.pbc] = 2.0 * np.pi * self.inverse
        phases, slope = self.positions @ waves, np.maximum(np.linalg.norm(waves, axis=0), 1.0 * ~frame.pbc)
        cosines, sines = np.cos(phases) / slope, np.sin(phases) / slope
        field = (cosines * np.cos(_PHASES) + sines * np.sin(_PHASES)).mean(axis=1)
        self.order = np.lexsort((field, self.numbers))
        self.field = field[self.order]
        self.point = np.concatenate([cosines.mean(axis=0), sines.mean(axis=0), self.rows.ravel()])

    def is_at(self, other: _Shape) -> bool:
        """Whether the atoms of ``other`` lie where these do, one on each."""
        if (np.abs(self.rows - other.rows) > TOLERANCE).any():
            return False
        if np.array_equal(self.numbers, other.numbers):  # the same order, as nearly always
            if (self._distances(other.positions - self.positions) <= TOLERANCE).all():
                return True
        return all(self._assigned(other, number) for number in np.unique(self.numbers))

    def _assigned(self, other: _Shape, number: int) -> bool:
        """The same for the atoms of one element; only atoms with nearly the same field are compared."""
        mine, theirs = (shape.order[shape.numbers[shape.order] == number] for shape in (self, other))
        values = other.field[other.numbers[other.order] == number]
        field = self.field[self.numbers[self.order] == number]
        low, high = (np.searchsorted(values, field + side * _REACH) for side in (-1.0, 1.0))
        ends = np.cumsum(high - low)
        taken = np.zeros(len(mine), dtype=bool)
        begin = 0
        while begin < len(mine):
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + _AT_ONCE)))
            counts = (high - low)[begin:end]
            row = np.repeat(np.arange(begin, end), counts)
            column = np.arange(len(row)) + np.repeat(high[begin:end] - np.cumsum(counts), counts)
            on = self._distances(other.positions[theirs[column]] - self.positions[mine[row]]) <= TOLERANCE
            if not np.array_equal(row[on], np.arange(begin, end)) or taken[column[on]].any():
                return False
            taken[column[on]] = True
            begin = end
        return bool(taken.all())

    def _distances(self, vectors: np.ndarray) -> np.ndarray:
        """Lengths in Å of ``vectors`` (..., 3), less the nearest lattice translation."""
        return np.linalg.norm(vectors - np.round(vectors @ self.inverse) @ self.rows, axis=-1)
