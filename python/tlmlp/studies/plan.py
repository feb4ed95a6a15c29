"""What a study of the paper consists of: its tier's sizes, its pair of elements and its data, as one checked file.

``tlmlp study NAME`` writes the plan to OUT/study.yaml; the workflow and the report read it from there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tlmlp.data.sw_table import sw_table_file
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text, sha256_file

WORKFLOWS = Path(__file__).with_name("workflows")
TIERS = ("smoke", "small", "paper")
#: Study to the file of its rules below ``workflows`` and the figure of the paper that it repeats.
STUDIES = {
    "sw-data-efficiency": ("learning_curve.smk", "Fig. 2"),
    "sw-phonons": ("phonons.smk", "Fig. 3"),
    "sw-temperature": ("temperature.smk", "Fig. 4"),
    "dft-data-efficiency": ("learning_curve.smk", "Fig. 5"),
    "dft-structure": ("dynamics.smk", "Fig. 6"),
    "dft-stability": ("dynamics.smk", "Table 1"),
}


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
    #: LAMMPS .sw file that made the target's labels: the truth.
    truth: str | None = None
    #: Numbers of frames whose models a learning curve exports, for other studies to start from.
    keep_models: list[int] = Field(default_factory=list)

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: list[int]) -> list[int]:
        if sizes != sorted(set(sizes)) or not sizes or sizes[0] < 1:
            raise ValueError(f"numbers of frames must rise and be positive, got {sizes}")
        return sizes

    @property
    def element_map(self) -> str:
        """As ``--element-map`` takes it."""
        return f"{self.source.element}:{self.target.element}"

    def row_key(self, arm: str, frames: int, draw: int) -> str:
        """Hash of everything that decides a row, but for the bytes of the data: equal keys, equal numbers."""
        what = self.model_dump(include={"source_model", "source_training", "few_training", "validation", "draw_from"})
        for side in ("source", "target"):
            what[side] = getattr(self, side).model_dump(include={"element", "command", "frames", "sha256"})
        what |= {"arm": self.arms[arm].model_dump(), "frames": frames, "draw": draw}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def default_plan(
    study: str,
    tier: str,
    pair: str = "Si:Ge",
    *,
    source_data: Path | None = None,
    target_data: Path | None = None,
    source_model: str | None = None,
    truth: Path | None = None,
) -> Plan:
    """The plan of ``study`` at ``tier`` as ``workflows/tiers.yaml`` has it.

    :param pair: source and target element, ``Si:Ge``
    :param source_data: a folder with train.extxyz and test.extxyz in place of the study's own data, and
    :param target_data: one with pool.extxyz (or train.extxyz) and test.extxyz
    :param source_model: exported model or run directory to start from, in place of one that the study trains
    :param truth: the LAMMPS .sw file that made the labels of ``target_data``
    :raises TlmlpError: on an unknown study or tier, another form of ``pair``, and data that the study cannot make
    """
    if study not in STUDIES:
        raise TlmlpError(f"the study can be {', '.join(STUDIES)}, got {study!r}")
    if tier not in TIERS:
        raise TlmlpError(f"the tier can be {', '.join(TIERS)}, got {tier!r}")
    elements = pair.split(":")
    if len(elements) != 2 or not all(elements):
        raise TlmlpError(f"--pair expects SOURCE:TARGET, for example Si:Ge, got {pair!r}")
    tiers = yaml.safe_load((WORKFLOWS / "tiers.yaml").read_text())[study]
    numbers = tiers[tier]
    make = numbers.pop("data")
    if make[0] == "sw" and target_data is None:
        numbers["truth"] = str(sw_table_file(elements[1]))
    if truth is not None:
        numbers["truth"] = str(truth.resolve())
    if study == "sw-phonons" and not Path(numbers.get("truth", "")).is_file():
        raise TlmlpError("sw-phonons compares with the potential that made the labels: give its .sw file as --truth")
    sides = {}
    for side, element, folder in zip(("source", "target"), elements, (source_data, target_data), strict=True):
        sides[side] = _given(element, folder) if folder is not None else _made(side, element, make, study)
    return Plan(study=study, tier=tier, source_model=source_model, **sides, **numbers)


def _given(element: str, folder: Path) -> Side:
    """Data that are there already."""
    found = [name for name in ("pool.extxyz", "train.extxyz") if (folder / name).is_file()]
    if not found or not (folder / "test.extxyz").is_file():
        raise TlmlpError(f"{folder}: a folder with pool.extxyz or train.extxyz and with test.extxyz is needed")
    hashes = [sha256_file(folder / name) for name in (found[0], "test.extxyz")]
    return Side(element=element, command=None, folder=str(folder.resolve()), frames=found[0], sha256=hashes)


def _made(side: str, element: str, make: list[str], study: str) -> Side:
    """Data that the study makes by a command."""
    known = {"sw": ("Si", "Ge"), "mlearn": ("Si", "Ge", "Cu", "Ni", "Li", "Mo")}[make[0]]
    if element not in known:
        raise TlmlpError(
            f"{study} makes data of {', '.join(known)}, not of {element}: make them with tlmlp data lammps, or bring "
            f"your own, and give the folder as --{side}-data"
        )
    pool = side == "target"
    command = ["tlmlp", "data", make[0], "--element", element, *make[1:]]
    if make[0] == "mlearn":
        command.append("--pool" if pool else "--no-pool")
    frames = "pool.extxyz" if (pool if make[0] == "mlearn" else element == "Ge") else "train.extxyz"
    return Side(element=element, command=command, folder=f"data/{element}", frames=frames)


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
