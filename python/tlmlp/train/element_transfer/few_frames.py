"""A transfer from data files alone: recipe, cross-validation, training, export and report in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tlmlp.console import console, table
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.shipped import model_path
from tlmlp.train.config import Config, as_config
from tlmlp.train.data.selection import load_data
from tlmlp.train.element_transfer.recipe import FOLD_SHARE, default_folds, few_frames_config
from tlmlp.train.element_transfer.transfer import ElementMap, parse_element_map, transfer
from tlmlp.train.loop.beginning import noted_beginning
from tlmlp.train.loop.folds import CrossValidation, Interrupted, cross_validate
from tlmlp.train.loop.launch import RunResult, print_error_rows
from tlmlp.train.model.modelfile import export_run

Source = str | os.PathLike[str]


@dataclass(frozen=True)
class FewFramesResult:
    """What a transfer from few frames leaves."""

    training: RunResult
    #: The source that was taken.
    source: Path
    #: Of frames that the model did not see; None without a cross-validation.
    validation: CrossValidation | None
    #: Exported model and report; None when it was interrupted.
    model: Path | None
    report: Path | None


def transfer_frames(
    sources: Source | Sequence[Source],
    data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    element_map: ElementMap | str,
    out: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    folds: int | None = None,
) -> FewFramesResult:
    """Transfer a potential to the frames of ``data`` with the recipe for their number.

    >>> from tlmlp.train import transfer_frames
    >>> germanium = transfer_frames("si-dft", "ten.extxyz", "Si:Ge", "runs/ge")
    >>> germanium.validation.errors["force_mae_ev_per_ang"]

    OUT holds the run directory's files, the exported ``model.pt``, ``report.html`` and, with a cross-validation, the
    trainings in ``folds`` and their errors in ``cross-validation.json``. The same call continues after an interruption.

    :param sources: run directory, exported model or name; of several the one with the best cross-validation is taken
    :param data: files of labelled frames
    :param overrides: changes of the recipe, ``a.b=c`` as in ``--set``
    :param folds: parts of the cross-validation, 0 for none; left out: three, none for a single or for many frames
    :raises TlmlpError: as :func:`tlmlp.train.transfer`; for several sources without a cross-validation
    """
    started = time.monotonic()
    one = (str, os.PathLike)
    sources = [sources] if isinstance(sources, one) else list(sources)
    files = [str(data)] if isinstance(data, one) else [str(file) for file in data]
    out = Path(out)
    element_map = parse_element_map(element_map) if isinstance(element_map, str) else dict(element_map)
    first = as_config(few_frames_config(files, 1), overrides)
    frames = load_data(first.data, first.loss, first.transfer.replay).train
    parts = default_folds(len(frames)) if folds is None else folds
    if parts == 1 or parts > len(frames):
        raise TlmlpError(f"--folds is 0 or a number from 2 to that of the frames, {len(frames)}; got {parts}")

    def recipe(n: int, share: float = 1.0) -> Config:
        return as_config(few_frames_config(files, n, share), overrides)

    with noted_beginning(
        out, "transfer_frames", first, sources=sources, element_map=element_map, overrides=overrides, folds=folds
    ):
        try:
            in_fold = len(frames) - (len(frames) // parts if parts else 0)
            source, validation = choose_source(sources, recipe(in_fold, FOLD_SHARE), element_map, parts, out)
        except Interrupted as stop:
            return FewFramesResult(stop.result, Path(sources[0]), None, None, None)
        config = recipe(len(frames))
        console.print("the one frame" if len(frames) == 1 else f"all {len(frames)} frames")
        result = transfer(source, config, element_map, out)
        if not result.finished:
            return FewFramesResult(result, source, validation, None, None)
        model = export_run(out, out / "model.pt")
        from tlmlp.train.report.few_frames_page import write_report

        report = write_report(out, result, validation, frames, source, model, time.monotonic() - started)
        console.print(f"model: {model}, report: {report or 'none without matplotlib and jinja2'}")
        return FewFramesResult(result, source, validation, model, report)


def _transferred(source: Path, element_map: ElementMap, config: Config, run: Path) -> RunResult:
    return transfer(source, config, element_map, run)


def choose_source(
    sources: Sequence[Source], config: Config, element_map: ElementMap, parts: int, out: Path
) -> tuple[Path, CrossValidation | None]:
    """The source whose transfers predict the frames best that they did not see, and that cross-validation.

    The trainings lie in OUT/folds, for several sources in folders of their names; the errors go to
    OUT/cross-validation.json. With a single source there is nothing to choose; ``parts`` may then be 0, for no
    cross-validation.

    :raises TlmlpError: for several sources without folds, or with equal names
    :raises Interrupted: after an interrupt
    """
    paths = [model_path(source) for source in sources]
    names = [path.stem if path.is_file() else path.name for path in paths]
    if len(set(names)) < len(names):
        raise TlmlpError(f"the sources need different names, got {', '.join(names)}")
    if parts == 0:
        if len(paths) > 1:
            raise TlmlpError(
                "several sources are compared by cross-validation: it needs at least two frames, and folds"
            )
        return paths[0], None
    found = {}
    for path, name in zip(paths, names, strict=True):
        folder = out / "folds" / name if len(paths) > 1 else out / "folds"
        found[name] = cross_validate(partial(_transferred, path, element_map), config, parts, folder)
    best = min(found, key=lambda name: found[name].score)
    frames = len(found[best].comparison.frames)
    print_error_rows(
        f"{out}: {parts} folds, frames that the model did not see", [(n, frames, found[n].errors) for n in found]
    )
    if len(found) > 1:
        table("sources", ["source", "score"], [[n, f"{cv.score:.4f}"] for n, cv in found.items()])
        console.print(f"source: {best}, the lowest geometric mean of errors in units of the labels' scales")
    summary: dict[str, Any] = {
        "folds": parts,
        "chosen": best,
        "sources": {name: {"score": cv.score, **cv.comparison.summary()} for name, cv in found.items()},
    }
    atomic_write_json(out / "cross-validation.json", summary)
    return paths[names.index(best)], found[best]


def is_config(path: str | os.PathLike[str]) -> bool:
    """Whether a file given to ``tlmlp transfer`` is a config, by its ending."""
    return Path(path).suffix.lower() in (".yaml", ".yml")


def is_model(path: str | os.PathLike[str]) -> bool:
    """Whether an argument of ``tlmlp transfer`` is a source: a run directory, a model file or a model's name."""
    found = model_path(path)
    return found.is_dir() or found.suffix.lower() == ".pt"


def run_transfer(
    arguments: Sequence[str], element_map: str, out: Path, overrides: Sequence[str] = (), folds: int | None = None
) -> bool:
    """``tlmlp transfer SOURCE... CONFIG.yaml`` or ``SOURCE... DATA...``; whether it was finished.

    :raises TlmlpError: when the arguments are not of this form
    """
    sources = [arguments[0]]
    rest = list(arguments[1:])
    while rest and is_model(rest[0]):
        sources.append(rest.pop(0))
    configs = [file for file in rest if is_config(file)]
    if not rest or (configs and len(rest) > 1):
        raise TlmlpError(
            "expected source models, then one config (YAML) or files of labelled frames, got "
            f"{' '.join(map(str, arguments))}"
        )
    if not configs:
        return transfer_frames(sources, rest, element_map, out, overrides=overrides, folds=folds).training.finished
    config = as_config(configs[0], overrides)
    if folds is not None and len(sources) == 1:
        raise TlmlpError("--folds goes with data files or several sources; in a config it is data.validation: folds")
    source = model_path(sources[0])
    if len(sources) > 1:
        return transfer_best(sources, config, parse_element_map(element_map), out, folds).finished
    return transfer(source, config, element_map, out).finished


def transfer_best(
    sources: Sequence[Source], config: Config, element_map: ElementMap, out: Path, folds: int | None = None
) -> RunResult:
    """Transfer the source of several that a cross-validation within the training frames finds best.

    :param folds: parts of it; left out: ``folds.number`` of the config
    :raises TlmlpError: with validation frames, and as :func:`choose_source`
    """
    if config.data.validates or config.training.keep == "best":
        raise TlmlpError(
            "several sources are compared by cross-validation within the training frames: leave out data.val and "
            "data.n_val, and set training.keep to last or average"
        )
    with noted_beginning(out, "transfer_best", config, sources=sources, element_map=element_map, folds=folds):
        try:
            source, _ = choose_source(sources, config, element_map, folds or config.folds.number, out)
        except Interrupted as stop:
            return stop.result
        return transfer(source, config, element_map, out)
