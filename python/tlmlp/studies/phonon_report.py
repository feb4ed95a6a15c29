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
from tlmlp.studies.statistics import difference, mean_interval, spread_difference, verdict

Entries = Mapping[str, dict[str, Any]]


#: Folder of phonons to what is said of the crystals.
CRYSTALS = {"phonons": "each in its own crystal", "one-cell": "all in one cell"}


def write_phonon_study(folder: Path) -> Path:
    """Write results.csv, statements.json, figures and report.html of a study of phonons in ``folder``.

    :raises TlmlpError: when no phonons were computed yet
    """
    plan = read_plan(folder / "study.yaml")
    found = {kind: _read(folder / kind, plan) for kind in CRYSTALS}
    if not any(found.values()):
        raise TlmlpError(f"{folder}: has no phonons yet; run the study first")
    lines = [
        _line(arm, name, found) for arm, name in _names(plan) if any(name in f.get(arm, {}) for f in found.values())
    ]
    write_csv(folder / "results.csv", lines)
    statements = [line for kind, words in CRYSTALS.items() for line in judge(plan, found[kind], words)]
    atomic_write_json(folder / "statements.json", statements)
    rows = read_rows(folder)
    page = study_page(plan)
    page.text(
        "Every model is trained on frames of one temperature. Its phonons (2 x 2 x 2 cells, displacements of 0.01 Å) are "
        "compared with those of the potential that made the labels: once each in its own crystal, as it relaxes, and once "
        "both in the experimental cell. A model without a crystal of its own has the latter twice. The distance between "
        "two densities of states is the integral of the absolute difference over the integral of the reference."
    )
    for kind, words in CRYSTALS.items():
        if found[kind]:
            path = folder / "figures" / ("densities.png" if kind == "phonons" else f"densities-{kind}.png")
            draw_densities(path, folder / kind, plan)
            page.heading(f"Densities of states, {words}")
            page.figure(path, "Thin lines: models. Black: the potential that made the labels.")
    page.records(lines)
    add_statements(page, statements)
    missing = [
        f"phonons of {without} models, {words}"
        for kind, words in CRYSTALS.items()
        if (without := len(plan.names) - sum(map(len, found[kind].values())))
    ]
    finish_page(page, folder, plan, rows, missing)
    return folder / "report.html"


def _read(place: Path, plan: Plan) -> dict[str, dict[str, dict[str, Any]]]:
    """What ``tlmlp phonons`` found for every model, by arm and name."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for arm, name in _names(plan):
        path = place / name / "summary.json"
        if path.is_file():
            summary = json.loads(path.read_text())
            entry = next(entry for model, entry in summary["models"].items() if model != summary["reference"])
            found.setdefault(arm, {})[name] = entry
    return found


def _names(plan: Plan) -> Iterator[tuple[str, str]]:
    """Arm and name of every model."""
    for arm in plan.arms:
        for frames in plan.sizes:
            for number in range(plan.draws):
                yield arm, f"{arm}-{frames}-frames-draw-{number}"


def _line(arm: str, name: str, found: Mapping[str, Mapping[str, Entries]]) -> dict[str, Any]:
    own, same = (found[kind].get(arm, {}).get(name) for kind in CRYSTALS)
    line: dict[str, Any] = {"arm": arm, "model": name}
    for entry, ending in ((own, ""), (same, "_one_cell")):
        against = entry["against_reference"] if entry else {}
        distance = against.get("dos_distance")
        line[f"dos_distance{ending}"] = None if distance is None else round(distance, 5)
        line[f"optical_gamma_difference{ending}_THz"] = against.get("highest_optical_gamma_THz")
    crystal = (own or {}).get("crystal")
    line["relaxed"] = crystal is not None
    line["lattice_constant_ang"] = (crystal or {}).get("cell_lengths_ang", [None])[0]
    line["imaginary_share_of_modes"] = (own or same or {}).get("imaginary_share_of_modes")
    return line


def judge(plan: Plan, found: Mapping[str, Entries], crystals: str) -> list[dict[str, Any]]:
    """Transfer against scratch in distance to the reference and in spread; ``crystals`` says of which crystals."""
    if not {"scratch", "transfer"} <= found.keys():
        return []
    distances = {arm: _by_draw(entries, "dos_distance") for arm, entries in found.items()}
    optical = {arm: _by_draw(found[arm], "highest_optical_gamma_THz") for arm in ("scratch", "transfer")}
    shared = [key for key in distances["scratch"] if key in distances["transfer"]]
    if not shared:
        return []
    change = difference([distances["scratch"][k] for k in shared], [distances["transfer"][k] for k in shared])
    return [
        statement(
            f"distance of the density of states to the reference, {crystals}: transfer less scratch",
            "forces",
            "transfer overlaps the reference, scratch deviates",
            change,
            "",
            len(shared),
            for_tier(plan, verdict(change, -1, len(shared))),
        ),
        *_spread(plan, shared, optical, crystals),
        *(
            statement(
                f"distance of the density of states to the reference, {crystals}: {arm}",
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


def _spread(
    plan: Plan, shared: Sequence[str], optical: Mapping[str, Mapping[str, float]], crystals: str
) -> list[dict[str, Any]]:
    """How far apart the models of an arm are; one model has no spread."""
    if len(shared) < 2:
        return []
    change = spread_difference([optical["scratch"][k] for k in shared], [optical["transfer"][k] for k in shared])
    return [
        statement(
            f"spread between models of the optical frequency at Γ, {crystals}: transfer less scratch",
            "forces",
            "scratch has a wide spread",
            change,
            "THz",
            len(shared),
            for_tier(plan, verdict(change, -1, len(shared))),
        )
    ]


def _by_draw(entries: Entries, quantity: str) -> dict[str, float]:
    """A difference to the reference by frames and draw, which the model's name ends with."""
    return {name.split("-", 1)[1]: entry["against_reference"][quantity] for name, entry in entries.items()}


def draw_densities(path: Path, place: Path, plan: Plan) -> None:
    """Densities of states of the models in ``place``, one panel for each arm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(plan.arms), 3.4), layout="constrained")
    panels = figure.subplots(1, len(plan.arms), sharey=True, squeeze=False)[0]
    points: list[dict[str, Any]] = []
    for panel, (number, arm) in zip(panels, enumerate(plan.arms), strict=True):
        colour, _, name = arm_style(arm, number)
        curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for _, name_of_model in filter(lambda pair: pair[0] == arm, _names(plan)):
            curves |= _densities(place / name_of_model)
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
