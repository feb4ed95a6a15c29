"""The page that a transfer from few frames leaves: errors, parity, learning curve, distances, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tlmlp.data import Frame
from tlmlp.figures import save_sheet, write_csv
from tlmlp.page import Page
from tlmlp.text import counted, have
from tlmlp.train.evaluation.comparison import ERROR_KEYS, ERRORS
from tlmlp.train.loop.folds import CrossValidation
from tlmlp.train.loop.launch import RunResult
from tlmlp.train.loop.metrics import Metrics
from tlmlp.train.report.figures import errors_by, new_figure
from tlmlp.train.report.parity import write_parity_csv, write_parity_figure

#: Volumes per atom that differ by less than this share say nothing about the pressure.
SAME_VOLUME = 0.04
#: A kind of frames whose force error is so many times that of all stands out.
STANDS_OUT = 1.15
#: So many times the error of the training frames, and the frames are learnt by heart.
BY_HEART = 1.5


def write_report(
    run: Path,
    result: RunResult,
    validation: CrossValidation | None,
    frames: Sequence[Frame],
    source: Path,
    model: Path,
    seconds: float,
) -> Path | None:
    """Write RUN/report.html with its figures and numbers in RUN/report; None where matplotlib or jinja2 is missing."""
    if find_spec("matplotlib") is None or find_spec("jinja2") is None:
        return None
    folder = run / "report"
    about = result.metadata["provenance"]
    page = Page(f"{', '.join(result.potential.species)} from {counted(len(frames), 'frame')} and {source.stem}")
    page.text(_summary(result, frames, validation, seconds))
    page.heading("Errors")
    titles = [f"{error.name} {kind} ({error.in_words})" for error in ERRORS.values() for kind in ("MAE", "RMSE")]
    page.table(
        ["model", "frames", *titles],
        [
            [name, len(frames), *(errors.get(key) for key in ERROR_KEYS)]
            for name, errors in error_rows(result, validation)
        ],
    )
    if validation is None:
        page.text("There was no cross-validation: the errors of frames that the model did not see are not known.")
    else:
        page.text(
            f"Cross-validation: each frame is predicted by a model trained on the others, in {len(validation.runs)} parts; "
            "the final model has all frames and more updates, and should be better."
        )
        write_parity_csv(validation.comparison, folder / "parity.csv")
        write_parity_figure(validation.comparison, folder / "parity.png", "frames that the model did not see")
        page.heading("Parity")
        page.figure(folder / "parity.png", "Model against reference, cross-validation")
        names = [frame.group for frame in validation.comparison.frames]
        groups = errors_by(validation.comparison, "group", names, folder / "errors_by_group.png")
        if groups:
            page.heading("By group")
            page.figure(folder / "errors_by_group.png", "Cross-validation errors by group")
            page.records(groups)
        page.heading("Learning curve")
        _learning_curve(validation, folder / "learning_curve.png")
        page.figure(
            folder / "learning_curve.png",
            "Errors of frames that the model did not see, over the updates; energies about the shift that suits those frames",
        )
    page.heading("Distances and volumes")
    page.records(_distances(result, frames))
    page.heading("What to do next")
    page.list(advice(frames, validation, result.errors.get("training", {})))
    page.commands(
        [
            f"tlmlp verify {model}",
            f"tlmlp evaluate {model} MORE_FRAMES.extxyz",
            f"tlmlp dimer {model}",
        ]
    )
    page.heading("Origin")
    page.settings({"rescaling": about.get("rescaling"), "transfer": about["transfer"], "loss": about["loss"]})
    page.heading("Config")
    page.settings(yaml.safe_load((run / "config.yaml").read_text()))
    page.write(run / "report.html")
    return run / "report.html"


def error_rows(result: RunResult, validation: CrossValidation | None) -> list[tuple[str, dict[str, float | None]]]:
    """Errors from the source to the final model: what it is, and its errors."""
    rows: list[tuple[str, dict[str, float | None]]] = []
    rescaling = result.metadata["provenance"].get("rescaling")
    if rescaling:
        rows = [
            ("source as it is", rescaling["before"]),
            ("source rescaled, not trained", rescaling["after"]),
        ]
    if validation is not None:
        rows.append(("cross-validation", validation.errors))
    return [*rows, ("final, on its training frames", result.errors["training"])]


def advice(frames: Sequence[Frame], validation: CrossValidation | None, training: dict[str, float | None]) -> list[str]:
    """Sentences on which frames would help most."""
    said = []
    for label, what in (("energy", "energies"), ("stress", "stresses")):
        missing = sum(getattr(frame, label) is None for frame in frames)
        if missing:
            which = (
                "The frames have" if missing == len(frames) else f"{missing} of {len(frames)} frames {have(missing)}"
            )
            said.append(f"{which} no {what}: they cost nothing in most codes, and tell what forces do not.")
    volumes = np.array([f.volume / len(f) for f in frames if f.volume > 0.0])
    if len(volumes) and np.ptp(volumes) < SAME_VOLUME * volumes.mean():
        said.append(
            f"All volumes per atom lie within {100 * np.ptp(volumes) / volumes.mean():.1f} %: pressures and energies at other "
            "volumes rest on the source. Add frames that are compressed and expanded by 3 to 10 %."
        )
    moving = [f for f in frames if f.forces is not None and np.sqrt(np.mean(f.forces**2)) > 0.05]
    if not moving:
        said.append(
            "No frame has forces above 0.05 eV/Å: add displaced atoms, best from dynamics at the highest temperature."
        )
    if validation is None:
        said.append("Errors on unseen frames are not known: evaluate the model on frames that it was not trained on.")
        return said
    overall = validation.errors["force_rmse_ev_per_ang"]
    worst = _worst_group(validation)
    if worst is not None and overall:
        name, error = worst
        said.append(
            f"Forces are worst on the frames of {name} ({error:.3f} against {overall:.3f} eV/Å RMSE overall): more of these "
            "help most."
        )
    at_home = training.get("force_rmse_ev_per_ang")
    if overall and at_home:
        if overall > BY_HEART * at_home:
            said.append(
                f"Unseen frames err by {overall:.3f} eV/Å, training frames by {at_home:.3f}: more frames of every kind will "
                "lower the error."
            )
        else:
            said.append(
                f"Unseen frames err by {overall:.3f} eV/Å, training frames by {at_home:.3f}, not much less: a longer training "
                "(--set training.updates=...) or another source may do more than more frames of the same kinds."
            )
    return said


def _worst_group(validation: CrossValidation) -> tuple[str, float] | None:
    comparison = validation.comparison
    groups = np.array([frame.group or "" for frame in comparison.frames])
    overall = validation.errors["force_rmse_ev_per_ang"]
    found = {
        str(name): error
        for name in set(groups.tolist()) - {""}
        if (error := comparison.errors(groups == name)["force_rmse_ev_per_ang"]) is not None
    }
    if len(found) < 2 or not overall:
        return None
    name = max(found, key=lambda n: found[n])
    return (name, found[name]) if found[name] > STANDS_OUT * overall else None


def _summary(result: RunResult, frames: Sequence[Frame], validation: CrossValidation | None, seconds: float) -> str:
    t = result.metadata["provenance"]["training"]
    labels = [
        f"{sum(getattr(f, kind) is not None for f in frames)} with {name}"
        for kind, name in (("energy", "an energy"), ("forces", "forces"), ("stress", "a stress"))
    ]
    return (
        f"{counted(len(frames), 'frame')} ({', '.join(labels)}), {counted(sum(len(f) for f in frames), 'atom')}; {t['updates']} updates of "
        f"{counted(t['batch_size'], 'frame')}{', after the cross-validation' if validation else ''}; {seconds:.0f} s in all."
    )


def _distances(result: RunResult, frames: Sequence[Frame]) -> list[dict[str, Any]]:
    potential = result.potential
    volumes = [f.volume / len(f) for f in frames if f.volume > 0.0]
    wall = potential.zbl_radii
    return [
        {
            "smallest_distance_in_the_frames_Å": result.metadata["min_distance"],
            "repulsion_begins_at_Å": None if wall is None else wall["outer"],
            "cutoff_Å": potential.cutoff,
            "smallest_volume_per_atom_Å^3": min(volumes, default=None),
            "largest_volume_per_atom_Å^3": max(volumes, default=None),
        }
    ]


def _learning_curve(validation: CrossValidation, path: Path) -> None:
    """Errors of the folds over the updates, a line each, PNG with the numbers as CSV."""
    panels = {
        "val_force_rmse_ev_per_ang": "force RMSE (eV/Å)",
        "val_energy_rmse_mev_per_atom": "energy RMSE (meV/atom)",
        "val_stress_rmse_gpa": "stress RMSE (GPa)",
    }
    rows = [
        {"fold": n, "update": row["update"], **{key: row.get(key) for key in panels}}
        for n, run in enumerate(validation.runs)
        for row in Metrics(run, writes=False).rows()
    ]
    there = [key for key in panels if any(row[key] is not None for row in rows)]
    figure, axes = new_figure(max(len(there), 1), width=3.6)
    for axis, key in zip(axes, there, strict=False):
        for fold in range(len(validation.runs)):
            points = [(row["update"], row[key]) for row in rows if row["fold"] == fold and row[key] is not None]
            axis.plot(*zip(*points, strict=True), marker=".", linewidth=1.2, label=f"fold {fold + 1}")
        axis.set(xlabel="update", ylabel=panels[key], yscale="log")
    axes[0].legend(fontsize="small")
    save_sheet(figure, path.with_suffix(""), ("png",))
    write_csv(path.with_suffix(".csv"), rows)
