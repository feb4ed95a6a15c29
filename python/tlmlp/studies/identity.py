"""What decides a row of a study: its settings, the package's recipe where that is used, and the bytes of the data.

A row that was made elsewhere counts as done where all three are the same. Frames that are not there yet are known by the
command that makes them, if it always makes the same ones: the collection of mlearn is pinned by hash, a trajectory is not.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file
from tlmlp.studies.plan import Plan, Side
from tlmlp.train.config import as_config
from tlmlp.train.element_transfer.recipe import few_frames_config

#: Commands whose files are the same on every machine.
PINNED = (["tlmlp", "data", "mlearn"],)
#: What a run's config says of a training beside the recipe: seeds are the draw's, the precision is the source's, and the
#: scales are fitted; the others do not change its result.
_NOT_OF_THE_RECIPE = {
    "training": (
        *("seed", "shuffle_seed", "noise_seed", "dtype"),
        *("threads", "tensorboard", "checkpoint_every", "keep_checkpoints"),
    ),
    "transfer": ("length_scale", "energy_scale"),
    "loss": (),
}


def row_key(plan: Plan, arm: str, frames: int, draw: int) -> str:
    """Hash of the settings that decide a row; entries of a plan that keep their default do not count."""
    about = plan.arms[arm]
    what: dict[str, Any] = plan.model_dump(include={"validation", "draw_from"})
    what |= {"target": plan.target.element, "frames": frames, "draw": draw}
    what["arm"] = about.model_dump(exclude_defaults=True, exclude={"teacher"})
    if about.command != "default":
        what["training"] = plan.few_training
    if (teacher := plan.teacher_of(arm)) is not None:
        what["source"] = teacher[1].element
        given = plan.source_model is not None and teacher[0] == "source"
        what["source_training"] = plan.source_sha256 if given else plan.source_training
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def recipe_of(plan: Plan, arm: str, frames: int) -> dict[str, Any] | None:
    """What the package does by default with so many frames, all its numbers; None for arms with settings of their own."""
    about = plan.arms[arm]
    if about.command != "default":
        return None
    return recipe_in(as_config(few_frames_config(["frames.extxyz"], frames), about.settings).to_dict())


def recipe_in(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a written-out config that is the recipe's."""
    found: dict[str, Any] = {
        section: {key: value for key, value in config.get(section, {}).items() if key not in without}
        for section, without in _NOT_OF_THE_RECIPE.items()
    }
    found["repulsion"] = config["model"].get("zbl", "auto") != "none"
    return json.loads(json.dumps(found))


def sides_of(plan: Plan, arm: str) -> dict[str, Side]:
    """The data that a row of ``arm`` depends on."""
    teacher = plan.teacher_of(arm)
    if teacher is None or (teacher[0] == "source" and plan.source_model is not None):
        return {"target": plan.target}
    return {"target": plan.target, "source": teacher[1]}


def describe(side: Side, role: str, folder: Path) -> dict[str, Any] | None:
    """Command and hashes of the files of ``side`` in the study's ``folder``; None while they are not there."""
    place = folder / side.folder
    names = [side.frames, "test.extxyz" if role == "target" else "val.extxyz"]
    if not all((place / name).is_file() for name in names):
        return None
    return {"command": side.command, "sha256": {name: sha256_file(place / name) for name in names}}


def data_of_model(folder: Path, teacher: str) -> Path:
    """File that says which data a model was trained on that came without them; transfers of this study start from it."""
    return folder / "models" / f"{teacher}-data.json"


def data_of_row(plan: Plan, arm: str, folder: Path) -> dict[str, Any]:
    """What :func:`describe` says of all data that a row of ``arm`` depends on.

    :raises TlmlpError: when neither the data are there nor what a model that was taken over says of them
    """
    found: dict[str, Any] = {}
    for role, side in sides_of(plan, arm).items():
        about = describe(side, role, folder)
        teacher = plan.teacher_of(arm) if role == "source" else None
        if about is None and teacher is not None and (said := data_of_model(folder, teacher[0])).is_file():
            about = json.loads(said.read_text())
        if about is None:
            raise TlmlpError(f"{folder}: the data of the {role} are gone; a row says which data it is of")
        found[role] = about
    return found


def is_pinned(side: Side) -> bool:
    """Whether the command of ``side`` makes the same files everywhere."""
    return side.command is not None and any(side.command[: len(start)] == start for start in PINNED)


def same_data(side: Side, here: dict[str, Any] | None, recorded: dict[str, Any]) -> bool:
    """Whether a row's data are those of this study: by their hashes, or by a pinned command while there are none."""
    if here is not None:
        return sorted(here["sha256"].values()) == sorted(recorded["sha256"].values())
    return is_pinned(side) and side.command == recorded["command"]
