"""Look at data before training on it: counts, labels, units, ranges, cells, distances, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tlmlp.data.consistency import check_consistency
from tlmlp.data.copies import families
from tlmlp.data.energies import energy_warnings
from tlmlp.data.frame import Frame
from tlmlp.data.isolated import isolated_mask
from tlmlp.data.neighbours import neighbour_list, perpendicular_widths
from tlmlp.errors import TlmlpError
from tlmlp.text import are, counted, have
from tlmlp.units import EV_PER_ANG3_IN_GPA

SURFACE = "Surface"
#: A cell is skewed (not reduced) if the projection of one lattice vector on another is longer than this share of it.
SKEWED = 0.51
LABELS = ("energy", "forces", "stress")
UNITS = {"length": "Å", "energy": "eV/atom", "force": "eV/Å", "stress": "GPa, tensile positive"}


#: Readers that look whether the electrons of each step converged.
CONVERGENCE_KNOWN = ("vasp-out", "vasp-xml", "espresso-out", "cp2k", "abacus/scf", "abacus/md", "abacus/relax")


def check_files(
    files: Mapping[str, Sequence[Frame]],
    cutoff: float,
    advance: Callable[[], None] = lambda: None,
    *,
    notes: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Report on ``files`` (name -> frames) as a JSON-ready dict: one entry per file, duplicates between files,
    warnings in words, and what could not be checked. ``cutoff`` in Å decides which cells are narrow. ``advance`` is
    called after every frame. ``notes`` are what the readers said, ``kinds`` what each file is."""
    everything = [f for frames in files.values() for f in frames]
    family = families(everything)
    reports: list[dict[str, Any]] = []
    of_file: dict[str, list[int]] = {}
    for name, frames in files.items():
        start = sum(map(len, of_file.values()))
        of_file[name] = family[start : start + len(frames)]
        reports.append({"file": name, **_check_frames(frames, of_file[name], cutoff, advance)})
    shared = _shared(of_file)
    warnings = [f"{r['file']}: {w}" for r in reports for w in r["warnings"]]
    warnings += [
        f"{counted(d['frames'], 'frame')} of {d['files'][0]} {are(d['frames'])} in {d['files'][1]} too" for d in shared
    ]
    warnings += energy_warnings(everything, family)
    untested = [f"{r['file']}: {u}" for r in reports for u in r["not_checked"]]
    unsaid = [name for name in files if (kinds or {}).get(name) not in CONVERGENCE_KNOWN]
    if unsaid:
        untested.append(f"{', '.join(unsaid)}: whether the electrons converged, which such files do not say")
    untested.append(
        "whether all labels are of one code, functional, basis and k-point density; whether the energies are the "
        "free energies that the forces belong to, where a file does not say"
    )
    return {
        "notes": list(notes),
        "cutoff_ang": cutoff,
        "units": UNITS,
        "files": reports,
        "duplicates_between_files": shared,
        "warnings": warnings,
        "not_checked": untested,
    }


def minimum_image_edges(frame: Frame, cutoff: float) -> int:
    """Directed edges that a minimum-image search finds; fewer than the true number in narrow or skewed cells."""
    difference = frame.positions[None] - frame.positions[:, None]
    if frame.pbc.any():
        fractional = difference @ np.linalg.pinv(frame.cell)
        difference = difference - (np.round(fractional) * frame.pbc) @ frame.cell
    inside = (difference**2).sum(axis=2) < cutoff**2
    return int(inside.sum()) - len(frame)


def is_skewed(frame: Frame) -> bool:
    """Whether a periodic cell leans so far that adding one lattice vector to another would shorten it."""
    products = frame.cell @ frame.cell.T
    shortest = np.minimum.outer(np.diag(products), np.diag(products))
    off_diagonal = ~np.eye(3, dtype=bool)
    return bool(frame.pbc.all() and np.any(np.abs(products)[off_diagonal] > SKEWED * shortest[off_diagonal]))


def _check_frames(
    frames: Sequence[Frame], family: Sequence[int], cutoff: float, advance: Callable[[], None]
) -> dict[str, Any]:
    from ase.data import chemical_symbols

    cells, inner_cells = _Cells(cutoff), _Cells(cutoff)
    edges_total = 0
    nearest: tuple[float, str] | None = None
    broken: list[str] = []
    for frame in frames:
        advance()
        try:
            edges, vectors, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, cutoff)
        except TlmlpError as error:
            broken.append(f"{frame.source}: {error}")
            continue
        edges_total += edges.shape[1]
        if len(vectors):
            distance = float(np.sqrt((vectors**2).sum(axis=1).min()))
            if nearest is None or distance < nearest[0]:
                nearest = (distance, frame.source)
        cells.add(frame, edges.shape[1])
        if frame.group != SURFACE:
            inner_cells.add(frame, edges.shape[1])
    groups = Counter(f.group for f in frames)
    species = Counter(chemical_symbols[z] for f in frames for z in np.unique(f.atomic_numbers))
    sizes = [len(f) for f in frames]
    isolated = isolated_mask(frames)
    bound = [f for f, alone in zip(frames, isolated, strict=True) if not alone]
    alone = [f for f, alone in zip(frames, isolated, strict=True) if alone]
    copies = len(family) - len(set(family))
    report: dict[str, Any] = {
        "frames": len(frames),
        "frames_without_surfaces": len(frames) - groups.get(SURFACE, 0),
        "groups": {g or "": n for g, n in sorted(groups.items(), key=lambda item: item[0] or "")},
        "frames_with_element": dict(sorted(species.items())),
        "atoms": {"min": min(sizes), "max": max(sizes), "total": sum(sizes)},
        "edges_per_frame": edges_total / len(frames),
        "labelled_frames": {label: sum(getattr(f, label) is not None for f in frames) for label in LABELS},
        "energy_ev_per_atom": _range([f.energy / len(f) for f in bound if f.energy is not None]),
        "isolated_atoms": {
            "frames": len(alone),
            "energy_ev": _range([f.energy / len(f) for f in alone if f.energy is not None]),
        },
        "force_ev_per_ang": _force_range([f.forces for f in frames if f.forces is not None]),
        "pressure_gpa": _range(
            [-np.trace(f.stress) / 3.0 * EV_PER_ANG3_IN_GPA for f in frames if f.stress is not None]
        ),
        "volume_ang3_per_atom": _range([f.volume / len(f) for f in frames if f.pbc.all()]),
        "smallest_distance_ang": None if nearest is None else {"value": nearest[0], "frame": nearest[1]},
        "cells": cells.report(),
        "cells_without_surfaces": inner_cells.report(),
        "duplicates": copies,
    }
    warnings = list(broken)
    if copies:
        warnings.append(f"{counted(copies, 'frame is a copy', 'frames are copies')} of another")
    forced = [f for f in bound if f.forces is not None]
    if forced and not any(np.any(f.forces) for f in forced):
        warnings.append("all forces are exactly 0: were they not computed?")
    if not bound:
        elements = ", ".join(sorted({chemical_symbols[z] for f in alone for z in f.atomic_numbers.tolist()}))
        warnings.append(
            f"all frames are isolated atoms, of {elements}: they give the energy shift (loss.energy_shift: isolated), and "
            "are no training set by themselves"
        )
    for label in ("energy", "forces"):
        known = bound if label == "forces" else frames  # an isolated atom has no forces
        if 0 < (missing := sum(getattr(f, label) is None for f in known)):
            warnings.append(f"{missing} of {len(known)} frames {have(missing)} no {label}")
    untested: list[str] = ["units and signs, because neighbours cannot be listed"]
    if not broken:
        further, untested = check_consistency(frames, None if nearest is None else nearest[0])
        warnings += further
    report["warnings"], report["not_checked"] = warnings, untested
    return report


class _Cells:
    """Counts of periodic cells that are narrow, leaning, or too small for a minimum-image search."""

    def __init__(self, cutoff: float):
        self.cutoff = cutoff
        self.width: float | None = None
        self.below_cutoff = self.below_two = self.skewed = self.lossy = 0

    def add(self, frame: Frame, n_edges: int) -> None:
        if not frame.pbc.all():
            return
        width = float(perpendicular_widths(frame.cell).min())
        self.width = width if self.width is None else min(self.width, width)
        self.below_cutoff += width < self.cutoff
        self.below_two += width < 2.0 * self.cutoff
        self.skewed += is_skewed(frame)
        # A cell at least two cutoffs wide has no second image within reach.
        self.lossy += width < 2.0 * self.cutoff and minimum_image_edges(frame, self.cutoff) < n_edges

    def report(self) -> dict[str, Any]:
        return {
            "smallest_width_ang": self.width,
            "narrower_than_cutoff": int(self.below_cutoff),
            "narrower_than_two_cutoffs": int(self.below_two),
            "skewed": int(self.skewed),
            "minimum_image_loses_edges": int(self.lossy),
        }


def _range(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"min": float(np.min(values)), "mean": float(np.mean(values)), "max": float(np.max(values))}


def _force_range(forces: Sequence[np.ndarray]) -> dict[str, float] | None:
    if not forces:
        return None
    components = np.concatenate([f.ravel() for f in forces])
    return {
        "mean_abs": float(np.abs(components).mean()),
        "rms": float(np.sqrt((components**2).mean())),
        "max_norm": float(max(np.linalg.norm(f, axis=1).max() for f in forces)),
        "largest_total_per_frame": float(max(np.abs(f.sum(axis=0)).max() for f in forces)),
    }


def _shared(families_of: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    names = list(families_of)
    found = []
    for n, first in enumerate(names):
        for second in names[n + 1 :]:
            both = set(families_of[first]) & set(families_of[second])
            if both:
                found.append({"files": [first, second], "frames": len(both)})
    return found
