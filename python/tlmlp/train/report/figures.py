"""Figures of a training, each as PNG with its numbers beside it as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.figures import save_sheet, write_csv
from tlmlp.train.evaluation.comparison import Comparison

_LABELS = {
    "train_force_rmse_ev_per_ang": "training forces (eV/Å)",
    "val_force_rmse_ev_per_ang": "validation forces (eV/Å)",
    "train_energy_rmse_mev_per_atom": "training energies (meV/atom)",
    "val_energy_rmse_mev_per_atom": "validation energies (meV/atom)",
    "train_stress_rmse_gpa": "training stresses (GPa)",
    "val_stress_rmse_gpa": "validation stresses (GPa)",
}


def new_figure(n_axes: int, width: float = 4.6) -> tuple[Any, list[Any]]:
    """A matplotlib figure with ``n_axes`` axes in a row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * n_axes, 3.4), layout="constrained")
    return figure, [figure.add_subplot(1, n_axes, n + 1) for n in range(n_axes)]


def loss_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Root-mean-square errors of training and validation frames over the updates, from ``metrics.jsonl``."""
    kinds = [kind for kind in ("force", "energy", "stress") if any(f"_{kind}_" in key for key in rows[0])]
    figure, axes = new_figure(len(kinds))
    for kind, axis in zip(kinds, axes, strict=True):
        for key, label in _LABELS.items():
            points = [(row["update"], row[key]) for row in rows if f"_{kind}_" in key and row.get(key) is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, linewidth=1.2)
        axis.set(xlabel="update", ylabel="RMSE", yscale="log")
        if axis.has_data():
            axis.legend(fontsize="small")
    save_sheet(figure, path.with_suffix(""), ("png",))
    keys = ["update", "train_loss", *(key for key in _LABELS if key in rows[0])]
    write_csv(path.with_suffix(".csv"), [{key: row.get(key) for key in keys} for row in rows])


def learning_rate(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The learning rate over the updates."""
    figure, (axis,) = new_figure(1)
    axis.plot([row["update"] for row in rows], [row["learning_rate"] for row in rows])
    axis.set(xlabel="update", ylabel="learning rate", yscale="log")
    save_sheet(figure, path.with_suffix(""), ("png",))
    keys = ("update", "learning_rate")
    write_csv(path.with_suffix(".csv"), [{key: row[key] for key in keys} for row in rows])


def errors_by(
    comparison: Comparison, what: str, of_frames: Sequence[str | float | None], path: Path
) -> list[dict[str, Any]]:
    """Errors of the frames that share a ``group`` or a ``temperature``; returns the rows of the table.

    :param what: name of the column
    :param of_frames: one value per frame; frames with None are left out
    """
    values = np.array([np.nan if v is None else v for v in of_frames], dtype=object)
    known = sorted({v for v in of_frames if v is not None})
    rows = []
    for value in known:
        chosen = np.array([v == value for v in values])
        rows.append({what: value, "frames": int(chosen.sum()), **comparison.errors(chosen)})
    if not rows:
        return rows
    figure, axes = new_figure(2)
    names = [f"{value:g} K" if isinstance(value, float) else str(value) for value in known]
    for axis, key, label in (
        (axes[0], "force_mae_ev_per_ang", "force MAE (eV/Å)"),
        (axes[1], "energy_mae_mev_per_atom", "energy MAE (meV/atom)"),
    ):
        axis.bar(names, [row[key] or 0.0 for row in rows], color="tab:blue")
        axis.set(ylabel=label)
        axis.tick_params(axis="x", rotation=45, labelsize="small")
    save_sheet(figure, path.with_suffix(""), ("png",))
    write_csv(path.with_suffix(".csv"), rows)
    return rows
