"""What began a run of several steps, kept in the run: ``tlmlp resume`` continues with it wherever it lies now."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.shipped import FOLDER as SHIPPED
from tlmlp.shipped import model_path, names
from tlmlp.train.config import Config, as_config
from tlmlp.train.data.selection import load_data
from tlmlp.train.loop.resuming import load_moved, moved_place, names_data, near_run

if TYPE_CHECKING:
    from tlmlp.train.loop.launch import RunResult

NAME = "begun.json"
#: The functions that begin such a run: with a cross-validation, or with a report at the end.
METHODS = ("train", "transfer", "transfer_best", "transfer_frames")


@contextmanager
def noted_beginning(
    out: Path,
    method: str,
    config: Config,
    *,
    sources: Sequence[str | os.PathLike[str]] = (),
    element_map: Mapping[str, str | Sequence[str]] | None = None,
    overrides: Sequence[str] = (),
    folds: int | None = None,
) -> Iterator[None]:
    """OUT/begun.json while and after the run is computed; one that is there stays, unless the same data lie elsewhere now.

    A run that is refused before its first training leaves no note, nor does one in a folder that holds another.

    :param method: one of :data:`METHODS`
    :param config: its section `data` finds the frames
    """
    file = out / NAME
    data = load_data(config.data, config.loss, config.transfer.replay).about
    is_new, out_is_new, held = not file.exists(), not out.exists(), any(out.rglob("config.yaml"))
    if is_new or _read(file)["data"] == data:
        _write(file, method, config, data, sources, element_map, overrides, folds)
    try:
        yield
    except TlmlpError:
        if is_new and (held or not any(out.rglob("config.yaml"))):
            file.unlink(missing_ok=True)
            if out_is_new:
                with suppress(OSError):
                    out.rmdir()
        raise


def _write(
    file: Path,
    method: str,
    config: Config,
    data: dict[str, Any],
    sources: Sequence[str | os.PathLike[str]],
    element_map: Mapping[str, str | Sequence[str]] | None,
    overrides: Sequence[str],
    folds: int | None,
) -> None:
    atomic_write_json(
        file,
        {
            "method": method,
            "config": config.model_dump(mode="json", exclude_none=True),
            "data": data,
            "sources": [_lasting(source) for source in sources],
            "element_map": None if element_map is None else dict(element_map),
            "overrides": list(overrides),
            "folds": folds,
        },
    )


def method_of(run: Path) -> str | None:
    """Which of :data:`METHODS` began ``run``; None where no note says so."""
    return str(_read(run / NAME)["method"]) if (run / NAME).is_file() else None


def go_on(run: Path, places: Sequence[str] = ()) -> RunResult:
    """Resume ``run`` as the command that began it would: finished trainings are not repeated.

    :param places: ``OLD=NEW``, files or folders of data and sources that lie elsewhere now; those that moved with ``run``
        are found without
    :raises TlmlpError: where data or a source are missing, or are not those that it began with
    """
    from tlmlp.train.element_transfer.few_frames import transfer_best, transfer_frames
    from tlmlp.train.element_transfer.transfer import transfer
    from tlmlp.train.loop.launch import fit

    begun = _read(run / NAME)
    given = as_config(begun["config"])
    sources = _sources(run, begun["sources"], places)
    of_sources = [place for place in places if any(moved_place(source, place) for source in begun["sources"])]
    of_data = [place for place in places if place not in of_sources or names_data(given, place)]
    found, _ = load_moved(run, given, begun["data"], of_data)
    config = found.model_copy(update={"folds": given.folds, "tune": given.tune})
    element_map = begun["element_map"]
    if begun["method"] == "train":
        return fit(config, run)
    if begun["method"] == "transfer":
        return transfer(sources[0], config, element_map, run)
    if begun["method"] == "transfer_best":
        return transfer_best(sources, config, element_map, run, begun["folds"])
    files = config.data.train or []
    return transfer_frames(
        sources, files, element_map, run, overrides=begun["overrides"], folds=begun["folds"]
    ).training


def _read(file: Path) -> dict[str, Any]:
    try:
        begun = json.loads(file.read_text())
        if begun["method"] not in METHODS or not all(isinstance(begun[k], list) for k in ("sources", "overrides")):
            raise ValueError
        return begun
    except (OSError, ValueError, KeyError, TypeError):
        raise TlmlpError(
            f"{file}: is damaged; give the command that began the training again, it goes on where it was"
        ) from None


def _lasting(source: str | os.PathLike[str]) -> str:
    """A name of a model that comes with the package, else the whole path."""
    path = model_path(source)
    return path.stem if path.parent == SHIPPED else os.path.abspath(path)


def _sources(run: Path, sources: Sequence[str], places: Sequence[str]) -> list[str]:
    """Where the sources are now.

    :raises TlmlpError: for one that is neither where it was, nor where a place says, nor near ``run``
    """
    now = []
    for source in sources:
        moved = next((new for new in (moved_place(source, place) for place in places) if new), source)
        if moved not in names() and not os.path.exists(moved):
            near = near_run(run, moved)
            if near is None:
                raise TlmlpError(f"{moved}: no such file; say where it is now with --data OLD=NEW")
            moved = near
        now.append(moved)
    return now
