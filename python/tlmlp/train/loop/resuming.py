"""What a resumed training may change, and where its data are now."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.train.config import FILE_KEYS, Config, as_config, read_yaml
from tlmlp.train.data.selection import TrainingData, load_data

#: Entries that ``resume --set`` may change: how the optimisation continues, where it runs, and what it writes. The others
#: made the weights, the order of the frames or the scores that the checkpoint holds.
CHANGEABLE = tuple(
    f"training.{name}"
    for name in (
        "updates",
        "learning_rate",
        "schedule",
        "final_rate_factor",
        "schedule_steps",
        "warmup",
        "clip_gradient",
        "weight_decay",
        "patience",
        "position_noise",
        "validate_every",
        "checkpoint_every",
        "keep_checkpoints",
        "device",
        "deterministic",
        "threads",
        "route",
        "tensorboard",
    )
)
#: How many folders above the run directory are looked into for data that moved with it.
LEVELS = 4


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """Entries of a config by dotted name; those of lists of sections are numbered."""
    if isinstance(content, dict):
        pairs = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list) and any(isinstance(item, dict) for item in content):
        pairs = [(str(k), value) for k, value in enumerate(content)]
    else:
        return {prefix: content}
    return {
        name: value for key, part in pairs for name, value in flat(part, f"{prefix}.{key}" if prefix else key).items()
    }


def differences(one: Config, other: Config) -> dict[str, tuple[Any, Any]]:
    """Entries that differ, file names aside: they say where the data are, and their hashes decide."""
    a, b = flat(one.to_dict()), flat(other.to_dict())
    return {
        name: (a.get(name), b.get(name))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name) and name.rpartition(".")[2] not in FILE_KEYS
    }


def changed_config(run: Path, state: dict[str, Any], changes: Sequence[str]) -> Config:
    """The config of the checkpoint with ``changes`` (``a.b=c``), and with the file names of an edited config.yaml.

    :raises TlmlpError: on a change that would not be the same training, and on a config.yaml that says something else
    """
    before = as_config(state["config"])
    after = as_config(state["config"], changes)
    changed = differences(before, after)
    refused = [name for name in changed if name not in CHANGEABLE]
    if refused:
        raise TlmlpError(
            f"{run}: {refused[0]} cannot change in a training that has begun; --set takes "
            f"{', '.join(name.removeprefix('training.') for name in CHANGEABLE)} of `training`; start a new run"
        )
    tail = state.get("tail")
    if "training.updates" in changed and tail is not None and tail["count"]:
        raise TlmlpError(f"{run}: the mean over the last updates has begun: training.updates cannot change any more")
    file = run / "config.yaml"
    if not file.is_file():
        return after
    edited, stated = as_config(file), flat(read_yaml(file))
    asked = differences(after, edited)  # empty where --set says the same as the file
    other = {name: pair for name, pair in differences(before, edited).items() if name in stated and name in asked}
    if other:
        shown = "; ".join(
            f"{name} is {new!r} there and {old!r} in the checkpoint" for name, (old, new) in other.items()
        )
        takes = " ".join(f"--set {name}={new}" for name, (_, new) in other.items() if name in CHANGEABLE)
        raise TlmlpError(
            f"{file} was changed: {shown}; resume goes on with what the checkpoint holds: restore the file"
            + (f", or say {takes}" if takes else ", or start a new run")
        )
    return _with_files(after, _files(edited))


def note_changes(state: dict[str, Any], config: Config) -> None:
    """Say what changes from here on, keep it with the origin of the model, and let the checkpoint have ``config``."""
    changed = differences(as_config(state["config"]), config)
    for name, (old, new) in changed.items():
        console.print(f"from update {state['update']} on: {name} is {new}, was {old}")
    if changed:
        provenance = state["metadata"]["provenance"]
        entry = {"update": state["update"], "set": {name: new for name, (_, new) in changed.items()}}
        provenance["changes"] = [*provenance.get("changes", []), entry]
    state["config"] = config.to_dict()


def _files(config: Config) -> dict[str, list[str]]:
    return {name: value for name, value in flat(config.to_dict()).items() if name.rpartition(".")[2] in FILE_KEYS}


def _with_files(config: Config, files: dict[str, list[str]]) -> Config:
    content = config.to_dict()
    for name, value in files.items():
        *way, last = name.split(".")
        part = content
        for key in way:
            part = part[int(key)] if isinstance(part, list) else part[key]
        part[last] = value
    return as_config(content)


def load_moved(
    run: Path, config: Config, about: dict[str, Any], places: Sequence[str] = ()
) -> tuple[Config, TrainingData]:
    """The data of a resumed training, and its config with the places where they were found.

    A file is looked for where ``places`` (``OLD=NEW``, files or folders) say, and else where it was. Last comes the
    same place as seen from the run directory: a folder that holds both may have moved. The hash decides.

    :param about: of the data that the training began with, by name
    :raises TlmlpError: when files are missing, or nothing with the right hash is found
    """
    replaced = _replaced(config, places)
    problem: TlmlpError | None = None
    tried: list[dict[str, list[str]]] = []
    for choice in _choices(run, _files(replaced)):
        if choice in tried:
            continue
        tried.append(choice)
        candidate = _with_files(replaced, choice)
        try:
            data = load_data(candidate.data, candidate.loss, candidate.transfer.replay)
        except TlmlpError as error:
            problem = problem or error
            continue
        wrong = [name for name, now in data.about.items() if now["sha256"] != about.get(name, {}).get("sha256")]
        if not wrong:
            return candidate, data
        files = ", ".join(data.about[wrong[0]]["files"])
        changed = TlmlpError(
            f"{run}: the {wrong[0]} data are not those that the training began with ({files}); restore them, say where "
            "they are with --data OLD=NEW, or start a new run"
        )
        if problem is None or "no such file" in str(problem):
            problem = changed
    if problem is not None and "no such file" in str(problem):
        raise TlmlpError(f"{problem}; say where it is now with --data OLD=NEW")
    assert problem is not None
    raise problem


def _replaced(config: Config, places: Sequence[str]) -> Config:
    files = _files(config)
    for place in places:
        hit = False
        for names in files.values():
            for k, name in enumerate(names):
                moved = moved_place(name, place)
                if moved is not None:
                    names[k], hit = moved, True
        if not hit:
            known = ", ".join(sorted({name for names in files.values() for name in names}))
            raise TlmlpError(f"--data {place}: the training has no file {place.partition('=')[0]}; it has {known}")
    return _with_files(config, files)


def moved_place(name: str, place: str) -> str | None:
    """Where ``name`` (a file, FILE@INDEX, or a file in a folder) lies after ``place`` (OLD=NEW), or None if it is about
    another.

    :raises TlmlpError: when ``place`` is not of that form
    """
    old, equals, new = place.partition("=")
    if not (equals and old and new):
        raise TlmlpError(f"--data expects OLD=NEW, two files or two folders, got {place!r}")
    start, end = (os.path.abspath(os.path.expanduser(path)) for path in (old, new))
    if name == start or name.startswith((start + os.sep, start + "@")):
        return end + name[len(start) :]
    return None


def names_data(config: Config, place: str) -> bool:
    """Whether ``place`` (OLD=NEW) is about a data file of ``config``."""
    return any(moved_place(name, place) is not None for names in _files(config).values() for name in names)


def _choices(run: Path, files: dict[str, list[str]]) -> Iterator[dict[str, list[str]]]:
    """Where the files may be: as they are if they exist, else near the run; then near the run wherever that is possible."""
    near = {name: [near_run(run, file) for file in names] for name, names in files.items()}
    yield {
        name: [file if _exists(file) or other is None else other for file, other in zip(names, near[name], strict=True)]
        for name, names in files.items()
    }
    yield {
        name: [other or file for file, other in zip(names, near[name], strict=True)] for name, names in files.items()
    }


def _split(file: str) -> tuple[str, str]:
    """Path and index of ``FILE@:10``; the index is empty for a whole file."""
    if "@" in file and not Path(file).exists():
        path, _, index = file.rpartition("@")
        return path, "@" + index
    return file, ""


def _exists(file: str) -> bool:
    return Path(_split(file)[0]).exists()


def near_run(run: Path, file: str) -> str | None:
    """The file or folder at the end of the same path below a folder above the run: the nearest folder, the longest path."""
    path, index = _split(file)
    parts = Path(path).parts[1:]
    for folder in list(run.resolve().parents)[:LEVELS]:
        for k in range(len(parts)):
            place = folder.joinpath(*parts[k:])
            if place.exists():
                return str(place) + index
    return None
