"""Cross-validation within the training frames, and settings chosen by it.

The frames are divided into parts; each part is predicted by a model that was trained on the others, from its rescaling
to its energy shift. No frame is set aside: the final model is trained on all of them with the settings that did best.
The root-mean-square errors are divided by what the labels vary by
(:func:`tlmlp.train.optimise.label_weights.label_scales`). Their geometric mean over the kinds of labels compares
settings, so a tenth off the energies counts as much as a tenth off the forces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlmlp.console import console, table
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.train.config import Config, as_config, setting
from tlmlp.train.config.sections import TERMS
from tlmlp.train.data.selection import load_data
from tlmlp.train.evaluation.comparison import ERRORS, Comparison, compare_potential
from tlmlp.train.loop.launch import RunResult
from tlmlp.train.optimise.label_weights import label_scales

#: Trains a config in a run directory.
Train = Callable[[Config, Path], RunResult]


class Interrupted(Exception):
    """A training of several was interrupted; ``result`` is what it returned."""

    def __init__(self, result: RunResult) -> None:
        super().__init__("interrupted")
        self.result = result


@dataclass(frozen=True)
class CrossValidation:
    """Every frame beside the model that did not see it."""

    comparison: Comparison
    errors: dict[str, float | None]
    #: Geometric mean of the errors in units of the labels' scales.
    score: float
    runs: list[Path]


def cross_validate(train: Train, config: Config, parts: int, out: Path) -> CrossValidation:
    """Train ``parts`` models in OUT/0, OUT/1, ..., each without every ``parts``-th frame; done ones are not repeated.

    :param config: without validation frames; its `training.keep` is not ``best``
    :raises TlmlpError: with fewer frames than parts
    :raises Interrupted: after an interrupt
    """
    found, runs = [], []
    for part in range(parts):
        console.print(f"fold {part + 1} of {parts}")
        fold = as_config(config, [setting("data.fold", [part, parts]), "data.validation=frames"])
        result = train(fold, out / str(part))
        if not result.finished:
            console.print(f"stopped in fold {part + 1} of {parts}: the same command as before goes on there")
            raise Interrupted(result)
        frames = load_data(fold.data, fold.loss, fold.transfer.replay).val
        found.append(compare_potential(result.potential, frames))
        runs.append(result.run)
    together = Comparison.joined(found)
    errors = together.errors()
    return CrossValidation(together, errors, score(errors, label_scales(together.frames)), runs)


def score(errors: Mapping[str, float | None], scales: Mapping[str, float | None]) -> float:
    """Geometric mean of the errors in units of the scales, over the kinds of labels that have both.

    :raises TlmlpError: where no kind has
    """
    logs = []
    for kind in TERMS:
        error, scale = errors.get(ERRORS[kind].rmse), scales.get(kind)
        if error is not None and scale:
            logs.append(math.log(max(error * (1.0 / ERRORS[kind].factor), 1e-9) / scale))
    if not logs:
        raise TlmlpError("the frames have no labels that vary, so there is nothing to choose by")
    return math.exp(sum(logs) / len(logs))


def train_with_folds(train: Train, config: Config, out: Path) -> RunResult:
    """Choose among the settings of the section `folds` by cross-validation, then train on all frames in ``out``.

    The trainings of the choice lie in OUT/folds, its numbers in OUT/folds.json. The same command continues after an
    interruption.

    :raises TlmlpError: on entries that are no part of the config, and with fewer frames than folds
    """
    keys = list(config.folds.choices)
    tried = []
    try:
        for number, values in enumerate(itertools.product(*config.folds.choices.values())):
            changes = [setting(key, value) for key, value in zip(keys, values, strict=True)]
            console.print(f"setting {number}: {', '.join(changes)}")
            candidate = as_config(config, [*changes, "data.validation=frames"])
            result = cross_validate(train, candidate, config.folds.number, out / "folds" / str(number))
            tried.append((result, candidate, dict(zip(keys, values, strict=True))))
    except Interrupted as stop:
        return stop.result
    best = min(range(len(tried)), key=lambda n: tried[n][0].score)
    rows: list[dict[str, Any]] = [
        {**values, "score": round(found.score, 6), **found.errors} for found, _, values in tried
    ]
    atomic_write_json(out / "folds.json", {"folds": config.folds.number, "chosen": best, "settings": rows})
    table(
        f"{out}: {config.folds.number} folds, frames that the model did not see; chosen: setting {best}",
        ["setting", *keys, "score", *(f"{error.name} RMSE\n{error.in_words}" for error in ERRORS.values())],
        [
            [
                n,
                *(row[key] for key in keys),
                f"{row['score']:.4f}",
                *(_short(row[error.rmse]) for error in ERRORS.values()),
            ]
            for n, row in enumerate(rows)
        ],
    )
    return train(tried[best][1], out)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
