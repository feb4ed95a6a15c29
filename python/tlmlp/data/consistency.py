"""Do energies, forces and stresses belong together? Finite differences between frames of the same data.

Between two frames with the same atoms, close together, dE = -(F_a + F_b)/2 . dx + V (s_a + s_b)/2 : strain, exactly for
a harmonic crystal. The slope of dE against that sum is 1 for consistent labels; -1 tells a wrong sign, and other
values the ratio of two units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.data.neighbours import neighbour_list

#: Pairs of frames in which no atom moved further than this (Å, in the mean over atoms) count as close.
CLOSE_ANG = 0.35
#: Largest component of the strain between two frames of different cells that are compared.
CLOSE_STRAIN = 0.045
#: Strained pairs say something about the stress on two conditions: beside the strain the atoms move by less than this
#: (Å, root mean square), and the forces do at most this share of the work.
STILL_ANG, FORCE_SHARE = 0.1, 0.3
#: Slopes and what they mean, for energies against the work of the forces.
SLOPES = {
    -1.0: "the forces have the wrong sign (they look like gradients)",
    51.422: "the forces look like Hartree/Bohr beside energies in eV",
    27.211: "the forces look like Hartree/Å beside energies in eV",
    1.8897: "the forces look like Hartree/Bohr beside energies in Hartree, or eV/Bohr beside eV",
    1.0 / 27.211: "the energies look like Hartree beside forces in eV/Å",
    23.061: "the energies look like kcal/mol beside forces in eV/Å",
    1.0 / 23.061: "the forces look like kcal/mol/Å beside energies in eV",
    96.485: "the energies look like kJ/mol beside forces in eV/Å",
    1.0 / 964.85: "the forces look like kJ/mol/nm beside energies in eV",
    0.1: "the forces look like kJ/mol/nm beside energies in kJ/mol",
}
#: Pools of many thousand frames are looked at in part: so many frames of one cell, and so many frames under strain.
MOST_OF_A_CELL, MOST_STRAINED = 100, 500
#: A frame is compared with so many of those that follow it.
REACH = 40
#: Fewest pairs from which a slope is believed, and the share of the variance that it must explain.
MIN_PAIRS, MIN_R2 = 5, 0.8


def consistency_warnings(frames: Sequence[Frame], smallest_distance: float | None) -> list[str]:
    """What looks wrong about the units and signs of ``frames``, in words; empty if nothing does."""
    return check_consistency(frames, smallest_distance)[0]


def check_consistency(frames: Sequence[Frame], smallest_distance: float | None) -> tuple[list[str], list[str]]:
    """What looks wrong about the units and signs of ``frames``, and what could not be tested, in words."""
    warnings, untested = [], []
    slope = force_slope(frames)
    if slope is not None and not 0.6 < slope < 1.7:
        meaning = next(
            (text for value, text in SLOPES.items() if 0.75 < slope / value < 1.33),
            "energies and forces have different units or origins",
        )
        warnings.append(
            f"between neighbouring frames the energy changes by {slope:.3g} times the work of the forces: {meaning}"
        )
    elif slope is None and (push := short_bond_push(frames)) is not None and push < -3.0:
        warnings.append("atoms that are closest together are pulled together by their forces: wrong sign?")
    if slope is None:
        untested.append(
            "whether the forces are the derivative of the energies, in the same units: no pairs of close frames of one "
            "cell have both"
        )
    slope = stress_slope(frames)
    if slope is not None and not 0.5 < slope < 2.0:
        meaning = (
            "the stress has the wrong sign (positive must mean tension)"
            if -2.0 < slope < -0.5
            else f"the stress is not in eV/Å^3{' (GPa?)' if 1 / 300 < slope < 1 / 80 else ''}"
        )
        warnings.append(f"under strain the energy changes by {slope:.3g} times the work of the stress: {meaning}")
    if slope is None and any(f.stress is not None for f in frames):
        untested.append("unit and sign of the stress: no pairs of frames differ by a small strain alone")
    warnings += _magnitude_warnings(frames, smallest_distance)
    return warnings, untested


@dataclass(frozen=True)
class _Labelled:
    """A frame with the labels that force matching needs, none of them missing."""

    frame: Frame
    energy: float
    forces: np.ndarray


@dataclass(frozen=True)
class _Strained(_Labelled):
    stress: np.ndarray


def force_slope(frames: Sequence[Frame]) -> float | None:
    """Slope of energy differences against the work of the forces, over close pairs of frames with one cell."""
    families: dict[bytes, list[_Labelled]] = defaultdict(list)
    for f in frames:
        if f.energy is not None and f.forces is not None:
            key = np.round(f.cell, 4).tobytes() + f.atomic_numbers.tobytes() + f.pbc.tobytes()
            families[key].append(_Labelled(f, f.energy, f.forces))
    pairs = []
    for family in families.values():
        family = family[:MOST_OF_A_CELL]
        for n, a in enumerate(family):
            for b in family[n + 1 : n + REACH]:
                step = _wrapped(b.frame.positions - a.frame.positions, a.frame)
                if 0.0 < np.sqrt((step**2).sum(axis=1).mean()) < CLOSE_ANG:
                    pairs.append((b.energy - a.energy, -0.5 * ((a.forces + b.forces) * step).sum()))
    return _slope(pairs)


def stress_slope(frames: Sequence[Frame]) -> float | None:
    """Slope of energy differences, less the work of the forces, against the work of the stress. It is taken over pairs
    of frames that differ by a small strain. Both orders of the pair give the same, so each counts once."""
    families: dict[bytes, list[_Strained]] = defaultdict(list)
    for f in frames:
        if f.energy is not None and f.forces is not None and f.stress is not None and f.pbc.all():
            families[f.atomic_numbers.tobytes()].append(_Strained(f, f.energy, f.forces, f.stress))
    pairs = []
    for family in families.values():
        family = family[:: max(1, len(family) // MOST_STRAINED)]
        fractional = [f.frame.positions @ np.linalg.inv(f.frame.cell) for f in family]
        for n, a in enumerate(family):
            for m in range(n + 1, min(n + REACH, len(family))):
                b = family[m]
                gradient = np.linalg.solve(a.frame.cell, b.frame.cell) - np.eye(3)
                if not 1e-4 < abs(gradient).max() < CLOSE_STRAIN:
                    continue
                step = fractional[m] - fractional[n]
                step = (step - np.round(step)) @ (0.5 * (a.frame.cell + b.frame.cell))
                strain = 0.5 * (gradient + gradient.T)
                work = 0.25 * (a.frame.volume + b.frame.volume) * ((a.stress + b.stress) * strain).sum()
                force_work = -0.5 * ((a.forces + b.forces) * step).sum()
                still = np.sqrt((step**2).sum(axis=1).mean()) < STILL_ANG
                if still and abs(force_work) < FORCE_SHARE * abs(b.energy - a.energy):
                    pairs.append((b.energy - a.energy - force_work, work))
    return _slope(pairs)


def _wrapped(step: np.ndarray, frame: Frame) -> np.ndarray:
    if not frame.pbc.all():
        return step
    fractional = step @ np.linalg.inv(frame.cell)
    return step - np.round(fractional) @ frame.cell


def _slope(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < MIN_PAIRS:
        return None
    change, work = np.array(pairs).T
    power = (work**2).sum()
    if power == 0.0 or (change**2).sum() == 0.0:
        return None
    slope = (change * work).sum() / power
    explained = 1.0 - ((change - slope * work) ** 2).sum() / (change**2).sum()
    return float(slope) if explained > MIN_R2 else None


def short_bond_push(frames: Sequence[Frame]) -> float | None:
    """How strongly the forces push the closest pair of each frame apart, as mean over standard error (None for fewer
    than five frames)."""
    pushes = []
    for f in frames[:: max(1, len(frames) // 50)]:
        if f.forces is None:
            continue
        edges, vectors, _ = neighbour_list(f.positions, f.cell, f.pbc, 3.5)
        if len(vectors):
            e = int((vectors**2).sum(axis=1).argmin())
            source, target = edges[:, e]
            pushes.append((f.forces[source] - f.forces[target]) @ vectors[e] / np.linalg.norm(vectors[e]))
    if len(pushes) < MIN_PAIRS or np.std(pushes) == 0.0:
        return None
    return float(np.mean(pushes) / (np.std(pushes) / np.sqrt(len(pushes))))


def _magnitude_warnings(frames: Sequence[Frame], smallest_distance: float | None) -> list[str]:
    from ase.data import covalent_radii

    warnings = []
    forces = [f.forces for f in frames if f.forces is not None]
    if forces:
        rms = float(np.sqrt(np.mean(np.concatenate([f.ravel() for f in forces]) ** 2)))
        if rms > 15.0:
            warnings.append(f"forces of {rms:.3g} eV/Å (rms) are very large: kcal/mol/Å or kJ/mol/nm?")
        elif 0.0 < rms < 0.02:
            warnings.append(f"forces of {rms:.3g} eV/Å (rms) are very small: Hartree/Bohr, or relaxed structures?")
        total = max(float(np.abs(f.sum(axis=0)).max()) for f in forces)
        if total > 0.1 and total > 0.2 * rms * np.sqrt(max(len(f) for f in forces)):
            warnings.append(f"the forces of a frame add up to {total:.3g} eV/Å, not to zero: is a part missing?")
    if smallest_distance is not None:
        radius = min(float(covalent_radii[f.atomic_numbers].min()) for f in frames)
        if smallest_distance < 1.0 * radius:
            warnings.append(
                f"the smallest distance is {smallest_distance:.3g} Å, half of a bond or less: "
                "are the positions in nm, or do atoms overlap?"
            )
    return warnings
