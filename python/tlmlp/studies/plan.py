"""What a study of the paper consists of: its tier's sizes, its pair of elements and its data, as one checked file.

``tlmlp study NAME`` writes the plan to OUT/study.yaml; the workflow and the report read it from there.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tlmlp.data.sw_table import sw_table_file
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text, sha256_file
from tlmlp.shipped import model_path
from tlmlp.studies.catalogue import STUDIES, TIERS
from tlmlp.train.config import as_config, override
from tlmlp.train.element_transfer.recipe import few_frames_config

WORKFLOWS = Path(__file__).with_name("workflows")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Part):
    """One element of the pair and where its frames come from."""

    element: str
    #: Command that writes the folder of data, without its ``--out``; None where ``folder`` was there before.
    command: list[str] | None
    #: Folder with train.extxyz or pool.extxyz, and test.extxyz.
    folder: str
    #: File of that folder that training frames are drawn from.
    frames: Literal["train.extxyz", "pool.extxyz"]
    #: SHA-256 of that file and of test.extxyz, of data that were there before.
    sha256: list[str] | None = None


class Arm(_Part):
    """A way to train on the few frames."""

    #: ``train`` from scratch, ``transfer`` with the study's settings, or ``default``: what the package does by itself.
    command: Literal["train", "transfer", "default"]
    #: Learning rates that validation frames choose from; empty for ``default``.
    rates: list[float] = Field(default_factory=list)
    #: Further settings, ``a.b=c`` as in ``--set``; ``{source}`` stands for the file of the source's training frames.
    settings: list[str] = Field(default_factory=list)
    #: Entry of the plan's teachers that it starts from, in place of the study's source.
    teacher: str | None = None

    @model_validator(mode="after")
    def _fits_its_command(self) -> Arm:
        if bool(self.rates) != (self.command != "default"):
            raise ValueError(f"an arm with command {self.command} needs {'no ' * bool(self.rates)}learning rates")
        if self.teacher is not None and self.command == "train":
            raise ValueError("an arm from scratch has no teacher")
        return self

    def options(self) -> dict[str, list[str]]:
        """Name of each training that the choice is between, to its settings."""
        if not self.rates:
            return {"default": list(self.settings)}
        return {f"rate-{rate:g}": [f"training.learning_rate={rate:g}", *self.settings] for rate in self.rates}


class Dynamics(_Part):
    """Langevin dynamics with every model, and with the source's."""

    temperature: float = Field(gt=0)
    #: Length by number of training frames; ``other`` for the rest.
    time_ps: dict[int | Literal["other"], float]
    #: Runs of each model.
    seeds: int = Field(ge=1)
    #: Share of a run that is left out of distribution functions.
    skip_share: float = Field(0.1, ge=0, lt=1)

    def length(self, frames: int) -> float:
        """ps, of the runs of models of so many training frames."""
        return self.time_ps.get(frames, self.time_ps["other"])


class Plan(_Part):
    """A study with all its numbers."""

    study: str
    tier: Literal["smoke", "small", "paper"]
    source: Side
    target: Side
    #: Model that the transfers start from: a path, a name, or None: trained by the study.
    source_model: str | None
    #: SHA-256 of its file, or of the best model of a run directory.
    source_sha256: str | None = None
    #: Further models to start from: the data that they are trained on, as the source is.
    teachers: dict[str, Side] = Field(default_factory=dict)
    #: Training config of that model and of the few-frame trainings, without data.
    source_training: dict[str, Any]
    few_training: dict[str, Any]
    arms: dict[str, Arm]
    #: Numbers of training frames; draws with seeds 0, 1, ...; validation frames of each draw.
    sizes: list[int]
    draws: int = Field(ge=1)
    validation: int = Field(ge=1)
    #: Which frames of the target's file training frames are drawn from, ``:`` for all.
    draw_from: str = ":"
    dynamics: Dynamics | None = None
    #: Frames at each temperature of the study of temperatures.
    per_temperature: int | None = None
    #: What made the target's labels, the truth: a LAMMPS .sw file, or the element of a table that comes with the package.
    truth: str | None = None
    #: Numbers of frames whose models a learning curve exports, for other studies to start from.
    keep_models: list[int] = Field(default_factory=list)
    #: What was set otherwise than at the tier, as ``--set`` gave it.
    changes: list[str] = Field(default_factory=list)

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: list[int]) -> list[int]:
        if sizes != sorted(set(sizes)) or not sizes or sizes[0] < 1:
            raise ValueError(f"numbers of frames must rise and be positive, got {sizes}")
        return sizes

    @model_validator(mode="after")
    def _known_teachers(self) -> Plan:
        for name, arm in self.arms.items():
            if arm.teacher is not None and arm.teacher not in self.teachers:
                raise ValueError(f"the arm {name} has a teacher {arm.teacher!r} that the plan does not have")
        if both := {"source", *self.teachers} & self.arms.keys():
            raise ValueError(f"{both.pop()} is the name of an arm and of a model that others start from")
        return self

    @property
    def element_map(self) -> str:
        """As ``--element-map`` takes it."""
        return f"{self.source.element}:{self.target.element}"

    def element_map_of(self, arm: str) -> str:
        """The same for the teacher of ``arm``."""
        teacher = self.teacher_of(arm)
        return self.element_map if teacher is None else f"{teacher[1].element}:{self.target.element}"

    @property
    def its_dynamics(self) -> Dynamics:
        """The dynamics of a study of dynamics."""
        if self.dynamics is None:
            raise TlmlpError(f"the plan of {self.study} has no section dynamics; make it anew with `tlmlp study`")
        return self.dynamics

    def teacher_of(self, arm: str) -> tuple[str, Side] | None:
        """Name and data of the model that ``arm`` starts from; None from scratch."""
        if self.arms[arm].command == "train":
            return None
        name = self.arms[arm].teacher
        return ("source", self.source) if name is None else (name, self.teachers[name])

    @property
    def names(self) -> list[tuple[str, int, int]]:
        """Arm, number of training frames and draw of every row."""
        return [(arm, n, draw) for arm in self.arms for n in self.sizes for draw in range(self.draws)]

    @property
    def needs_models(self) -> list[int]:
        """Numbers of training frames whose models the study needs or keeps."""
        return self.keep_models if STUDIES[self.study].kind == "learning_curve" else self.sizes

    def truth_file(self) -> Path:
        """The LAMMPS .sw file that made the target's labels."""
        truth = self.truth or "/"
        return Path(truth) if "/" in truth else sw_table_file(truth)

    def truth_argument(self) -> str:
        """The same as the analyses take it: a path, or a name as Ge.sw."""
        return str(self.truth_file()) if "/" in (self.truth or "/") else f"{self.truth}.sw"


def default_plan(
    study: str,
    tier: str,
    pair: str = "Si:Ge",
    *,
    source_data: str | Path | None = None,
    target_data: str | Path | None = None,
    source_model: str | None = None,
    truth: Path | None = None,
    changes: Sequence[str] = (),
) -> Plan:
    """The plan of ``study`` at ``tier`` as ``workflows/tiers.yaml`` has it.

    :param pair: source and target element, ``Si:Ge``
    :param source_data: a folder with train.extxyz and test.extxyz in place of the study's own data, and
    :param target_data: one with pool.extxyz (or train.extxyz) and test.extxyz; or, each, a command ``tlmlp data ...``
        that makes such a folder
    :param source_model: exported model or run directory to start from, in place of one that the study trains
    :param truth: the LAMMPS .sw file that made the labels of ``target_data``
    :param changes: entries of the plan that are set otherwise, ``a.b=c``; an arm that is set to null is left out
    :raises TlmlpError: on an unknown study or tier, another form of ``pair``, and data that the study cannot make
    """
    if study not in STUDIES:
        raise TlmlpError(f"the study can be {', '.join(STUDIES)}, got {study!r}")
    if tier not in TIERS:
        raise TlmlpError(f"the tier can be {', '.join(TIERS)}, got {tier!r}")
    elements = pair.split(":")
    if len(elements) != 2 or not all(elements):
        raise TlmlpError(f"--pair expects SOURCE:TARGET, for example Si:Ge, got {pair!r}")
    numbers = yaml.safe_load((WORKFLOWS / "tiers.yaml").read_text())[study][tier]
    make = numbers.pop("data")
    if make[0] == "sw" and target_data is None:
        numbers["truth"] = elements[1]
    if truth is not None:
        numbers["truth"] = str(truth.resolve())
    sides = {
        "source": _side("source", elements[0], make, source_data, study),
        "target": _side("target", elements[1], make, target_data, study),
    }
    teachers = {
        name: _made("source", elements[side == "target"], data, study, name)
        for name, (side, *data) in numbers.pop("teachers", {}).items()
    }
    content = {
        "study": study,
        "tier": tier,
        **{side: data.model_dump() for side, data in sides.items()},
        "source_model": source_model,
        "source_sha256": None if source_model is None else _hash_of_model(source_model),
        "teachers": {name: data.model_dump() for name, data in teachers.items()},
        **numbers,
    }
    plan = _changed(content, changes)
    if STUDIES[study].kind in ("phonons", "properties") and not plan.truth_file().is_file():
        raise TlmlpError(f"{study} compares with the potential that made the labels: give its .sw file as --truth")
    return plan


def _changed(content: dict[str, Any], changes: Sequence[str]) -> Plan:
    """The plan of ``content`` with the changes, and its settings checked."""
    for change in changes:
        override(content, change)
    content["arms"] = {name: arm for name, arm in content["arms"].items() if arm is not None}
    content["changes"] = list(changes)
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise TlmlpError(f"the plan's {where}: {problem['msg']}, got {problem['input']!r}"[:300]) from None
    for arm in plan.arms.values():
        files = {"train": ["train.extxyz"], "val": ["val.extxyz"]}
        default = few_frames_config(files["train"], plan.sizes[0])
        for settings in arm.options().values():
            named = [text.replace("{source}", "source.extxyz") for text in settings]
            as_config(default if arm.command == "default" else {**plan.few_training, "data": files}, named)
    return plan


def _hash_of_model(name: str) -> str:
    path = model_path(name)
    file = path / "best.pt" if path.is_dir() else path
    if not file.is_file():
        raise TlmlpError(f"--source-model {name}: there is no such model")
    return sha256_file(file)


def _side(side: str, element: str, make: list[str], data: str | Path | None, study: str) -> Side:
    if data is None:
        return _made(side, element, make, study)
    words = shlex.split(str(data))
    if words[:2] != ["tlmlp", "data"]:
        return _given(element, Path(data))
    if "--out" in words:
        raise TlmlpError(f"--{side}-data: leave out --out, the study chooses the folder; got {data}")
    frames = "pool.extxyz" if "--pool" in words else "train.extxyz"
    return Side(element=element, command=words, folder=f"data/{element}", frames=frames)


def _given(element: str, folder: Path) -> Side:
    """Data that are there already."""
    found = [name for name in ("pool.extxyz", "train.extxyz") if (folder / name).is_file()]
    if not found or not (folder / "test.extxyz").is_file():
        raise TlmlpError(f"{folder}: a folder with pool.extxyz or train.extxyz and with test.extxyz is needed")
    hashes = [sha256_file(folder / name) for name in (found[0], "test.extxyz")]
    return Side(element=element, command=None, folder=str(folder.resolve()), frames=found[0], sha256=hashes)


def _made(side: str, element: str, make: list[str], study: str, name: str | None = None) -> Side:
    """Data that the study makes by a command, in a folder with the element's or another name."""
    known = {"sw": ("Si", "Ge"), "mlearn": ("Si", "Ge", "Cu", "Ni", "Li", "Mo")}[make[0]]
    if element not in known:
        raise TlmlpError(
            f"{study} makes data of {', '.join(known)}, not of {element}: give a command `tlmlp data lammps ...`, or a "
            f"folder of your own, as --{side}-data"
        )
    pool = side == "target"
    command = ["tlmlp", "data", make[0], "--element", element, *make[1:]]
    if make[0] == "mlearn":
        command.append("--pool" if pool else "--no-pool")
    frames = "pool.extxyz" if (pool if make[0] == "mlearn" else element == "Ge") else "train.extxyz"
    return Side(element=element, command=command, folder=f"data/{name or element}", frames=frames)


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan as YAML."""
    atomic_write_text(path, yaml.safe_dump(plan.model_dump(), sort_keys=False))


def read_plan(path: Path) -> Plan:
    """The plan at ``path``.

    :raises TlmlpError: when it cannot be read or is none
    """
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise TlmlpError(f"{path}: cannot be read ({error.strerror}); start the study with tlmlp study") from None
    except (yaml.YAMLError, ValidationError) as error:
        raise TlmlpError(f"{path}: is not the plan of a study ({str(error).splitlines()[0]})") from None
