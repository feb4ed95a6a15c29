"""The training config: a YAML file, checked key by key, with overrides from the command line."""

import copy
import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError, model_validator

from tlmlp.errors import TlmlpError
from tlmlp.plain_yaml import check_extent, load_yaml
from tlmlp.train.config.sections import (
    DataSection,
    FoldsSection,
    LossSection,
    ModelSection,
    Section,
    TrainingSection,
    TransferSection,
    TuneSection,
)

#: Entries of a section that are file names.
FILE_KEYS = ("train", "val", "pool", "files")


class Config(Section):
    """Everything a training needs."""

    model: ModelSection = ModelSection()
    """The network."""
    data: DataSection
    """The frames that train the model, and those that choose the best one."""
    loss: LossSection = LossSection()
    """What is fitted; `loss: forces` stands for forces alone."""
    training: TrainingSection = TrainingSection()
    """The optimisation."""
    transfer: TransferSection = TransferSection()
    """How a transfer starts from its source, and what is trained."""
    folds: FoldsSection = FoldsSection()
    """Cross-validation, for `data.validation: folds`."""
    tune: TuneSection = TuneSection()
    """What `tlmlp tune` searches; trainings ignore it."""

    @model_validator(mode="after")
    def _can_choose(self) -> "Config":
        if self.data.validation == "folds":
            if self.training.keep == "best" or self.training.patience is not None:
                raise ValueError(
                    "`data.validation: folds` leaves no frames to choose the best update by: set training.keep to last "
                    "or average and leave training.patience out"
                )
        elif not self.data.validates and (self.training.keep == "best" or self.training.patience is not None):
            raise ValueError(
                "`data`: give either `val`, or `pool` with `n_val`, to choose the best model on validation frames; "
                "or set training.keep to last or average and leave training.patience out"
            )
        return self

    @model_validator(mode="after")
    def _labels_are_there(self) -> "Config":
        for term in self.data.absent:
            if self.loss.requires(term):
                raise ValueError(f"`loss.{term}` fits what `data.absent` says is not there")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those that were not given left out, without the sections of searches, `folds` and `tune`."""
        return self.model_dump(exclude_none=True, exclude={"folds", "tune"})


def config_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a config, for editors: keys, types, bounds, defaults and descriptions."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def as_config(config: "Config | Mapping[str, Any] | str | os.PathLike[str]", overrides: Sequence[str] = ()) -> Config:
    """The checked config of a YAML file, a dictionary or a :class:`Config`.

    ``overrides`` are ``a.b=c`` with c in YAML. File names in a YAML file are relative to it, all others to the current
    folder; they come back absolute.

    :raises TlmlpError: on an unreadable file, unknown keys (with close matches) and values that do not fit
    """
    if isinstance(config, Config):
        content, folder, name = config.model_dump(exclude_none=True), Path.cwd(), "config"
    elif isinstance(config, Mapping):
        check_extent(dict(config), "config")
        content, folder, name = (
            copy.deepcopy(dict(config)),
            Path.cwd(),
            "config",
        )
    else:
        content, folder, name = read_yaml(Path(config)), Path(config).resolve().parent, str(config)
    _resolve_files(content, folder)
    for change in overrides:
        override(content, change)
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise TlmlpError("; ".join(f"{name}: {_explain(problem)}" for problem in error.errors()[:3])) from None


def setting(key: str, value: Any) -> str:
    """An override for :func:`as_config` that sets the entry ``key`` to ``value``."""
    return f"{key}={yaml.safe_dump(value, default_flow_style=True, width=10**6).splitlines()[0]}"


def read_yaml(path: Path) -> dict[str, Any]:
    """The content of a YAML file that holds a mapping, unchecked.

    :raises TlmlpError: when it cannot be read
    """
    try:
        content = load_yaml(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise TlmlpError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not isinstance(content, dict):
        raise TlmlpError(
            f"{path}: a config has the sections `model`, `data`, `loss`, `training` and `transfer`, got "
            f"{'an empty file' if content is None else type(content).__name__}"
        )
    return content


def _resolve(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return os.path.normpath(folder / os.path.expanduser(value))
    return [_resolve(item, folder) for item in value] if isinstance(value, list) else value


def _resolve_files(content: Any, folder: Path) -> None:
    """Make the file names of the sections below ``content`` absolute."""
    if isinstance(content, list):
        for item in content:
            _resolve_files(item, folder)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key in FILE_KEYS and isinstance(value, (str, list)):
                content[key] = _resolve(value, folder)
            else:
                _resolve_files(value, folder)


def override(content: dict[str, Any], change: str) -> None:
    """Set an entry of ``content`` to the value of ``change``, ``a.b=c`` with c in YAML, in place.

    :raises TlmlpError: when it has another form, or leads through an entry that is no mapping
    """
    key, equals, text = change.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise TlmlpError(f"--set expects a.b=c, for example training.updates=500, got {change!r}")
    value = load_yaml(text, f"--set {change}")
    if parts[-1] in FILE_KEYS:
        value = _resolve(value, Path.cwd())
    section = content
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise TlmlpError(f"--set {change}: `{part}` has no entries of its own")
    section[parts[-1]] = value


def _explain(problem: Mapping[str, Any]) -> str:
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    if problem["type"] == "extra_forbidden":
        return f"unknown key `{key}`{_suggestion(where)}"
    if problem["type"] == "missing":
        return f"`{key}` is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if not key:
        return message
    got = "" if problem["type"] == "value_error" else f", got {problem['input']!r}"
    return f"`{key}`: {message[0].lower()}{message[1:]}{got}"


def _suggestion(where: Sequence[str]) -> str:
    sections = {name: kind for name, kind in _sections(Config).items() if name}
    parent = ".".join(part for part in where[:-1] if not part.isdigit())
    section = sections.get(parent, Config) if parent else Config
    elsewhere = [f"{name}.{where[-1]}" for name, other in sections.items() if where[-1] in other.model_fields]
    if elsewhere:
        return f"; did you mean {' or '.join(f'`{name}`' for name in elsewhere)}?"
    close = difflib.get_close_matches(where[-1], section.model_fields, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(f'`{name}`' for name in close)}?"
    return f"; known here: {', '.join(section.model_fields)}"


def _sections(section: type[BaseModel], name: str = "") -> dict[str, type[BaseModel]]:
    """All sections at and below ``section`` by their dotted names."""
    found = {name: section}
    for key, field in section.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= _sections(kind, f"{name}.{key}" if name else key)
    return found
