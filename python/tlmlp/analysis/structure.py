"""The structure of a liquid, glass or crystal out of its trajectory: distances, angles, neighbours, diffusion.

>>> from tlmlp.analysis.structure import analyse
>>> found = analyse(["md/ge/trajectory.extxyz"], skip_ps=2.0)
>>> found.rdf.mean, found.cutoff, found.coordination

Distances and neighbours come from freud (https://freud.readthedocs.io), over true periodic images, so that curves continue
beyond half of a small cell.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tlmlp.analysis.curves import Curves
from tlmlp.analysis.diffusion import LEAST_FRAMES, Diffusion, diffusion
from tlmlp.analysis.neighbourhood import angle_counts, close_bonds, first_minimum, pair_distributions, wide_frames
from tlmlp.analysis.trajectory import Trajectory, read_trajectory
from tlmlp.errors import TlmlpError
from tlmlp.text import counted

#: Width of the bins of distances (Å) and of angles (degrees).
BIN, ANGLE_BIN = 0.02, 1.0
#: Å. The work of g(r) grows with the third power of its range, that of angles with the sixth of the cutoff.
FARTHEST, LONGEST_BOND = 50.0, 10.0


@dataclass(frozen=True)
class Structure:
    """What :func:`analyse` finds; every curve on bins that all trajectories share."""

    sources: list[str]
    groups: list[str]
    frames: list[int]
    #: g(r), 1 for a gas without forces (1 - 1/N for N atoms); ``x`` in Å.
    rdf: Curves
    #: g(r) of each pair of elements, such as ``"Si-Ge"``; empty for one element.
    partial_rdf: dict[str, Curves]
    #: Mean number of neighbours nearer than r; ``x`` in Å.
    running_coordination: Curves
    #: Å, of bonds and neighbours, and whether it was found from g(r) or given.
    cutoff: float
    cutoff_found: bool
    #: Density of the angles between two bonds of an atom, per degree, integral 1; ``x`` in degrees.
    adf: Curves
    #: Share of atoms with 0, 1, 2, ... neighbours.
    coordination_shares: Curves
    #: Mean-square displacement, Å^2; ``x`` in ps. None with :attr:`why_no_msd`.
    msd: Curves | None
    #: One per trajectory; None like :attr:`msd`, or where there are too few frames.
    diffusions: list[Diffusion] | None
    why_no_msd: str | None
    notes: list[str] = field(default_factory=list)

    @property
    def coordination(self) -> float:
        """Mean number of neighbours within the cutoff."""
        return float(self.coordination_shares.x @ self.coordination_shares.mean)

    @property
    def diffusion_coefficient(self) -> tuple[float, float] | None:
        """Å^2/ps and its standard error: over trajectories where there are several, else over atoms."""
        if self.diffusions is None:
            return None
        if len(self.diffusions) == 1:
            return self.diffusions[0].coefficient, self.diffusions[0].error
        values = np.array([one.coefficient for one in self.diffusions])
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def analyse(
    trajectories: Sequence[str | os.PathLike[str] | Trajectory],
    *,
    groups: Sequence[str] | None = None,
    cutoff: float | None = None,
    skip_ps: float = 0.0,
    r_max: float = 6.0,
    keep_drift: bool = False,
    elements: Sequence[str] | None = None,
    frame_fs: float | None = None,
) -> Structure:
    """Curves of all trajectories, which must have the same elements.

    :param groups: name of the group (a model, a temperature) of each trajectory; by default all are of one
    :param cutoff: Å, of bonds; by default the first minimum of the mean g(r)
    :param skip_ps: left out at the beginning of each, ps
    :param r_max: Å, up to which g(r) goes
    :param keep_drift: count the motion of the centre of mass as displacement; it is taken away otherwise
    :param elements: see :func:`~tlmlp.analysis.trajectory.read_trajectory`, like ``frame_fs``
    :raises TlmlpError: when a file is unusable, a number is out of range, nothing is left after ``skip_ps``, elements differ,
        or g(r) has no minimum
    """
    if not trajectories:
        raise TlmlpError("expected at least one trajectory")
    if not 10 * BIN < r_max <= FARTHEST:
        raise TlmlpError(f"r_max must be a length above {10 * BIN:g} Å and up to {FARTHEST:g} Å, got {r_max}")
    if cutoff is not None and not 0.0 < cutoff <= LONGEST_BOND:
        raise TlmlpError(
            f"the cutoff, the length of the longest bond, must be positive and up to {LONGEST_BOND:g} Å, got {cutoff}"
        )
    if not 0.0 <= skip_ps < np.inf:
        raise TlmlpError(f"the time to skip must be 0 ps or more, got {skip_ps}")
    names = ["all"] * len(trajectories) if groups is None else list(groups)
    if len(names) != len(trajectories):
        raise TlmlpError(f"expected one group for each of the {len(trajectories)} trajectories, got {len(names)}")
    read = [
        (one if isinstance(one, Trajectory) else read_trajectory(one, elements=elements, frame_fs=frame_fs)).after(
            skip_ps
        )
        for one in trajectories
    ]
    kinds = sorted(set(read[0].symbols))
    for one in read:
        if sorted(set(one.symbols)) != kinds:
            raise TlmlpError(
                f"trajectories of different elements: {read[0].source} has {', '.join(kinds)}, {one.source} has "
                f"{', '.join(sorted(set(one.symbols)))}; analyse them apart"
            )
    bins = round(r_max / BIN)
    r = (np.arange(bins) + 0.5) * BIN
    distances = [pair_distributions(one, kinds, bins, bins * BIN) for one in read]
    rdf = Curves(r, np.array([found.total for found in distances]), names)
    partial = {
        pair: Curves(r, np.array([found.partial[pair] for found in distances]), names) for pair in distances[0].partial
    }
    bond = first_minimum(r, rdf.mean) if cutoff is None else cutoff
    angles = [_angles(one, bond) for one in read]
    most = max(len(shares) for _, shares in angles)
    shares = np.array([np.pad(shares, (0, most - len(shares))) for _, shares in angles])
    msd, diffusions, why = _displacements(read, names, keep_drift)
    return Structure(
        [one.source for one in read],
        names,
        [len(one) for one in read],
        rdf,
        partial,
        Curves(r + 0.5 * BIN, np.array([found.running for found in distances]), names),
        bond,
        cutoff is None,
        Curves(np.arange(0.5 * ANGLE_BIN, 180.0, ANGLE_BIN), np.array([adf for adf, _ in angles]), names),
        Curves(np.arange(most, dtype=float), shares, names),
        msd,
        diffusions,
        why,
        [f"{one.source}: {note}" for one in read for note in one.notes],
    )


def _angles(one: Trajectory, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Density of the angles on 180/ANGLE_BIN bins, and shares of atoms with 0, 1, ... neighbours."""
    counts = np.zeros(round(180.0 / ANGLE_BIN))
    neighbours = np.zeros(1)
    for cell, points in wide_frames(one, cutoff):
        centres, vectors = close_bonds(cell, points, cutoff)
        of_atoms = np.bincount(np.bincount(centres, minlength=len(one.symbols)))
        neighbours = np.pad(neighbours, (0, max(0, len(of_atoms) - len(neighbours))))
        neighbours[: len(of_atoms)] += of_atoms
        counts += angle_counts(centres, vectors, len(one.symbols), ANGLE_BIN)
    total = counts.sum() * ANGLE_BIN
    return counts / total if total else counts, neighbours / neighbours.sum()


def _displacements(
    read: Sequence[Trajectory], names: list[str], keep_drift: bool
) -> tuple[Curves | None, list[Diffusion] | None, str | None]:
    """Mean-square displacements up to half of the shortest trajectory, coefficients, or why there are none."""
    spacings = []
    for one in read:
        if one.times is None:
            return None, None, f"{one.source} has no times: give --frame-fs, the fs between frames"
        steps = np.diff(one.times)
        if len(steps) < 3:
            return None, None, f"{one.source} has {counted(len(one), 'frame')}, at least 4 are needed for displacements"
        if np.ptp(steps) > 1e-3 * steps.mean():
            return None, None, f"the frames of {one.source} are not at equal times"
        spacings.append(float(steps.mean()))
    if np.ptp(spacings) > 1e-3 * spacings[0]:
        return (
            None,
            None,
            f"the time between frames differs among trajectories: {min(spacings):g} to {max(spacings):g} ps",
        )
    found = [diffusion(one, spacings[0], keep_drift=keep_drift) for one in read]
    length = min(len(one.msd) for one in found)
    curves = Curves(np.arange(length) * spacings[0], np.array([one.msd[:length] for one in found]), names)
    short = next((one for one in read if len(one) < LEAST_FRAMES), None)
    if short is not None:
        return (
            curves,
            None,
            f"{short.source} has {counted(len(short), 'frame')}, a diffusion coefficient needs {LEAST_FRAMES}",
        )
    return curves, found, None
