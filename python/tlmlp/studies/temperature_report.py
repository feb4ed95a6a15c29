"""Report of the errors at each temperature of models trained on frames of one (Fig. 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_json
from tlmlp.studies.arm_styles import arm_style
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import read_rows
from tlmlp.studies.statements import add_statements, finish_page, for_tier, statement, study_page
from tlmlp.studies.statistics import Interval, relative_change, verdict

#: Arm and number of frames to draw to temperature (K) to force MAE (meV/Å).
Errors = dict[tuple[str, int], dict[int, dict[int, float]]]


def write_temperature_study(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of a study of temperatures in ``folder``.

    :raises TlmlpError: when nothing was evaluated yet
    """
    plan = read_plan(folder / "study.yaml")
    found: Errors = {}
    for arm in plan.arms:
        for frames in plan.sizes:
            for number in range(plan.draws):
                path = folder / "by-temperature" / f"{arm}-{frames}-frames-draw-{number}.json"
                if path.is_file():
                    found.setdefault((arm, frames), {})[number] = _by_temperature(json.loads(path.read_text()))
    if not found:
        raise TlmlpError(f"{folder}: has no evaluations by temperature yet; run the study first")
    write_csv(
        folder / "results.csv",
        [
            {"arm": arm, "frames": frames, "draw": number, "temperature_K": kelvin, "force_mae_mev_per_ang": error}
            for (arm, frames), draws in found.items()
            for number, errors in draws.items()
            for kelvin, error in errors.items()
        ],
    )
    statements = judge(plan, found)
    atomic_write_json(folder / "statements.json", statements)
    rows = read_rows(folder)
    page = study_page(plan)
    page.text(
        f"The models are trained on frames of one temperature and evaluated on {plan.per_temperature} frames in all, the "
        "same number at each temperature."
    )
    for frames in plan.sizes:
        draw_boxes(folder / "figures" / f"temperatures-{frames}-frames.png", plan, found, frames)
        page.heading(f"{frames} training frames" if frames > 1 else "One training frame")
        page.figure(
            folder / "figures" / f"temperatures-{frames}-frames.png",
            "Force MAE at each temperature; boxes: quartiles over draws, whiskers: extremes.",
        )
    add_statements(page, statements)
    without = len(plan.names) - sum(map(len, found.values()))
    finish_page(page, folder, plan, rows, [f"errors by temperature of {without} models"] if without else [])
    return folder / "report.html"


def _by_temperature(errors: Mapping[str, Any]) -> dict[int, float]:
    """Force MAE in meV/Å by temperature; groups are named ``300K``."""
    return {
        int(group.removesuffix("K")): 1e3 * values["force_mae_ev_per_ang"]
        for group, values in sorted(errors["groups"].items(), key=lambda item: int(item[0].removesuffix("K")))
    }


def judge(plan: Plan, found: Errors) -> list[dict[str, Any]]:
    """Transfer against scratch at every temperature, and over all of them."""
    statements = []
    for frames in plan.sizes:
        scratch, moved = (found.get((arm, frames), {}) for arm in ("scratch", "transfer"))
        shared = sorted(scratch.keys() & moved.keys())
        if not shared:
            continue
        kelvins = sorted(scratch[shared[0]])
        wanted = {f"{kelvin} K": [kelvin] for kelvin in (kelvins[0], kelvins[len(kelvins) // 2], kelvins[-1])}
        for name, chosen in ({"all temperatures": kelvins} | wanted).items():
            worse, better = (
                [float(np.mean([errors[draw][kelvin] for kelvin in chosen])) for draw in shared]
                for errors in (scratch, moved)
            )
            change = relative_change(worse, better)
            statements.append(
                statement(
                    f"force MAE of {frames} training frames at {name}: transfer against scratch",
                    "forces",
                    "transfer is better",
                    Interval(100 * change.value, 100 * change.low, 100 * change.high),
                    "%",
                    len(shared),
                    for_tier(plan, verdict(change, -1, len(shared))),
                )
            )
    return statements


def draw_boxes(path: Path, plan: Plan, found: Errors, frames: int) -> None:
    """Boxes of the force MAE over draws at each temperature, arms side by side."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    panel = figure.subplots()
    arms = [arm for arm in plan.arms if (arm, frames) in found]
    handles = []
    for number, arm in enumerate(arms):
        colour, _, name = arm_style(arm, number)
        draws = found[arm, frames]
        kelvins = sorted(next(iter(draws.values())))
        step = min(np.diff(kelvins)) if len(kelvins) > 1 else 300.0
        places = np.array(kelvins) + (number - (len(arms) - 1) / 2) * 0.8 * step / len(arms)
        boxes = panel.boxplot(
            [[errors[kelvin] for errors in draws.values()] for kelvin in kelvins],
            positions=places,
            widths=0.65 * step / len(arms),
            whis=(0, 100),
            patch_artist=True,
            manage_ticks=False,
            medianprops={"color": "black", "linewidth": 0.8},
        )
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.7, linewidth=0.6)
        handles.append(Patch(facecolor=colour, alpha=0.7, label=name))
    panel.set(xlabel="temperature (K)", ylabel="force MAE (meV/Å)", yscale="log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.25, axis="y")
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize="small")
    save_sheet(figure, path.with_suffix(""))
    write_csv(
        path.with_suffix(".csv"),
        [
            {
                "arm": arm,
                "temperature_K": kelvin,
                "median_mev_per_ang": float(np.median([e[kelvin] for e in draws.values()])),
            }
            for arm in arms
            for draws in [found[arm, frames]]
            for kelvin in sorted(next(iter(draws.values())))
        ],
    )
