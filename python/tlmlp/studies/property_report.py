"""Report of properties out of the training's reach, by arm and number of frames, beside the potential that made the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_json
from tlmlp.studies.arm_styles import arm_style, legend
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import read_rows, row_name
from tlmlp.studies.statements import add_statements, finish_page, for_tier, frames_text, statement, study_page
from tlmlp.studies.statistics import difference, verdict


@dataclass(frozen=True)
class Property:
    """A number out of the files of ``tlmlp elastic``, ``eos`` and ``vacancy``."""

    title: str
    file: str
    read: Callable[[Mapping[str, Any]], float | None]


def _constant(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda found: (found["cubic_GPa"] or {}).get(name)


PROPERTIES = {
    "a0": Property("lattice constant (Å)", "eos", lambda found: found["a0_ang"]),
    "B0": Property("bulk modulus (GPa)", "eos", lambda found: found["B0_GPa"]),
    "C11": Property("C11 (GPa)", "elastic", _constant("C11")),
    "C12": Property("C12 (GPa)", "elastic", _constant("C12")),
    "C44": Property("C44 (GPa)", "elastic", _constant("C44")),
    "vacancy": Property("vacancy (eV)", "vacancy", lambda found: found["vacancies"][0]["formation_energy_eV"]),
}
#: Property to value; None where the model has none.
Values = dict[str, float | None]


def write_property_study(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of a study of properties in ``folder``.

    :raises TlmlpError: when nothing was computed yet, or the reference is missing
    """
    plan = read_plan(folder / "study.yaml")
    truth = read_values(folder / "properties" / "truth")
    found = {which: values for which in plan.names if (values := read_values(folder / "properties" / row_name(*which)))}
    if truth is None or not found:
        raise TlmlpError(f"{folder}: has no properties of models and of their reference yet; run the study first")
    write_csv(
        folder / "results.csv",
        [
            {"arm": arm, "frames": n, "draw": draw, "property": name, "value": values[name], "reference": truth[name]}
            for (arm, n, draw), values in found.items()
            for name in PROPERTIES
        ],
    )
    statements = judge(plan, found, truth)
    atomic_write_json(folder / "statements.json", statements)
    draw_properties(folder / "figures" / "properties.png", plan, found, truth)
    rows = read_rows(folder)
    page = study_page(plan)
    page.text(
        "Every model is compared with the potential that made its labels. Lattice constant and bulk modulus are those of "
        "the equation of state. Elastic constants have relaxed ions, and the vacancy is one of 216 sites. A model "
        "without a crystal to relax to has no value: it failed."
    )
    page.figure(folder / "figures" / "properties.png", "Points: models. Line: the potential that made the labels.")
    page.heading("Mean absolute error over models, per cent of the reference")
    page.table(
        ["arm", "frames", *(p.title.split(" (")[0] for p in PROPERTIES.values()), "models that failed"],
        [_table_row(arm, n, found, truth) for arm in plan.arms for n in plan.sizes],
    )
    add_statements(page, statements)
    without = len(plan.names) - len(found)
    finish_page(page, folder, plan, rows, [f"properties of {without} models"] if without else [])
    return folder / "report.html"


def read_values(folder: Path) -> Values | None:
    """The properties in a folder of results; None while a file is missing."""
    values: Values = {}
    for name, about in PROPERTIES.items():
        path = folder / f"{about.file}.json"
        if not path.is_file():
            return None
        content = json.loads(path.read_text())
        values[name] = None if "failed" in content else about.read(content)
    return values


def errors(
    found: Mapping[tuple[str, int, int], Values], truth: Values, arm: str, n: int, name: str
) -> dict[int, float]:
    """Draw to absolute error in per cent of the reference, of the models that have the property."""
    return {
        draw: 100.0 * abs(value / reference - 1.0)
        for (a, frames, draw), values in found.items()
        if (a, frames) == (arm, n) and (value := values[name]) is not None and (reference := truth[name]) is not None
    }


def _table_row(arm: str, n: int, found: Mapping[tuple[str, int, int], Values], truth: Values) -> list[object]:
    cells: list[object] = [arm_style(arm)[2], n]
    for name in PROPERTIES:
        sample = np.array(list(errors(found, truth, arm, n, name).values()))
        cells.append(f"{sample.mean():.1f} ± {sample.std(ddof=1):.1f}" if len(sample) > 1 else "-")
    models = [values for (a, frames, _), values in found.items() if (a, frames) == (arm, n)]
    return [*cells, f"{sum(None in values.values() for values in models)} of {len(models)}"]


def judge(plan: Plan, found: Mapping[tuple[str, int, int], Values], truth: Values) -> list[dict[str, Any]]:
    """Transfer against scratch in the absolute error of each property, on the draws that both have."""
    statements = []
    for n in plan.sizes:
        for name, about in PROPERTIES.items():
            scratch, moved = (errors(found, truth, arm, n, name) for arm in ("scratch", "transfer"))
            shared = sorted(scratch.keys() & moved.keys())
            if not shared:
                continue
            effect = difference([scratch[d] for d in shared], [moved[d] for d in shared])
            what = f"error of {about.title.split(' (')[0]} at {frames_text(n)}: transfer less scratch"
            found_verdict = for_tier(plan, verdict(effect, 0, len(shared)))
            statements.append(statement(what, "forces", "-", effect, "points", len(shared), found_verdict))
    return statements


def draw_properties(path: Path, plan: Plan, found: Mapping[tuple[str, int, int], Values], truth: Values) -> None:
    """Values over the number of frames, a panel for each property."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 5.6), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for panel, (name, about) in zip(panels, PROPERTIES.items(), strict=True):
        for number, arm in enumerate(plan.arms):
            colour, marker, label = arm_style(arm, number)
            side = (number - (len(plan.arms) - 1) / 2) * 0.18
            points = [
                (plan.sizes.index(n) + side, values[name])
                for (a, n, _), values in found.items()
                if a == arm and values[name] is not None
            ]
            if points:
                panel.plot(*zip(*points, strict=True), marker, color=colour, alpha=0.6, markersize=5, label=label)
        panel.axhline(truth[name], color="black", linewidth=1.2, label="reference potential")
        panel.set(xlabel="training frames", ylabel=about.title, xlim=(-0.5, len(plan.sizes) - 0.5))
        panel.set_xticks(range(len(plan.sizes)), [str(size) for size in plan.sizes])
        panel.grid(alpha=0.25)
    legend(figure)
    save_sheet(figure, path.with_suffix(""))
