"""Report of a learning curve: test errors over the number of training frames, by arm, with the paper's statements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_json
from tlmlp.studies import paper
from tlmlp.studies.arm_styles import arm_style, legend
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import CHOICES, flat, read_rows
from tlmlp.studies.statements import add_statements, finish_page, for_tier, frames_text, statement, study_page
from tlmlp.studies.statistics import FEWEST_DRAWS, Interval, mean_interval, relative_change, verdict

#: Error to its title with unit and the factor to that unit.
ERRORS = {
    "force_mae_ev_per_ang": ("force MAE (meV/Å)", 1e3),
    "energy_mae_mev_per_atom": ("energy MAE (meV/atom)", 1.0),
}


def write_learning_curve(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of the study in ``folder``.

    :raises TlmlpError: when there are no rows yet
    """
    plan = read_plan(folder / "study.yaml")
    rows = read_rows(folder)
    if not rows:
        raise TlmlpError(f"{folder}: has no rows yet; run the study first")
    write_csv(folder / "results.csv", [line for rule in CHOICES for line in flat(rows, rule)])
    statements = [statement for rule in CHOICES for statement in judge(plan, rows, rule)]
    atomic_write_json(folder / "statements.json", statements)
    for rule in CHOICES:
        draw(folder / "figures" / f"learning-curve-{rule}.png", plan, rows, rule)
    _write_page(folder, plan, rows, statements)
    return folder / "report.html"


def samples(rows: Sequence[dict[str, Any]], arm: str, frames: int, error: str, rule: str) -> dict[int, float]:
    """Draw to test error, of one arm at one number of frames; draws without that label are left out."""
    return {
        row["draw"]: row["test"][rule][error]
        for row in rows
        if row["arm"] == arm and row["frames"] == frames and row["test"][rule].get(error) is not None
    }


#: Fig. 5, per cent by number of frames.
PUBLISHED = {"force_mae_ev_per_ang": paper.DFT_FORCE_CHANGE, "energy_mae_mev_per_atom": paper.DFT_ENERGY_CHANGE}


def published(plan: Plan, error: str, frames: int) -> int | None:
    """The paper's change from scratch to transfer in per cent, where it has one."""
    repeats = plan.study == "dft-data-efficiency" and plan.element_map == "Si:Ge"
    return PUBLISHED[error].get(frames) if repeats else None


def judge(plan: Plan, rows: Sequence[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """The paper's statements about this learning curve, each with our effect, its interval and a verdict.

    Further arms are compared with the transfer, or with scratch where there is none.
    """
    found = []
    for error, (title, _) in ERRORS.items():
        for frames in plan.sizes:
            pair = _paired(rows, (("scratch", frames), ("transfer", frames)), error, rule)
            theirs = published(plan, error, frames)
            sign = 1 if theirs is not None and theirs > 0 else -1
            text = f"{theirs:+d} %" if theirs is not None else "transfer is better"
            what = f"{title} at {frames_text(frames)}: transfer against scratch"
            found += _change(plan, what, rule, text, pair, sign)
    if plan.study == "sw-data-efficiency" and {10, 50} <= set(plan.sizes):
        pair = _paired(rows, (("scratch", 50), ("transfer", 10)), "force_mae_ev_per_ang", rule)
        what = "force MAE: 10 transferred frames against 50 from scratch"
        found += _change(plan, what, rule, "transfer is better", pair, -1)
    if plan.study == "dft-data-efficiency" and 10 in plan.sizes:
        line = paper.CHEMICAL_ACCURACY
        values = list(samples(rows, "transfer", 10, "energy_mae_mev_per_atom", rule).values())
        pair = ([line] * len(values), values) if values else None
        what = f"energy MAE of 10 transferred frames against {line:g} meV/atom"
        found += _change(plan, what, rule, "below the line", pair, -1)
    others = [arm for arm in plan.arms if arm not in ("scratch", "transfer")]
    base = "transfer" if "transfer" in plan.arms else "scratch"
    for error, (title, _) in ERRORS.items():
        for arm in others:
            for frames in plan.sizes:
                pair = _paired(rows, ((base, frames), (arm, frames)), error, rule)
                what = f"{title} at {frames_text(frames)}: {arm} against {base}"
                found += _change(plan, what, rule, "-", pair, 0)
    return found


def _change(
    plan: Plan, what: str, rule: str, theirs: str, pair: tuple[list[float], list[float]] | None, sign: int
) -> list[dict[str, Any]]:
    """The statement about a relative change between paired errors; none where there are no pairs.

    :param sign: of the paper's effect; 0 where it has none
    """
    if pair is None:
        return []
    change = relative_change(*pair)
    percent = Interval(100 * change.value, 100 * change.low, 100 * change.high)
    draws = len(pair[0])
    return [statement(what, rule, theirs, percent, "%", draws, for_tier(plan, verdict(change, sign, draws)))]


def _paired(
    rows: Sequence[dict[str, Any]], of: Sequence[tuple[str, int]], error: str, rule: str
) -> tuple[list[float], list[float]] | None:
    """Errors of two (arm, number of frames) on the draws that both have."""
    first, second = (samples(rows, arm, frames, error, rule) for arm, frames in of)
    shared = sorted(first.keys() & second.keys())
    return ([first[d] for d in shared], [second[d] for d in shared]) if shared else None


def at_the_end(plan: Plan, rows: Sequence[dict[str, Any]], rule: str) -> dict[str, str]:
    """Per arm with a list of rates: how often the choice fell on its highest or lowest rate."""
    found = {}
    for name, arm in plan.arms.items():
        chosen = [row["chosen"][rule] for row in rows if row["arm"] == name]
        if len(arm.rates) < 2 or not chosen:
            continue
        high, low = (sum(c == f"rate-{rate:g}" for c in chosen) for rate in (max(arm.rates), min(arm.rates)))
        long = "" if max(high, low) * 2 <= len(chosen) else ", the list is too short"
        found[name] = f"highest rate in {high}, lowest in {low} of {len(chosen)}{long}"
    return found


def draw(path: Path, plan: Plan, rows: Sequence[dict[str, Any]], rule: str) -> None:
    """Force and energy MAE over the number of frames: every draw, and the mean with its 95 % interval."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    points = []
    drawn = [arm for arm in plan.arms if any(row["arm"] == arm for row in rows)]
    for panel, (error, (title, factor)) in zip(figure.subplots(1, 2), ERRORS.items(), strict=True):
        for number, arm in enumerate(plan.arms):
            if arm not in drawn:
                continue
            colour, marker, name = arm_style(arm, number)
            shift = 1.05 ** (drawn.index(arm) - (len(drawn) - 1) / 2)
            centres = []
            for frames in plan.sizes:
                values = [factor * value for value in samples(rows, arm, frames, error, rule).values()]
                if not values:
                    continue
                interval = mean_interval(values)
                centres.append((frames * shift, interval))
                panel.plot([frames * shift] * len(values), values, marker, color=colour, alpha=0.3, markersize=3.5)
                points.append(
                    {
                        "error": title,
                        "arm": arm,
                        "frames": frames,
                        "mean": interval.value,
                        "low": interval.low,
                        "high": interval.high,
                        "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                        "draws": len(values),
                    }
                )
            if centres:
                x = [place for place, _ in centres]
                y = [i.value for _, i in centres]
                bars = [[i.value - i.low for _, i in centres], [i.high - i.value for _, i in centres]]
                panel.errorbar(x, y, yerr=bars, color=colour, marker=marker, capsize=3, label=name, linewidth=1.2)
        if error.startswith("energy") and plan.study == "dft-data-efficiency":
            line = f"chemical accuracy ({paper.CHEMICAL_ACCURACY:g} meV/atom)"
            panel.axhline(paper.CHEMICAL_ACCURACY, color="black", linestyle=":", linewidth=1, label=line)
        panel.set(xscale="log", yscale="log", xlabel="training frames", ylabel=f"test {title}")
        panel.set_xticks(plan.sizes, [str(size) for size in plan.sizes])
        panel.margins(x=0.08)
        panel.xaxis.minorticks_off()
        low, high = panel.get_ylim()
        labelled = (1.0, 2.0, 5.0) if high > 5.0 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
        panel.yaxis.set_major_locator(LogLocator(subs=labelled))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.25)
    legend(figure)
    save_sheet(figure, path.with_suffix(""))
    write_csv(path.with_suffix(".csv"), points)


def _write_page(folder: Path, plan: Plan, rows: Sequence[dict[str, Any]], statements: Sequence[dict[str, Any]]) -> None:
    page = study_page(plan)
    for rule in CHOICES:
        page.heading(f"Settings chosen by {rule}")
        page.figure(
            folder / "figures" / f"learning-curve-{rule}.png",
            "Points: draws. Bars: bootstrap intervals of 95 % of the mean over draws.",
        )
        add_statements(page, [statement for statement in statements if statement["chosen_by"] == rule])
        for arm, text in at_the_end(plan, rows, rule).items():
            page.text(f"Chosen rates of {arm}: {text}.")
    page.heading("Change from scratch")
    page.text(
        "Of the mean over the draws that both arms have, in per cent, with the bootstrap interval of 95 %; no interval below "
        f"{FEWEST_DRAWS} draws."
    )
    for error, (title, _) in ERRORS.items():
        page.table([f"{title} (%)", "chosen by", *(frames_text(n) for n in plan.sizes)], changes(plan, rows, error))
    page.heading("Means and spreads")
    for error, (title, factor) in ERRORS.items():
        page.table(
            [title, "chosen by", *(frames_text(n) for n in plan.sizes)],
            [
                [
                    arm_style(arm)[2],
                    rule,
                    *(_mean_text(samples(rows, arm, size, error, rule), factor) for size in plan.sizes),
                ]
                for arm in plan.arms
                for rule in CHOICES
                if rule == CHOICES[0] or len(plan.arms[arm].options()) > 1
            ],
        )
    finish_page(page, folder, plan, rows)


def changes(plan: Plan, rows: Sequence[dict[str, Any]], error: str) -> list[list[str]]:
    """Rows of the table of changes from scratch: the paper's, then those of the arms by each rule of choice."""
    theirs = [published(plan, error, frames) for frames in plan.sizes]
    table = [["paper, transfer", "forces", *("-" if t is None else f"{t:+d}" for t in theirs)]] if any(theirs) else []
    for arm in plan.arms:
        for rule in CHOICES if arm != "scratch" else ():
            line = [_paired(rows, (("scratch", n), (arm, n)), error, rule) for n in plan.sizes]
            if any(line):
                table.append([arm_style(arm)[2], rule, *map(_change_text, line)])
    return table


def _change_text(pair: tuple[list[float], list[float]] | None) -> str:
    if pair is None:
        return "-"
    change, draws = relative_change(*pair), len(pair[0])
    value = f"{100 * change.value:+.0f}"
    if draws < FEWEST_DRAWS:
        return f"{value} ({draws} draw{'s' * (draws > 1)})"
    return f"{value} ({100 * change.low:+.0f} to {100 * change.high:+.0f})"


def _mean_text(values: dict[int, float], factor: float) -> str:
    sample = factor * np.array(list(values.values()))
    if not len(sample):
        return "-"
    return f"{sample.mean():.1f} ± {sample.std(ddof=1):.1f}" if len(sample) > 1 else f"{sample[0]:.1f}"
