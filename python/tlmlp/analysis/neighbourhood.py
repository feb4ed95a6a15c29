"""Distances, bonds and angles in a periodic cell, by freud."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlmlp.analysis.trajectory import Trajectory
from tlmlp.data.neighbours import perpendicular_widths
from tlmlp.errors import TlmlpError
from tlmlp.lammps.box import lammps_frame

#: Å, by which g(r) is smoothed (a Gaussian's standard deviation) before its first minimum is looked for.
SMOOTHING = 0.06
#: Atoms whose angles are computed at once.
CHUNK = 4096


@dataclass(frozen=True)
class PairDistributions:
    """Means over the frames of a trajectory, on bins of distance."""

    #: (bins,) g(r) of all pairs.
    total: np.ndarray
    #: (bins,) mean number of neighbours up to the upper edge of each bin.
    running: np.ndarray
    #: (bins,) by pair of elements; empty for one element.
    partial: dict[str, np.ndarray]


def freud_module() -> Any:
    """The package freud.

    :raises TlmlpError: when it is not installed
    """
    try:
        import freud
    except ImportError:
        raise TlmlpError("freud is not installed: pip install 'tlmlp[analysis]'") from None
    return freud


class WideCell:
    """A cell repeated until it is wider than twice ``reach`` in every direction, for freud.

    freud compares nearest images alone; in the wide cell they are all there are within ``reach``.
    """

    def __init__(self, cell: np.ndarray, reach: float) -> None:
        rows, _ = lammps_frame(cell, np.ones(3, dtype=bool))
        self._copies = np.maximum(1, np.ceil(2.0 * reach * (1.0 + 1e-5) / perpendicular_widths(rows))).astype(int)
        self._inverse = np.linalg.inv(cell)
        self._wide = rows * self._copies[:, None]
        # The atoms themselves come first, then their images.
        self._shifts = np.array(list(itertools.product(*(range(n) for n in self._copies))))[:, None]
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = self._wide
        #: freud's box, whose origin is its middle.
        self.box = freud_module().box.Box(lx, ly, lz, xy / ly, xz / lz, yz / lz)

    def points(self, positions: np.ndarray) -> np.ndarray:
        """(copies, n, 3) Å in the frame of :attr:`box`: atoms at ``positions`` (n, 3), and their images."""
        fractional = positions @ self._inverse
        fractional -= np.floor(fractional)
        return ((self._shifts + fractional) / self._copies - 0.5) @ self._wide


def wide_frames(trajectory: Trajectory, reach: float) -> Iterator[tuple[WideCell, np.ndarray]]:
    """Wide cell and its points for each frame."""
    cell: np.ndarray | None = None
    wide: WideCell | None = None
    for positions, current in zip(trajectory.positions, trajectory.cells, strict=True):
        if wide is None or cell is None or not np.array_equal(cell, current):
            cell, wide = current, WideCell(current, reach)
        yield wide, wide.points(positions)


def pair_distributions(trajectory: Trajectory, kinds: list[str], bins: int, r_max: float) -> PairDistributions:
    """g(r) as freud normalises it: counts over those of the density N/V, so that a gas without forces has 1 - 1/N."""
    freud = freud_module()
    members = {kind: np.flatnonzero(np.array(trajectory.symbols) == kind) for kind in kinds}
    pairs = list(itertools.combinations_with_replacement(kinds, 2))
    engine = freud.density.RDF(bins=bins, r_max=r_max)
    sums = {pair: np.zeros(bins) for pair in pairs}
    running = np.zeros(bins)
    n = len(trajectory.symbols)
    for cell, points in wide_frames(trajectory, r_max):
        for first, second in pairs:
            around = points[:, members[second]].reshape(-1, 3)
            query = {"mode": "ball", "r_max": r_max, "exclude_ii": first == second}
            engine.compute((cell.box, around), query_points=points[0, members[first]], neighbors=query)
            sums[first, second] += engine.rdf
            both_ways = 1.0 if first == second else 2.0
            running += np.cumsum(engine.bin_counts) * both_ways / n
    frames = len(trajectory)
    share = {kind: len(rows) / n for kind, rows in members.items()}
    partial = {pair: sum_ / frames for pair, sum_ in sums.items()}
    total = sum(
        partial[first, second] * share[first] * share[second] * (1.0 if first == second else 2.0)
        for first, second in pairs
    )
    named = {f"{first}-{second}": curve for (first, second), curve in partial.items()} if len(kinds) > 1 else {}
    return PairDistributions(np.asarray(total), running / frames, named)


def first_minimum(r: np.ndarray, g: np.ndarray) -> float:
    """Distance (Å) of the first minimum of g(r) behind its first peak; the middle of it where g is zero for a while.

    :raises TlmlpError: when there is none
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    smooth = gaussian_filter1d(g, SMOOTHING / (r[1] - r[0]))
    peaks, _ = find_peaks(np.append(smooth, 0.0), height=1.2, prominence=0.2)
    if len(peaks):
        behind = smooth[peaks[0] :]
        minima, _ = find_peaks(-behind, prominence=0.05)
        if len(minima):
            return float(r[peaks[0] + minima[0]])
    raise TlmlpError(
        f"g(r) has no first minimum below {r[-1]:.2f} Å: give --cutoff, the length of the longest bond, or more frames"
    )


def close_bonds(cell: WideCell, points: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres (bonds,), rising, and vectors (bonds, 3) Å of all neighbours nearer than ``cutoff`` Å.

    :param points: (copies, n, 3) of a cell made for this cutoff
    """
    query = freud_module().locality.AABBQuery(cell.box, points.reshape(-1, 3))
    found = query.query(points[0], {"mode": "ball", "r_max": cutoff, "exclude_ii": True}).toNeighborList()
    return np.asarray(found.query_point_indices), np.asarray(found.vectors, dtype=np.float64)


def angle_counts(centres: np.ndarray, vectors: np.ndarray, n_atoms: int, width: float) -> np.ndarray:
    """Numbers of angles between two bonds of the same centre, on bins of ``width`` degrees from 0 to 180."""
    counts = np.zeros(round(180.0 / width))
    if len(centres) == 0:
        return counts
    of_atom = np.bincount(centres, minlength=n_atoms)
    first = np.concatenate([[0], np.cumsum(of_atom)])
    places = of_atom.max()
    one, two = np.triu_indices(places, 1)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(0, n_atoms, CHUNK):
        stop = min(start + CHUNK, n_atoms)
        part = slice(first[start], first[stop])
        table = np.zeros((stop - start, places, 3))
        rows = centres[part] - start
        table[rows, np.arange(first[start], first[stop]) - first[centres[part]]] = units[part]
        cosines = np.einsum("nax,nbx->nab", table, table)[:, one, two]
        there = two < of_atom[start:stop, None]
        degrees = np.degrees(np.arccos(np.clip(cosines[there], -1.0, 1.0)))
        counts += np.bincount(np.minimum(degrees / width, len(counts) - 1).astype(int), minlength=len(counts))
    return counts
