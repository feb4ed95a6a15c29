"""What looks wrong about the energies of a set: two zeros, numbers that repeat, copies that disagree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from tlmlp.data.copies import families
from tlmlp.data.frame import Frame
from tlmlp.data.isolated import isolated_energies, isolated_mask
from tlmlp.errors import TlmlpError
from tlmlp.text import are, counted, have

#: eV/atom; energies that lie further apart than this, and than so many times the spread on either side, are two clumps.
GAP, GAP_OVER_SPREAD = 1.5, 4.0
#: eV/atom; copies of one geometry whose energies differ by more than this disagree.
COPIES_AGREE = 1e-4


def energy_warnings(frames: Sequence[Frame], family: Sequence[int] | None = None) -> list[str]:
    """In words; ``family`` is what :func:`~tlmlp.data.copies.families` gives."""
    family = families(frames) if family is None else family
    isolated = isolated_mask(frames)
    known = [
        (frame, first)
        for frame, first, alone in zip(frames, family, isolated, strict=True)
        if frame.energy is not None and not alone
    ]
    warnings = []
    try:
        isolated_energies(frames)
    except TlmlpError as error:
        warnings.append(str(error))
    if len(known) < 2:
        return warnings
    return [*warnings, *_clumps([f for f, _ in known]), *_exact([f for f, _ in known]), *_copies(known)]


def _clumps(frames: Sequence[Frame]) -> list[str]:
    """The widest gap in the energies per atom, after what the composition explains is taken off."""
    numbers = sorted({z for f in frames for z in f.atomic_numbers.tolist()})
    fractions = np.array([[np.mean(f.atomic_numbers == z) for z in numbers] for f in frames])
    energies = np.array([f.energy / len(f) for f in frames if f.energy is not None])
    values = energies
    if len({tuple(row) for row in np.round(fractions, 3).tolist()}) > 1:
        # The median of the elements' share, robustly: a few rounds of weights that fall with the residual.
        weights = np.ones(len(values))
        for _ in range(30):
            solution = np.linalg.lstsq(fractions * weights[:, None], energies * weights, rcond=1e-8)[0]
            values = energies - fractions @ solution
            weights = 1.0 / np.sqrt(np.maximum(np.abs(values), 1e-3))
    order = np.argsort(values)
    steps = np.diff(values[order])
    at = int(steps.argmax())
    low, high = order[: at + 1], order[at + 1 :]
    spread = max(float(np.std(values[low])), float(np.std(values[high])))
    if steps[at] < GAP or steps[at] < GAP_OVER_SPREAD * spread:
        return []
    parts = [
        f"{counted(len(part), 'frame')} at {energies[part].min():.4g} to {energies[part].max():.4g} eV/atom{_groups(frames, part)}"
        for part in (low, high)
    ]
    return [
        f"the energies fall into two clumps, {parts[0]} and {parts[1]}, for example {frames[low[0]].source} and "
        f"{frames[high[0]].source}: do they have one zero (one code, one functional, one set of pseudopotentials)?"
    ]


def _groups(frames: Sequence[Frame], chosen: np.ndarray) -> str:
    names = Counter(frames[i].group for i in chosen if frames[i].group is not None)
    return f" ({', '.join(name for name, _ in names.most_common(3))})" if names else ""


def _exact(frames: Sequence[Frame]) -> list[str]:
    warnings = []
    zeros = [f for f in frames if f.energy == 0.0]
    if zeros:
        warnings.append(
            f"{counted(len(zeros), 'frame')} {have(len(zeros))} an energy of exactly 0, {zeros[0].source} first: were they not computed?"
        )
    stressed = [f for f in frames if f.stress is not None]
    still = [f for f in stressed if not np.any(f.stress)]
    if still and len(stressed) > 1:
        warnings.append(
            f"{len(still)} of {len(stressed)} stresses {are(len(still))} exactly 0, {still[0].source} first: were they not computed?"
        )
    counts = Counter(f.energy for f in frames if f.energy != 0.0)
    energy, most = counts.most_common(1)[0] if counts else (0.0, 0)
    different = {f.positions.tobytes() for f in frames if f.energy == energy}
    if most > max(3, 0.2 * len(frames)) and len(different) == most:
        warnings.append(f"{most} different geometries have the very same energy, {energy} eV: were they not computed?")
    return warnings


def _copies(known: Sequence[tuple[Frame, int]]) -> list[str]:
    """Copies whose energies differ."""
    members: dict[int, list[Frame]] = defaultdict(list)
    for frame, first in known:
        members[first].append(frame)
    worst, count, names = 0.0, 0, ("", "")
    for family in members.values():
        if len(family) > 1:
            ordered = sorted(family, key=lambda f: f.energy or 0.0)
            apart = ((ordered[-1].energy or 0.0) - (ordered[0].energy or 0.0)) / len(ordered[0])
            if apart > COPIES_AGREE:
                count += 1
                if apart > worst:
                    worst, names = apart, (ordered[0].source, ordered[-1].source)
    if not count:
        return []
    return [
        f"{counted(count, 'geometry is', 'geometries are')} there with several energies, up to {worst:.3g} eV/atom apart ({names[0]} and "
        f"{names[1]}): which is right?"
    ]
