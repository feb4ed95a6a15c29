"""Rows and models of an earlier study, or of docs/results, that a study takes over in place of training them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_bytes, atomic_write_json
from tlmlp.studies.finished_runs import take_runs
from tlmlp.studies.identity import data_of_model, describe, recipe_of, row_key, same_data, sides_of
from tlmlp.studies.plan import Plan, read_plan
from tlmlp.studies.rows import ROW_FORMAT, make_row, row_name
from tlmlp.train.model.modelfile import export_run


class Finished:
    """What a folder holds: the folder of a study, finished or not, or one that ``tlmlp study collect`` wrote.

    :raises TlmlpError: when it is neither
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = read_plan(folder / "study.yaml")

    def rows(self) -> list[dict[str, Any]]:
        """The rows; those that an earlier release wrote, or nobody yet, are made anew from the trainings."""
        found = []
        with tempfile.TemporaryDirectory() as scratch:
            for which in self.plan.names:
                file = self.folder / "rows" / f"{row_name(*which)}.json"
                row = json.loads(file.read_text()) if file.is_file() else None
                if (row is None or row.get("format") != ROW_FORMAT) and self._evaluated(*which):
                    row = make_row(self.folder, *which, Path(scratch) / "row.json")
                if row is not None and row.get("format") == ROW_FORMAT:
                    found.append(row)
        return found

    def _evaluated(self, arm: str, frames: int, draw: int) -> bool:
        folder = self.folder / "evaluation" / arm / f"{frames}-frames-draw-{draw}"
        return all((folder / f"{setting}.json").is_file() for setting in self.plan.arms[arm].options())

    def copy_model(self, row: dict[str, Any], out: Path) -> bool:
        """Write the exported model of a row to ``out``; False where neither it nor its training is there."""
        name = row_name(row["arm"], row["frames"], row["draw"])
        file = self.folder / "models" / f"{name}.pt"
        run = self.folder / "runs" / row["arm"] / f"{row['frames']}-frames-draw-{row['draw']}"
        if file.is_file():
            atomic_write_bytes(out, file.read_bytes())
        elif (run / row["chosen"]["forces"] / "last.pt").is_file():
            export_run(run / row["chosen"]["forces"], out)
        else:
            return False
        return True

    def copy_teacher(self, name: str, out: Path) -> bool:
        """Write the model that transfers start from, ``source`` or a teacher's name; False where it is not there."""
        file, run = self.folder / "models" / f"{name}.pt", self.folder / "runs" / name
        if file.is_file():
            atomic_write_bytes(out, file.read_bytes())
        elif (run / "last.pt").is_file():
            export_run(run, out)
        else:
            return False
        return True


def take_finished(plan: Plan, results: Path, folder: Path) -> int:
    """Copy the rows of an earlier study that are this plan's into FOLDER, and the models that this study needs.

    A row is this plan's where its settings, its data and, for the package's defaults, the recipe are the same. The files
    are listed in FOLDER/taken.json: the workflow asks for nothing that they were made of. The model that the
    transfers started from comes along, so that further ones start from the same.

    :param results: a folder of a study, or one that ``tlmlp study collect`` wrote
    :return: the number of rows
    :raises TlmlpError: when it is none
    """
    finished = Finished(results)
    taken = taken_files(folder)
    before = len(taken)
    refused: Counter[str] = Counter()
    here = {role: describe(side, role, folder) for role, side in _all_sides(plan).items()}
    models = 0
    names = []
    for row in finished.rows():
        which = (row["arm"], row["frames"], row["draw"])
        if which not in plan.names:
            continue
        if reason := _difference(plan, row, here):
            refused[f"{row['arm']}: {reason}"] += 1
            continue
        names.append(which)
        file = f"rows/{row_name(*which)}.json"
        if not (folder / file).exists():
            atomic_write_json(folder / file, row)
            taken.add(file)
        model = f"models/{row_name(*which)}.pt"
        if row["frames"] in plan.needs_models and not (folder / model).exists():
            if finished.copy_model(row, folder / model):
                taken.add(model)
            else:
                models += 1
        teacher = plan.teacher_of(row["arm"])
        if teacher is not None and plan.source_model is None:
            file = f"models/{teacher[0]}.pt"
            if not (folder / file).exists() and not (folder / "runs" / teacher[0] / "last.pt").exists():
                atomic_write_json(data_of_model(folder, teacher[0]), row["data"]["source"])
                taken |= {file} if finished.copy_teacher(teacher[0], folder / file) else set()
    runs = take_runs(plan, finished.plan, results, folder, names, taken)
    # What the files that were taken cost counts once, and what this folder ran itself not again.
    if before == 0 < len(taken) and finished.plan.study == plan.study and (results / "costs.csv").is_file():
        atomic_write_bytes(folder / "costs.csv", (results / "costs.csv").read_bytes())
    atomic_write_json(folder / "taken.json", sorted(taken))
    for text, count in refused.items():
        console.marked("yellow", "not taken over:", f"{count} rows of {text}")
    if models:
        console.print(f"{models} models that this study needs are not there: their trainings run again")
    if runs:
        console.print(f"the runs of {runs} models taken over")
    return len(names)


def _all_sides(plan: Plan) -> dict[str, Any]:
    return {"target": plan.target, "source": plan.source, **plan.teachers}


def _difference(plan: Plan, row: dict[str, Any], here: dict[str, Any]) -> str | None:
    """Why a row is not this plan's; None where it is."""
    arm = row["arm"]
    if row["key"] != row_key(plan, arm, row["frames"], row["draw"]):
        return "settings of another study"
    if (recipe := recipe_of(plan, arm, row["frames"])) != row["recipe"]:
        return f"the package's recipe is another by now ({_changes(row['recipe'], recipe)})"
    teacher = plan.teacher_of(arm)
    for role, side in sides_of(plan, arm).items():
        now = here["target" if role == "target" or teacher is None else teacher[0]]
        if role not in row["data"] or not same_data(side, now, row["data"][role]):
            return f"the data of the {role} are others" if now else f"the data of the {role} are not there to compare"
    return None


def _changes(before: Any, now: Any, name: str = "") -> str:
    """The entries that differ, as text."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = [
            _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)
            for key in sorted(before.keys() | now.keys())
        ]
        return ", ".join(part for part in parts if part)
    return "" if before == now else f"{name} {now}, was {before}"


def taken_files(folder: Path) -> set[str]:
    """Rows and models of the study in ``folder`` that came from an earlier one.

    :raises TlmlpError: when the list of them is damaged
    """
    path = folder / "taken.json"
    try:
        return set(json.loads(path.read_text())) if path.is_file() else set()
    except (ValueError, TypeError):
        raise TlmlpError(f"{path}: is damaged; delete it, and give --finished again") from None
