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
from tlmlp.files import atomic_write_json
from tlmlp.studies.identity import data_of_row, recipe_in, row_key
from tlmlp.studies.plan import read_plan
from tlmlp.train.config import as_config
from tlmlp.train.loop.metrics import Metrics

CHOICES = ("forces", "energies")
#: Settings within this factor of the lowest validation force error count as equally good in forces.
TIE = 1.03
ROW_FORMAT = "tlmlp-study-row-2"


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
    forces = [training.force_rmse for training in trainings if training.force_rmse is not None]
    energies = [training.energy_rmse for training in trainings if training.energy_rmse is not None]
    if len(forces) < len(trainings):
        raise TlmlpError("a choice between settings needs the validation force error of every training")
    by_force = list(zip(forces, trainings, strict=True))
    if rule == "forces" or len(energies) < len(trainings):
        return min(by_force, key=lambda pair: pair[0])[1].setting
    every = zip(forces, energies, trainings, strict=True)
    tied = [(energy, training) for force, energy, training in every if force <= TIE * min(forces)]
    return min(tied, key=lambda pair: pair[0])[1].setting


def make_row(folder: Path, arm: str, frames: int, draw: int, out: Path) -> dict[str, Any]:
    """Choose between the trainings of ``arm`` and write the row with the test errors of the chosen ones.

    :param folder: of the study, with study.yaml, data, runs and evaluation
    :raises TlmlpError: when the data, a training or an evaluation is missing
    """
    plan = read_plan(folder / "study.yaml")
    name = f"{arm}/{frames}-frames-draw-{draw}"
    settings = list(plan.arms[arm].options())
    trainings = [_trained(folder / "runs" / name / setting, setting) for setting in settings]
    chosen = {rule: choose(trainings, rule) for rule in CHOICES}
    tests = {setting: read_json(folder / "evaluation" / name / f"{setting}.json") for setting in settings}
    row = {
        "format": ROW_FORMAT,
        "key": row_key(plan, arm, frames, draw),
        "recipe": None
        if plan.arms[arm].command != "default"
        else recipe_in(as_config(folder / "runs" / name / "default" / "config.yaml").to_dict()),
        "data": data_of_row(plan, arm, folder),
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
        "versions": versions("torch", "numpy"),
    }
    atomic_write_json(out, row)
    return row


def chosen_run(folder: Path, arm: str, frames: int, draw: int) -> Path:
    """Run directory of the training that the row of ``arm`` chose by forces.

    :raises TlmlpError: when the row is missing
    """
    row = read_json(folder / "rows" / f"{row_name(arm, frames, draw)}.json")
    return folder / "runs" / arm / f"{frames}-frames-draw-{draw}" / row["chosen"]["forces"]


def _trained(run: Path, setting: str) -> Trained:
    from tlmlp.train.model.modelfile import load_run

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
    return Metrics(run, writes=False).rows()[-1]["seconds"]


def read_json(path: Path) -> dict[str, Any]:
    """The content of a file that a command of the study made.

    :raises TlmlpError: when it is missing
    """
    try:
        return json.loads(path.read_text())
    except OSError:
        raise TlmlpError(f"{path}: is missing; repeat the command of the study to make it") from None


def row_name(arm: str, frames: int, draw: int) -> str:
    """What the files of a row and its model are called, without their endings."""
    return f"{arm}-{frames}-frames-draw-{draw}"


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """All rows in FOLDER/rows, in the order of arm, frames and draw of the plan."""
    plan = read_plan(folder / "study.yaml")
    files = [folder / "rows" / f"{row_name(*which)}.json" for which in plan.names]
    return [json.loads(file.read_text()) for file in files if file.is_file()]


def flat(rows: Sequence[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Rows of results.csv: the errors of the settings that ``rule`` chose."""
    from tlmlp.train.evaluation.comparison import ERROR_KEYS

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
