"""The training config: a YAML file, checked key by key, with overrides from the command line."""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tlmlp.errors import TlmlpError

#: Entries of the section `data` that are file names.
FILE_KEYS = ("train", "val", "pool")


class Section(BaseModel):
    """A part of the config; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ModelSection(Section):
    """The network. Sizes left out take the defaults of :class:`tlmlp.models.DimeNetPPConfig`, or those of the source
    in a transfer."""

    #: Radius of the neighbourhood, Å; may be left out in a transfer.
    cutoff: float | None = Field(None, gt=0)
    #: Chemical symbols in the order of the model's species; left out: the elements of the training set.
    species: list[str] | None = Field(None, min_length=1)
    embed_size: int | None = None
    out_size: int | None = None
    int_emb_size: int | None = None
    basis_emb_size: int | None = None
    atom_emb_size: int | None = None
    n_blocks: int | None = None
    num_spherical: int | None = None
    num_radial: int | None = None
    envelope_exponent: int | None = None
    n_residual_before: int | None = None
    n_residual_after: int | None = None
    n_dense_output: int | None = None

    def sizes(self) -> dict[str, Any]:
        """The network sizes that were given."""
        return {name: value for name, value in self if value is not None and name not in ("cutoff", "species")}


class DataSection(Section):
    """Which frames train the model and which choose the best one. A file name may carry an index: ``FILE@:10``."""

    train: list[str] | None = Field(None, min_length=1)
    val: list[str] | None = Field(None, min_length=1)
    #: Instead of `train`: `n_train` frames are drawn from it, and `n_val` others unless `val` is given.
    pool: list[str] | None = Field(None, min_length=1)
    n_train: int | None = Field(None, ge=1)
    n_val: int | None = Field(None, ge=1)
    #: Of the draw; subsets of one seed are nested.
    subset_seed: int = Field(0, ge=0)
    #: Draw the groups in proportion to their sizes.
    by_group: bool = False
    exclude_groups: list[str] = []
    energy_key: str | None = None
    forces_key: str | None = None
    stress_key: str | None = None

    @field_validator("train", "val", "pool", mode="before")
    @classmethod
    def _one_file_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> "DataSection":
        if (self.train is None) == (self.pool is None):
            raise ValueError("give either `train` or `pool`")
        if self.pool is None and self.n_val is not None:
            raise ValueError("`n_val` draws from `pool`, which is not given")
        if self.pool is not None and self.n_train is None:
            raise ValueError("`pool` needs `n_train`, the number of frames to draw from it")
        if (self.val is None) == (self.n_val is None):
            raise ValueError("give either `val`, or `pool` with `n_val`: the best model is chosen on validation forces")
        return self


class TrainingSection(Section):
    """Force matching with Adam; the rate at update k of T is ``learning_rate * final_rate_factor**(k/T)``."""

    updates: int = Field(5000, ge=1)
    batch_size: int = Field(5, ge=1)
    learning_rate: float = Field(4e-3, gt=0)
    final_rate_factor: float = Field(0.01, gt=0)
    validate_every: int = Field(100, ge=1)
    #: Left out: as often as validation.
    checkpoint_every: int | None = Field(None, ge=1)
    keep_checkpoints: int = Field(2, ge=1)
    #: Of the initial weights.
    seed: int = Field(0, ge=0)
    #: Of the order of the frames; left out: `seed`.
    shuffle_seed: int | None = Field(None, ge=0)
    #: Of the parameters; left out: float32, or that of the source in a transfer.
    dtype: Literal["float32", "float64"] | None = None
    #: "ops" (compiled) or "plain" (standard torch operators).
    route: Literal["ops", "plain"] = "ops"
    #: Left out: torch's own number.
    threads: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        defaults = {"shuffle_seed": content.get("seed", 0), "checkpoint_every": content.get("validate_every", 100)}
        return {**content, **{name: value for name, value in defaults.items() if content.get(name) is None}}


class Config(Section):
    """Everything a training needs."""

    model: ModelSection = ModelSection()
    data: DataSection
    training: TrainingSection = TrainingSection()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those that were not given left out."""
        return self.model_dump(exclude_none=True)


def as_config(config: "Config | Mapping[str, Any] | str | os.PathLike", overrides: Sequence[str] = ()) -> Config:
    """The checked config of a YAML file, a dictionary or a :class:`Config`.

    ``overrides`` are ``a.b=c`` with c in YAML. File names in a YAML file are relative to it, all others to the current
    folder; they come back absolute.

    :raises TlmlpError: on an unreadable file, unknown keys (with close matches) and values that do not fit
    """
    if isinstance(config, Config):
        content, folder, name = config.to_dict(), Path.cwd(), "config"
    elif isinstance(config, Mapping):
        content, folder, name = (
            {k: dict(v) if isinstance(v, Mapping) else v for k, v in config.items()},
            Path.cwd(),
            "config",
        )
    else:
        content, folder, name = _read_yaml(Path(config)), Path(config).resolve().parent, str(config)
    _resolve_files(content, folder)
    for override in overrides:
        _override(content, override)
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise TlmlpError("; ".join(f"{name}: {_explain(problem)}" for problem in error.errors()[:3])) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise TlmlpError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except yaml.YAMLError as error:
        raise TlmlpError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise TlmlpError(
            f"{path}: a config has the sections `model`, `data` and `training`, got "
            f"{'an empty file' if content is None else type(content).__name__}"
        )
    return content


def _resolve(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return os.path.normpath(folder / Path(value).expanduser())
    return [_resolve(item, folder) for item in value] if isinstance(value, list) else value


def _resolve_files(content: dict[str, Any], folder: Path) -> None:
    data = content.get("data")
    if isinstance(data, dict):
        data.update({key: _resolve(data[key], folder) for key in FILE_KEYS if key in data})


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise TlmlpError(f"--set expects a.b=c, for example training.updates=500, got {override!r}")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise TlmlpError(f"--set {override}: the value is not valid YAML") from None
    if parts[0] == "data" and parts[-1] in FILE_KEYS:
        value = _resolve(value, Path.cwd())
    section = content
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise TlmlpError(f"--set {override}: `{part}` has no entries of its own")
    section[parts[-1]] = value


def _explain(problem: Mapping[str, Any]) -> str:
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    if problem["type"] == "extra_forbidden":
        return f"unknown key `{key}`{_suggestion(where)}"
    if problem["type"] == "missing":
        return f"`{key}` is missing"
    message = problem["msg"].removeprefix("Value error, ")
    got = "" if problem["type"] == "value_error" else f", got {problem['input']!r}"
    return f"`{key}`: {message[0].lower()}{message[1:]}{got}"


def _suggestion(where: Sequence[str]) -> str:
    sections: dict[str, type[Section]] = {"model": ModelSection, "data": DataSection, "training": TrainingSection}
    section = sections.get(where[0], Config) if len(where) > 1 else Config
    close = difflib.get_close_matches(where[-1], section.model_fields, n=3, cutoff=0.5)
    elsewhere = [f"{name}.{where[-1]}" for name, other in sections.items() if where[-1] in other.model_fields]
    if elsewhere:
        return f"; did you mean {' or '.join(f'`{name}`' for name in elsewhere)}?"
    if close:
        return f"; did you mean {' or '.join(f'`{name}`' for name in close)}?"
    return f"; known here: {', '.join(section.model_fields)}"
