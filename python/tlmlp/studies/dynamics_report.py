"""Reports of the dynamics: survival of runs (Table 1), and distribution functions of those that survive (Fig. 6)."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.analysis.curves import curve_distance
from tlmlp.analysis.survival import difference, kaplan_meier, over_models, wilson
from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_json
from tlmlp.studies import paper
from tlmlp.studies.arm_styles import arm_style, legend
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import read_rows
from tlmlp.studies.statements import add_statements, finish_page, for_tier, frames_text, statement, study_page
from tlmlp.studies.statistics import Interval, verdict

Runs = list[dict[str, str]]


def write_dynamics(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of a study of dynamics in ``folder``.

    :raises TlmlpError: when no run has been finished yet
    """
    plan = read_plan(folder / "study.yaml")
    found = {
        (arm, frames): _read_runs(folder / "stability" / f"{arm}-{frames}-frames")
        for arm in plan.arms
        for frames in plan.sizes
    }
    found = {name: runs for name, runs in found.items() if runs}
    if not found:
        raise TlmlpError(f"{folder}: has no finished runs yet; run the study first")
    write_csv(folder / "results.csv", [_line(plan, arm, frames, runs) for (arm, frames), runs in found.items()])
    statements = judge(plan, found)
    atomic_write_json(folder / "statements.json", statements)
    draw_survival(folder / "figures" / "survival.png", plan, found)
    rows = read_rows(folder)
    page = study_page(plan)
    about = plan.its_dynamics
    page.text(
        f"Every model runs {about.seeds} times from {(folder / 'start.txt').read_text().strip()}, velocity Verlet with a "
        f"Langevin thermostat of 1/ps at {about.temperature:g} K, 0.5 fs a step, for "
        + ", ".join(f"{about.length(frames):g} ps ({frames_text(frames)})" for frames in plan.sizes)
        + ". A run is stable when it reaches its end and no pair of atoms came closer than allowed, checked every "
        "10 fs; an exploding temperature or energy, lost atoms and NaN count as failures."
    )
    page.heading("Stable runs")
    page.table(
        ["arm", "frames", "runs", "stable (%)", "95 % (Wilson)", "95 % over models", "paper (%)", "reasons of failure"],
        [_row(plan, arm, frames, runs) for (arm, frames), runs in found.items()],
    )
    page.figure(folder / "figures" / "survival.png", "Share of runs that survive over time (Kaplan-Meier).")
    add_statements(page, statements)
    if plan.study == "dft-structure":
        _structure_part(folder, plan, page)
    finish_page(page, folder, plan, rows, _missing(plan, found))
    return folder / "report.html"


def _read_runs(folder: Path) -> Runs:
    """The runs of all models of an ensemble that are finished."""
    runs: Runs = []
    for path in sorted(folder.glob("draw-*/runs.csv"), key=lambda path: int(path.parent.name.removeprefix("draw-"))):
        with path.open(newline="") as stream:
            runs += csv.DictReader(stream)
    return runs


def _by_model(runs: Runs) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for run in runs:
        found[run["model"]].append(run["stable"] == "1")
    return dict(found)


def _published(arm: str, frames: int) -> int | None:
    return {"scratch": paper.STABLE_SCRATCH, "transfer": paper.STABLE_TRANSFER}.get(arm, {}).get(frames)


def _line(plan: Plan, arm: str, frames: int, runs: Runs) -> dict[str, Any]:
    stable = _by_model(runs)
    survived, count = sum(map(sum, stable.values())), len(runs)
    low, high = wilson(survived, count)
    between = over_models(stable)
    return {
        "arm": arm,
        "frames": frames,
        "time_ps": plan.its_dynamics.length(frames),
        "models": len(stable),
        "runs": count,
        "stable": survived,
        "fraction": round(survived / count, 4),
        "wilson_low": round(low, 4),
        "wilson_high": round(high, 4),
        "models_low": None if between is None else round(between[0], 4),
        "models_high": None if between is None else round(between[1], 4),
        "paper_percent": _published(arm, frames),
    }


def _row(plan: Plan, arm: str, frames: int, runs: Runs) -> list[object]:
    line = _line(plan, arm, frames, runs)
    reasons: dict[str, int] = defaultdict(int)
    for run in runs:
        if run["reason"]:
            reasons[run["reason"]] += 1
    between = (
        "-" if line["models_low"] is None else f"{100 * line['models_low']:.0f} to {100 * line['models_high']:.0f}"
    )
    return [
        arm_style(arm)[2],
        frames,
        line["runs"],
        f"{100 * line['fraction']:.0f}",
        f"{100 * line['wilson_low']:.0f} to {100 * line['wilson_high']:.0f}",
        between,
        line["paper_percent"],
        ", ".join(f"{reason} ({count})" for reason, count in reasons.items()) or "none",
    ]


def judge(plan: Plan, found: Mapping[tuple[str, int], Runs]) -> list[dict[str, Any]]:
    """Every arm against scratch in stable fraction, at each number of frames that both have."""
    statements = []
    for frames in plan.sizes:
        for arm in plan.arms:
            without, with_transfer = found.get(("scratch", frames)), found.get((arm, frames))
            if arm == "scratch" or not without or not with_transfer:
                continue
            scratch, moved = _by_model(without), _by_model(with_transfer)
            value, (low, high) = difference(moved, scratch)
            effect = Interval(100 * value, 100 * low, 100 * high)
            theirs = [_published(which, frames) for which in ("scratch", arm)]
            of_the_paper = arm == "transfer"
            text = f"{theirs[0]} % and {theirs[1]} %" if None not in theirs else "transfer is more stable"
            models = min(len(moved), len(scratch))
            statements.append(
                statement(
                    f"stable runs of {frames_text(frames)}: {arm} less scratch",
                    "forces",
                    text if of_the_paper else "-",
                    effect,
                    "points",
                    models,
                    for_tier(plan, verdict(effect, int(of_the_paper), models)),
                )
            )
    return statements


def _missing(plan: Plan, found: Mapping[tuple[str, int], Runs]) -> list[str]:
    """A sentence for each arm and number of frames that lacks runs."""
    wanted = plan.draws * plan.its_dynamics.seeds
    counts = {(arm, n): len(found.get((arm, n), [])) for arm in plan.arms for n in plan.sizes}
    return [
        f"{arm}, {frames_text(n)}: {count} of {wanted} runs" for (arm, n), count in counts.items() if count < wanted
    ]


def draw_survival(path: Path, plan: Plan, found: Mapping[tuple[str, int], Runs]) -> None:
    """Kaplan-Meier curves of the arms, one panel for each number of training frames."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.0 * len(plan.sizes) + 1.0, 3.4), layout="constrained")
    points = []
    panels = np.atleast_1d(figure.subplots(1, len(plan.sizes), sharey=True))
    for panel, frames in zip(panels, plan.sizes, strict=True):
        for number, arm in enumerate(plan.arms):
            runs = found.get((arm, frames))
            if not runs:
                continue
            colour, _, name = arm_style(arm, number)
            curve = kaplan_meier([float(run["time_ps"]) for run in runs], [run["stable"] == "0" for run in runs])
            end = plan.its_dynamics.length(frames)
            times = np.append(curve.times, end)
            share = np.append(curve.fraction, curve.fraction[-1])
            # Curves that fall together stay visible: the first is the widest.
            width = 1.2 + 3.0 * (len(plan.arms) - 1 - number) / len(plan.arms)
            panel.step(times, share, where="post", color=colour, label=name, linewidth=width)
            points += [
                {"arm": arm, "frames": frames, "time_ps": t, "surviving": s} for t, s in zip(times, share, strict=True)
            ]
        panel.set(xlabel="time (ps)", title=f"{frames} training frame{'s' * (frames != 1)}", ylim=(-0.03, 1.03))
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("share of runs that survive")
    legend(figure)
    save_sheet(figure, path.with_suffix(""))
    write_csv(path.with_suffix(".csv"), points)


def _read_curve(path: Path, x: str, y: str) -> tuple[np.ndarray, np.ndarray] | None:
    rows = _read_runs(path)
    if not rows:
        return None
    return np.array([float(row[x]) for row in rows]), np.array([float(row[y]) for row in rows])


def _read_band(path: Path) -> np.ndarray | None:
    """Standard deviation over the runs of a model; None where no model has two runs that survived."""
    rows = _read_runs(path)
    if not rows or "std_within_groups" not in rows[0]:
        return None
    return np.array([float(row["std_within_groups"]) for row in rows])


#: File of ``tlmlp structure``, its columns, title of the panel, labels of the axes.
CURVES = (
    ("rdf.csv", "r_angstrom", "g", "distance (Å)", "g(r)"),
    ("adf.csv", "angle_degrees", "density_per_degree", "angle (degrees)", "density (1/degree)"),
)


def _structure_part(folder: Path, plan: Plan, page: Any) -> None:
    """Distribution functions by arm and number of frames, and their distances to the best-informed model's."""
    page.heading("Distribution functions of the runs that survive")
    draw_structure(folder / "figures" / "structure.png", folder, plan)
    page.figure(
        folder / "figures" / "structure.png",
        "Means over surviving runs; bands: one standard deviation over the runs of a model, where one has two or more.",
    )
    reference = _read_curve(folder / "structure" / f"best-{plan.sizes[-1]}-frames" / "rdf.csv", "r_angstrom", "g")
    if reference is None:
        page.text(
            f"No model of {plan.sizes[-1]} frames with all labels survived, so there is no reference to compare with."
        )
        return
    rows = []
    for arm in plan.arms:
        for frames in plan.sizes:
            curve = _read_curve(folder / "structure" / f"{arm}-{frames}-frames" / "rdf.csv", "r_angstrom", "g")
            distance = None if curve is None else curve_distance(curve[0], curve[1], reference[1])
            rows.append({"arm": arm, "frames": frames, "distance_of_g": distance})
    write_csv(folder / "figures" / "distances.csv", rows)
    page.text(
        "Distance of g(r) to that of the model with all labels and the most frames: the integral of |Δg| from 0 to 6 Å, "
        "divided by 6 Å."
    )
    page.records(rows)


def draw_structure(path: Path, folder: Path, plan: Plan) -> None:
    """g(r) and angles; a row of panels for each arm, a shade of its colour for each number of frames."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 2.6 * len(plan.arms)), layout="constrained")
    panels = figure.subplots(len(plan.arms), 2, squeeze=False)
    for line, (number, arm) in zip(panels, enumerate(plan.arms), strict=True):
        colour, _, name = arm_style(arm, number)
        for panel, (file, x, y, x_label, y_label) in zip(line, CURVES, strict=True):
            for rank, frames in enumerate(plan.sizes):
                curve = _read_curve(folder / "structure" / f"{arm}-{frames}-frames" / file, x, y)
                if curve is None:
                    continue
                strength = 0.35 + 0.65 * (rank + 1) / len(plan.sizes)
                panel.plot(*curve, color=colour, alpha=strength, linewidth=1.3, label=frames_text(frames))
                band = _read_band(folder / "structure" / f"{arm}-{frames}-frames" / file)
                if band is not None:
                    low, high = curve[1] - band, curve[1] + band
                    panel.fill_between(curve[0], low, high, color=colour, alpha=0.15 * strength, linewidth=0)
            panel.set(xlabel=x_label, ylabel=y_label, title=name)
            if panel.has_data() and panel.get_legend_handles_labels()[0]:
                panel.legend(fontsize="x-small", frameon=False)
    save_sheet(figure, path.with_suffix(""))


def write_start(frames: Path, out: Path) -> str:
    """The frame that all runs start from: the hottest of ``frames`` with the most atoms, the first of equals.

    Writes it to ``out`` and a sentence about it to OUT with the ending .txt; returns the sentence.
    """
    from tlmlp.data import read_frames, write_frames
    from tlmlp.files import atomic_write_text

    read = read_frames(frames)
    most = max(len(frame) for frame in read)
    chosen = max((f for f in read if len(f) == most), key=lambda f: -1.0 if f.temperature is None else f.temperature)
    write_frames(out, [chosen])
    text = f"frame {chosen.source} ({len(chosen)} atoms, group {chosen.group}, {chosen.temperature or 0:g} K)"
    atomic_write_text(out.with_suffix(".txt"), text + "\n")
    return text
