"""Parity figure of a comparison, as PNG and as the numbers in CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from tlmlp.figures import sheet_bytes
from tlmlp.files import atomic_write_bytes, atomic_write_text
from tlmlp.train.evaluation.comparison import Comparison

_COMPONENTS = {"force": "xyz", "stress": ("xx", "yy", "zz", "yz", "xz", "xy")}


def write_parity_csv(comparison: Comparison, path: Path) -> None:
    """One row per number: quantity, unit, frame, group, atom, component, reference, model."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["quantity", "unit", "frame", "group", "atom", "component", "reference", "model"])
    first = 0
    for n, frame in enumerate(comparison.frames):
        group = frame.group or ""

        def row(
            quantity: str, unit: str, atom: object, component: str, pair: np.ndarray, n: int = n, group: str = group
        ) -> None:
            if not np.isnan(pair[0]):
                out.writerow([quantity, unit, n, group, atom, component, *map(repr, pair.tolist())])

        row("energy", "eV/atom", "", "", comparison.energies[n])
        for atom, forces in enumerate(comparison.forces[first : first + len(frame)]):
            for component, pair in zip(_COMPONENTS["force"], forces, strict=True):
                row("force", "eV/Å", atom, component, pair)
        for component, pair in zip(_COMPONENTS["stress"], comparison.stresses[n], strict=True):
            row("stress", "GPa", "", component, pair)
        first += len(frame)
    atomic_write_text(path, text.getvalue())


def write_parity_figure(comparison: Comparison, path: Path, title: str) -> None:
    """Model against reference, one panel per quantity that has labels, coloured by group; PNG."""
    from matplotlib.figure import Figure

    groups = np.array([frame.group or "" for frame in comparison.frames])
    atoms = np.repeat(groups, [len(frame) for frame in comparison.frames])
    errors = comparison.errors()
    bound = np.where(comparison.isolated[:, None], np.nan, comparison.energies)  # atoms alone would stretch the axes
    panels = [
        ("energy (eV/atom)", bound, groups, "energy_mae_mev_per_atom", "meV/atom", 1),
        ("force component (eV/Å)", comparison.forces, atoms, "force_mae_ev_per_ang", "eV/Å", 4),
        ("stress component (GPa)", comparison.stresses, groups, "stress_mae_gpa", "GPa", 3),
    ]
    panels = [panel for panel in panels if errors[panel[3]] is not None]
    figure = Figure(figsize=(4.2 * max(len(panels), 1), 4.2), layout="constrained")
    for n, (name, pairs, labels, key, unit, digits) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), n + 1)
        for group in sorted(set(labels.tolist())):
            chosen = pairs[labels == group].reshape(-1, 2)
            axes.plot(chosen[:, 0], chosen[:, 1], ".", markersize=3, alpha=0.6, label=group or None, rasterized=True)
        low, high = np.nanmin(pairs), np.nanmax(pairs)
        axes.plot([low, high], [low, high], color="black", linewidth=0.7)
        axes.set(xlabel=f"reference {name}", ylabel=f"model {name}", title=f"MAE {errors[key]:.{digits}f} {unit}")
        axes.locator_params(nbins=5)
        if n == 0 and set(labels.tolist()) != {""}:
            axes.legend(markerscale=3, fontsize="small")
    figure.suptitle(title)
    atomic_write_bytes(path, sheet_bytes(figure, "png"))
