"""Statements of the paper beside ours: the tables and paragraphs that the reports of all studies share."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlmlp.console import console, table
from tlmlp.errors import TlmlpError
from tlmlp.page import Page
from tlmlp.studies.catalogue import STUDIES
from tlmlp.studies.costs import costs
from tlmlp.studies.plan import Plan, default_plan
from tlmlp.studies.statistics import FEWEST_DRAWS, UNDECIDED, Interval

COLUMNS = ("statement", "chosen by", "paper", "here", "95 % interval", "draws", "verdict")


def statement(what: str, rule: str, theirs: str, ours: Interval, unit: str, draws: int, found: str) -> dict[str, Any]:
    """One statement with our effect: ``ours`` in ``unit`` over so many draws or models, and the verdict."""
    digits = 1 if unit in ("%", "points") else 4
    return {
        "statement": what,
        "chosen_by": rule,
        "paper": theirs,
        "here": round(ours.value, digits),
        "interval": [round(ours.low, digits), round(ours.high, digits)],
        "unit": unit,
        "draws": draws,
        "verdict": found,
    }


def for_tier(plan: Plan, found: str) -> str:
    """The smoke tier decides nothing."""
    return UNDECIDED if plan.tier == "smoke" else found


def cells(statements: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of the table of statements, columns as in COLUMNS."""
    return [
        [
            s["statement"],
            s["chosen_by"],
            s["paper"],
            f"{s['here']:+g} {s['unit']}",
            f"{s['interval'][0]:+g} to {s['interval'][1]:+g} {s['unit']}" if s["draws"] > 1 else "-",
            str(s["draws"]),
            s["verdict"],
        ]
        for s in statements
    ]


def study_page(plan: Plan) -> Page:
    """The page of a study with its first paragraphs."""
    page = Page(f"{plan.study}: {plan.source.element} to {plan.target.element}, tier {plan.tier}")
    study = STUDIES[plan.study]
    page.text(
        (f"This study repeats {study.repeats} of" if study.repeats else f"{study.about}: a question beyond")
        + f" Röcken and Zavadlav (arXiv:2502.13522), at the tier {plan.tier}: {', '.join(map(str, plan.sizes))} training "
        f"frames, {plan.draws} nested draws, {plan.validation} validation frames a draw. All arms of a draw see the same "
        "training frames. Scratch and transfer are trained on forces, with equal numbers of updates and the learning rates "
        "of the plan below. They choose by validation frames; the arm of the package's defaults sees the training "
        "frames alone, with all their labels. Test frames are looked at once, here."
    )
    if plan.changes:
        page.text(f"Other than at that tier: {'; '.join(plan.changes)}.")
    if plan.tier == "smoke":
        page.text("The smoke tier shows that everything runs. Its numbers mean nothing, and it decides nothing.")
    return page


def add_statements(page: Page, statements: Sequence[dict[str, Any]]) -> None:
    """The table of statements and how they are judged."""
    page.table(COLUMNS, cells(statements))
    page.text(
        "A statement is reproduced where the interval of the effect excludes zero on the paper's side. It is not "
        "reproduced where the interval excludes zero on the other side. Otherwise it is not decided at this tier. Intervals are "
        "percentile bootstraps over draws or models; pairs of arms stay together where they share frames. Where the paper says nothing, the effect is lower "
        f"or higher than zero by the same test. Fewer than {FEWEST_DRAWS} draws decide nothing."
    )


def frames_text(count: int) -> str:
    """``10 frames``, ``1 frame``."""
    return f"{count} frame{'s' * (count != 1)}"


def missing_rows(plan: Plan, rows: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each arm and number of frames with draws that have no row yet."""
    there = {(row["arm"], row["frames"], row["draw"]) for row in rows}
    found: dict[tuple[str, int], list[str]] = {}
    for arm, frames, draw in plan.names:
        if (arm, frames, draw) not in there:
            found.setdefault((arm, frames), []).append(str(draw))
    return [
        f"{arm}, {frames_text(frames)}: " + ("all draws" if len(draws) == plan.draws else f"draws {', '.join(draws)}")
        for (arm, frames), draws in found.items()
    ]


def finish_page(
    page: Page, folder: Path, plan: Plan, rows: Sequence[dict[str, Any]], missing: Sequence[str] = ()
) -> None:
    """What is missing, costs, hashes, versions, the plan and the command; writes FOLDER/report.html.

    :param missing: sentences about what else than rows has not been computed yet
    """
    without = missing_rows(plan, rows)
    if without or missing:
        page.heading("Missing")
        page.text(f"{len(plan.names) - len(rows)} of {len(plan.names)} rows have not been computed yet.")
        page.list([*without, *missing])
    page.heading("Cost, hashes and versions")
    hashes = sorted({f"{file} {sha}" for row in rows for file, sha in row["data"]["target"]["sha256"].items()})
    page.text(
        f"Training time of all rows: {sum(row['seconds'] for row in rows) / 60:.0f} minutes, one thread a training. "
        f"Data of {plan.target.element}, SHA-256: {', '.join(hashes)}."
    )
    page.records([dict(version) for version in sorted({tuple(row["versions"].items()) for row in rows})])
    page.records(costs(folder))
    page.heading("Plan")
    page.settings(plan.model_dump())
    page.heading("Again")
    page.commands([command(plan)])
    page.write(folder / "report.html")


def command(plan: Plan) -> str:
    """The command that runs this study; folders and files of one's own appear by their names."""
    words = ["tlmlp", "study", plan.study, "--tier", plan.tier, "--pair", plan.element_map]
    shipped = default_plan(plan.study, plan.tier, plan.element_map) if _has_own_data(plan) else None
    for side in ("source", "target"):
        data = getattr(plan, side)
        if data.command is None:
            words += [f"--{side}-data", data.folder]
        elif shipped is None or data != getattr(shipped, side):
            words += [f"--{side}-data", shlex.join(data.command)]
    if plan.source_model is not None:
        words += ["--source-model", plan.source_model]
    if plan.truth is not None and "/" in plan.truth:
        words += ["--truth", plan.truth]
    for change in plan.changes:
        words += ["--set", change]
    return shlex.join([*words, "--out", "FOLDER", "--jobs", "2"])


def _has_own_data(plan: Plan) -> bool:
    """Whether the study makes data of these elements by itself."""
    try:
        default_plan(plan.study, plan.tier, plan.element_map)
    except TlmlpError:
        return False
    return True


def say(plan: Plan, statements: Sequence[dict[str, Any]], rows: int) -> None:
    """Print the statements, and how many rows are missing."""
    table(f"{plan.study}, tier {plan.tier}", COLUMNS, cells(statements))
    if missing := len(plan.names) - rows:
        console.marked("yellow", "unfinished:", f"{missing} of {len(plan.names)} rows are missing")
