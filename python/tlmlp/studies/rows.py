"""Rows of a learning curve: one arm on one draw of frames, with the setting that each rule of choice takes.

Rules of choice look at training and validation frames alone: ``forces`` takes the setting with the lowest validation
force error; ``energies`` takes, among the settings within 3 % of that error, the one with the lowest energy error on
training and validation frames together, after the shift.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlmlp.bench.timing import versions
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_bytes, atomic_write_json, sha256_file
from tlmlp.studies.plan import Plan, read_plan

CHOICES = ("forces", "energies")
#: Settings within this factor of the lowest validation force error count as equally good in forces.
TIE = 1.03
ROW_FORMAT = "tlmlp-study-row-1"


@dataclass(frozen=True)
class Trained:
    """One training as the rules of choice see it."""

    setting: str
    #: RMSE on validation frames, eV/Å; None without validation frames.
    force_rmse: float | None
    #: RMSE over training and validation frames, meV/atom; None without energies.
    energy_rmse: float | None


def choose(trainings: Sequence[Trained], rule: str) -> str:
    """The setting that ``rule`` takes; the first of equals.

    :raises TlmlpError: when there is more than one training and one has no validation error
    """
    if len(trainings) == 1:
        return trainings[0].setting
    if any(training.force_rmse is None for training in trainings):
        raise TlmlpError("a choice between settings needs the validation force error of every training")
    best = min(training.force_rmse for training in trainings)
    if rule == "forces" or any(training.energy_rmse is None for training in trainings):
        return min(trainings, key=lambda training: training.force_rmse).setting
    tied = [training for training in trainings if training.force_rmse <= TIE * best]
    return min(tied, key=lambda training: training.energy_rmse).setting


def make_row(folder: Path, arm: str, frames: int, draw: int, out: Path) -> dict[str, Any]:
    """Choose between the trainings of ``arm`` and write the row with the test errors of the chosen ones.

    :param folder: of the study, with study.yaml, runs and evaluation
    :raises TlmlpError: when a training or an evaluation is missing
    """
    plan = read_plan(folder / "study.yaml")
    name = f"{arm}/{frames}-frames-draw-{draw}"
    settings = [f"rate-{rate:g}" for rate in plan.arms[arm].rates] or ["default"]
    trainings = [_trained(folder / "runs" / name / setting, setting) for setting in settings]
    chosen = {rule: choose(trainings, rule) for rule in CHOICES}
    tests = {setting: _read_json(folder / "evaluation" / name / f"{setting}.json") for setting in settings}
    row = {
        "format": ROW_FORMAT,
        "key": plan.row_key(arm, frames, draw),
        "study": plan.study,
        "tier": plan.tier,
        "pair": plan.element_map,
        "arm": arm,
        "frames": frames,
        "draw": draw,
        "settings": {
            training.setting: {
                "val_force_rmse_ev_per_ang": training.force_rmse,
                "known_energy_rmse_mev_per_atom": training.energy_rmse,
            }
            for training in trainings
        },
        "chosen": chosen,
        "test": {rule: {k: v for k, v in tests[setting].items() if k != "groups"} for rule, setting in chosen.items()},
        "seconds": round(sum(_seconds(folder / "runs" / name / setting) for setting in settings), 1),
        "data_sha256": sha256_file(Path(folder / plan.target.folder) / plan.target.frames),
        "versions": versions("torch", "numpy"),
    }
    atomic_write_json(out, row)
    return row


def export_chosen(folder: Path, arm: str, frames: int, draw: int, out: Path) -> None:
    """Export the training that the row of ``arm`` chose by forces.

    :raises TlmlpError: when the row or the training is missing
    """
    from tlmlp.export import export_model
    from tlmlp.train.modelfile import load_run

    name = f"{frames}-frames-draw-{draw}"
    row = _read_json(folder / "rows" / f"{arm}-{name}.json")
    potential, metadata = load_run(folder / "runs" / arm / name / row["chosen"]["forces"])
    export_model(potential, out, metadata)


def _trained(run: Path, setting: str) -> Trained:
    from tlmlp.train.modelfile import load_run

    metadata = load_run(run, route="plain")[1]
    errors = metadata.get("errors")
    if not errors:
        raise TlmlpError(f"{run}: the training has not ended; go on with it by tlmlp resume {run}")
    counts = metadata["provenance"]["data"]
    known = [
        (counts[data]["frames"], errors[part]["energy_rmse_mev_per_atom"])
        for part, data in (("training", "train"), ("validation", "val"))
        if errors.get(part) and errors[part].get("energy_rmse_mev_per_atom") is not None
    ]
    energy = math.sqrt(sum(n * e**2 for n, e in known) / sum(n for n, _ in known)) if known else None
    return Trained(setting, (errors.get("validation") or {}).get("force_rmse_ev_per_ang"), energy)


def _seconds(run: Path) -> float:
    return json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except OSError:
        raise TlmlpError(f"{path}: is missing; repeat the command of the study to make it") from None


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """All rows in FOLDER/rows, in the order of arm, frames and draw of the plan."""
    plan = read_plan(folder / "study.yaml")
    names = [
        f"{arm}-{frames}-frames-draw-{draw}.json"
        for arm in plan.arms
        for frames in plan.sizes
        for draw in range(plan.draws)
    ]
    return [json.loads((folder / "rows" / name).read_text()) for name in names if (folder / "rows" / name).is_file()]


def take_finished(plan: Plan, results: Path, folder: Path) -> int:
    """Copy the rows of an earlier study whose keys are those of this plan, and their models, into FOLDER.

    The files are listed in FOLDER/taken.json: the workflow asks for nothing that they were made of.

    :param results: a folder with ``rows``, as a study's own or as ``docs/results/STUDY/TIER`` keeps them
    :return: the number of rows
    :raises TlmlpError: when there are no rows
    """
    files = sorted((results / "rows").glob("*.json"))
    if not files:
        raise TlmlpError(f"{results}: has no rows of a study (a folder `rows` with JSON files)")
    taken = taken_files(folder)
    rows = 0
    for file in files:
        row = json.loads(file.read_text())
        if row.get("format") != ROW_FORMAT or row["arm"] not in plan.arms or row["frames"] not in plan.sizes:
            continue
        if row["key"] != plan.row_key(row["arm"], row["frames"], row["draw"]):
            continue
        rows += 1
        for name in (f"models/{file.stem}.pt", f"rows/{file.name}"):
            if (results / name).is_file() and not (folder / name).exists():
                atomic_write_bytes(folder / name, (results / name).read_bytes())
                taken.add(name)
    atomic_write_json(folder / "taken.json", sorted(taken))
    return rows


def taken_files(folder: Path) -> set[str]:
    """Rows and models of the study in ``folder`` that came from an earlier one."""
    path = folder / "taken.json"
    return set(json.loads(path.read_text())) if path.is_file() else set()


def flat(rows: Sequence[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Rows of results.csv: the errors of the settings that ``rule`` chose."""
    from tlmlp.train.evaluation import ERROR_KEYS

    return [
        {
            "arm": row["arm"],
            "frames": row["frames"],
            "draw": row["draw"],
            "chosen_by": rule,
            "setting": row["chosen"][rule],
            **{key: row["test"][rule].get(key) for key in ERROR_KEYS},
            "seconds": row["seconds"],
        }
        for row in rows
    ]
