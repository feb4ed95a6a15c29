"""Report of the phonons of few-frame models beside those of the potential that made their labels (Fig. 3)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_json
from tlmlp.studies.arm_styles import arm_style, legend
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import read_rows
from tlmlp.studies.statements import add_statements, finish_page, for_tier, statement, study_page
from tlmlp.studies.statistics import difference, mean_interval, verdict

Entries = Mapping[str, dict[str, Any]]


def write_phonon_study(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of a study of phonons in ``folder``.

    :raises TlmlpError: when no phonons were computed yet
    """
    plan = read_plan(folder / "study.yaml")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for arm, name in _names(plan):
        path = folder / "phonons" / name / "summary.json"
        if path.is_file():
            summary = json.loads(path.read_text())
            entry = next(entry for model, entry in summary["models"].items() if model != summary["reference"])
            found.setdefault(arm, {})[name] = entry
    if not found:
        raise TlmlpError(f"{folder}: has no phonons yet; run the study first")
    lines = [_line(arm, name, entry) for arm, entries in found.items() for name, entry in entries.items()]
    write_csv(folder / "results.csv", lines)
    statements = judge(plan, found)
    atomic_write_json(folder / "statements.json", statements)
    draw_densities(folder / "figures" / "densities.png", folder, plan)
    rows = read_rows(folder)
    page = study_page(plan)
    page.text(
        "Every model is trained on frames of one temperature. Its crystal is relaxed; where it has "
        "none, the experimental cell is taken. Its phonons (2 x 2 x 2 cells, displacements of 0.01 Å) are compared with "
        "those of the potential that made the labels. The distance between "
        "two densities of states is the integral of the absolute difference over the integral of the reference."
    )
    page.heading("Densities of states")
    page.figure(
        folder / "figures" / "densities.png",
        "Thin lines: models. Black: the potential that made the labels.",
    )
    page.records(lines)
    add_statements(page, statements)
    without = len(plan.names) - sum(map(len, found.values()))
    finish_page(page, folder, plan, rows, [f"phonons of {without} models"] if without else [])
    return folder / "report.html"


def _names(plan: Plan) -> Iterator[tuple[str, str]]:
    """Arm and name of every model."""
    for arm in plan.arms:
        for frames in plan.sizes:
            for number in range(plan.draws):
                yield arm, f"{arm}-{frames}-frames-draw-{number}"


def _line(arm: str, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    against = entry["against_reference"]
    return {
        "arm": arm,
        "model": name,
        "dos_distance": round(against["dos_distance"], 5),
        "optical_gamma_difference_THz": against["highest_optical_gamma_THz"],
        "relaxed": entry["crystal"] is not None,
        "lattice_constant_ang": (entry["crystal"] or {}).get("cell_lengths_ang", [None])[0],
        "imaginary_share_of_modes": entry["imaginary_share_of_modes"],
    }


def judge(plan: Plan, found: Mapping[str, Entries]) -> list[dict[str, Any]]:
    """Transfer against scratch in distance to the reference, and the spread of scratch."""
    if not {"scratch", "transfer"} <= found.keys():
        return []
    distances = {arm: _distances(entries) for arm, entries in found.items()}
    shared = [key for key in distances["scratch"] if key in distances["transfer"]]
    if not shared:
        return []
    change = difference([distances["scratch"][k] for k in shared], [distances["transfer"][k] for k in shared])
    return [
        statement(
            "distance of the density of states to the reference: transfer less scratch",
            "forces",
            "transfer overlaps the reference, scratch deviates",
            change,
            "",
            len(shared),
            for_tier(plan, verdict(change, -1, len(shared))),
        ),
        *(
            statement(
                f"distance of the density of states to the reference: {arm}",
                "forces",
                "-",
                mean_interval(list(values.values())),
                "",
                len(values),
                "measured",
            )
            for arm, values in distances.items()
        ),
    ]


def _distances(entries: Entries) -> dict[str, float]:
    """Distance by frames and draw, which the model's name ends with."""
    return {name.split("-", 1)[1]: entry["against_reference"]["dos_distance"] for name, entry in entries.items()}


def draw_densities(path: Path, folder: Path, plan: Plan) -> None:
    """Densities of states, one panel for each arm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(plan.arms), 3.4), layout="constrained")
    panels = figure.subplots(1, len(plan.arms), sharey=True, squeeze=False)[0]
    points: list[dict[str, Any]] = []
    for panel, (number, arm) in zip(panels, enumerate(plan.arms), strict=True):
        colour, _, name = arm_style(arm, number)
        curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for _, name_of_model in filter(lambda pair: pair[0] == arm, _names(plan)):
            curves |= _densities(folder / "phonons" / name_of_model)
        for model, (frequencies, density) in curves.items():
            is_model = model.startswith(f"{arm}-")
            panel.plot(
                frequencies,
                density,
                color=colour if is_model else "black",
                linewidth=0.9 if is_model else 1.6,
                alpha=0.8 if is_model else 1.0,
                zorder=1 if is_model else 2,
                label=None if is_model else arm_style("truth")[2],
            )
            points += [
                {"arm": arm, "model": model, "frequency_THz": f, "density_per_THz": d}
                for f, d in zip(frequencies, density, strict=True)
            ]
        panel.set(xlabel="frequency (THz)", title=name)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("density of states (1/THz)")
    legend(figure)
    save_sheet(figure, path.with_suffix(""))
    if points:
        write_csv(path.with_suffix(".csv"), points)


def _densities(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    path = folder / "dos.csv"
    if not path.is_file():
        return {}
    found: dict[str, list[Sequence[float]]] = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            values = (float(row["frequency_THz"]), float(row["smearing_per_THz"]))
            found.setdefault(row["model"], []).append(values)
    return {model: tuple(np.array(values).T) for model, values in found.items()}
