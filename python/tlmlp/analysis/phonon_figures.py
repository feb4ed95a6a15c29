"""Figures of phonons: bands beside the density of states, densities by element, and thermal properties."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.console import console
from tlmlp.figures import COLOURS, save_sheet

if TYPE_CHECKING:
    from tlmlp.analysis.phonon_comparison import ModelPhonons, PhononComparison

REFERENCE_COLOUR = "0.45"
#: More models than this are one colour, so that the spread can be seen.
MANY = len(COLOURS) - 1


def draw_phonons(result: PhononComparison, out: Path) -> bool:
    """``phonons``, ``dos`` and ``thermal``, each as PNG and SVG, in the folder ``out``; False without matplotlib."""
    if find_spec("matplotlib") is None:
        console.print("no figures without matplotlib (pip install matplotlib); their numbers are in the CSV files")
        return False
    from matplotlib.figure import Figure

    styles = _styles(result)
    sheet = Figure(figsize=(9.0, 4.4), layout="constrained")
    left, right = sheet.subplots(1, 2, sharey=True, width_ratios=(3.0, 1.0))
    _bands(left, result.all(), styles)
    _density_upright(right, result.all(), styles)
    _legend(right, result, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save_sheet(sheet, out / "phonons")

    elements = list(dict.fromkeys(e for m in result.all() for e in m.density().projected))
    rows = 1 if len(elements) == 1 else 1 + len(elements)
    sheet = Figure(figsize=(6.4, 1.2 + 2.4 * rows), layout="constrained")
    axes = np.atleast_1d(sheet.subplots(rows, 1, sharex=True))
    for m in result.all():
        d, style = m.density(), styles[m.name]
        axes[0].plot(d.frequencies, d.tetrahedron, label=m.name, **style)
        axes[0].plot(d.frequencies, d.smearing, **{**style, "alpha": 0.5, "ls": ":"})
        for axis, element in zip(axes[1:], elements, strict=False):
            if element in d.projected:
                axis.plot(d.frequencies, d.projected[element], **style)
    axes[0].set_ylabel("density of states (1/THz)")
    axes[0].set_title("solid: tetrahedra; dotted: Gaussian smearing", fontsize="small")
    for axis, element in zip(axes[1:], elements, strict=False):
        axis.set_ylabel(f"on {element} (1/THz)")
    for axis in axes:
        axis.set_ylim(bottom=0.0)
    _legend(axes[0], result)
    axes[-1].set_xlabel("frequency (THz)")
    save_sheet(sheet, out / "dos")

    sheet = Figure(figsize=(10.0, 3.2), layout="constrained")
    for axis, values, label in zip(
        sheet.subplots(1, 3),
        ("free_energy", "entropy", "heat_capacity"),
        ("free energy (kJ/mol of atoms)", "entropy (J/K/mol of atoms)", "heat capacity $C_V$ (J/K/mol of atoms)"),
        strict=True,
    ):
        for m in result.all():
            axis.plot(m.thermal.temperatures, getattr(m.thermal, values), label=m.name, **styles[m.name])
        axis.set(xlabel="temperature (K)", ylabel=label)
        if values == "heat_capacity":
            axis.axhline(24.943, color="0.7", lw=0.8, zorder=0)
            axis.annotate(
                "3R", (0, 24.943), xytext=(2, -3), textcoords="offset points", va="top", color="0.5", fontsize="small"
            )
            _legend(axis, result, loc="lower right")
    save_sheet(sheet, out / "thermal")
    return True


def _legend(axis: Any, result: PhononComparison, **where: Any) -> None:
    """One entry per model, or one for all where they share a colour; and the reference."""
    handles, labels = axis.get_legend_handles_labels()
    if (n := len(result.models)) > MANY:
        handles, labels = [handles[0], *handles[n:]], [f"{n} models", *labels[n:]]
    axis.legend(handles, labels, frameon=False, fontsize="small", **where)


def _styles(result: PhononComparison) -> dict[str, dict[str, Any]]:
    """Line of each model; the reference is a broad grey line below the others."""
    many = len(result.models) > MANY
    styles: dict[str, dict[str, Any]] = {
        m.name: {"color": COLOURS[0 if many else k], "lw": 0.7 if many else 1.1, "alpha": 0.6 if many else 1.0}
        for k, m in enumerate(result.models)
    }
    if result.reference is not None:
        styles[result.reference.name] = {"color": REFERENCE_COLOUR, "lw": 2.2, "alpha": 0.7, "zorder": 1}
    return styles


def _bands(axis: Any, found: Sequence[ModelPhonons], styles: dict[str, dict[str, Any]]) -> None:
    """Bands of all models over the path of the first: segments of other lattice constants are stretched to it."""
    first, x, ticks = found[0], 0.0, []
    for n, segment in enumerate(first.path):
        for m in found:
            along = np.linspace(x, x + segment.length, len(m.bands[n]))
            axis.plot(along, m.bands[n], **styles[m.name])
        before = first.path[n - 1].end if n else None
        joined = before is None or before == segment.start
        ticks.append((x, segment.start if joined else f"{before}|{segment.start}"))
        axis.axvline(x, color="0.8", lw=0.6, zorder=0)
        x += segment.length
    ticks.append((x, first.path[-1].end))
    axis.axhline(0.0, color="0.8", lw=0.6, zorder=0)
    axis.set_xlim(0.0, x)
    axis.set_xticks([t for t, _ in ticks], [name for _, name in ticks])
    axis.set_ylabel("frequency (THz)")


def _density_upright(axis: Any, found: Sequence[ModelPhonons], styles: dict[str, dict[str, Any]]) -> None:
    for m in found:
        axis.plot(m.density().tetrahedron, m.density().frequencies, label=m.name, **styles[m.name])
    axis.set_xlim(left=0.0)
    axis.set_xlabel("density of states (1/THz)")
