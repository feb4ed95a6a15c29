"""Statements of the paper beside ours: the tables and paragraphs that the reports of all studies share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlmlp.console import table
from tlmlp.page import Page
from tlmlp.studies.plan import STUDIES, Plan
from tlmlp.studies.statistics import UNDECIDED, Interval

COLUMNS = ("statement", "chosen by", "paper", "here", "95 % interval", "verdict")


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
            f"{s['interval'][0]:+g} to {s['interval'][1]:+g} {s['unit']}",
            s["verdict"],
        ]
        for s in statements
    ]


def study_page(plan: Plan) -> Page:
    """The page of a study with its first paragraphs."""
    page = Page(f"{plan.study}: {plan.source.element} to {plan.target.element}, tier {plan.tier}")
    page.text(
        f"This study repeats {STUDIES[plan.study][1]} of Röcken and Zavadlav (arXiv:2502.13522) at the tier "
        f"{plan.tier}: {', '.join(map(str, plan.sizes))} training frames, {plan.draws} nested draws, "
        f"{plan.validation} validation frames a draw. All arms of a draw see the same training frames. Scratch and "
        "transfer are trained on forces, with equal numbers of updates and the learning rates listed in the plan below, "
        "and choose by validation frames; the arm of the package's defaults sees the training frames alone, with all "
        "their labels. Test frames are looked at once, here."
    )
    if plan.tier == "smoke":
        page.text("The smoke tier shows that everything runs. Its numbers mean nothing, and it decides nothing.")
    return page


def add_statements(page: Page, statements: Sequence[dict[str, Any]]) -> None:
    """The table of statements and how they are judged."""
    page.table(COLUMNS, cells(statements))
    page.text(
        "A statement is reproduced where the interval of the effect excludes zero on the paper's side (percentile "
        "bootstrap over draws or models, pairs of arms kept together where they share frames), not reproduced where it "
        "excludes zero on the other side, and else not decided at this tier."
    )


def finish_page(page: Page, folder: Path, plan: Plan, rows: Sequence[dict[str, Any]]) -> None:
    """Costs, hashes, versions, the plan and the command; writes FOLDER/report.html."""
    page.heading("Cost, hashes and versions")
    page.text(
        f"Training time of all rows: {sum(row['seconds'] for row in rows) / 60:.0f} minutes, one thread a training. "
        f"Data of {plan.target.element}: SHA-256 {', '.join(sorted({row['data_sha256'] for row in rows}))}."
    )
    page.records([dict(version) for version in sorted({tuple(row["versions"].items()) for row in rows})])
    page.heading("Plan")
    page.settings(plan.model_dump())
    page.heading("Again")
    page.commands([f"tlmlp study {plan.study} --tier {plan.tier} --pair {plan.element_map} --out FOLDER --jobs 2"])
    page.write(folder / "report.html")


def say(plan: Plan, statements: Sequence[dict[str, Any]]) -> None:
    """Print the statements."""
    table(f"{plan.study}, tier {plan.tier}", COLUMNS, cells(statements))
