"""How much a transfer helps where data are scarce: the same few frames from scratch and from a source model.

Numbers of frames x splits x arms x learning rates; the arms are scratch, transfer, and variants of the transfer with
settings of their own. A split draws its frames from the config's pool with a seed of its own, nested over the numbers
of frames; all arms get the same frames, updates and list of rates, and each training chooses its rate by the validation
frames. The chosen models are evaluated on test data that nothing else saw.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlmlp.bench.timing import versions
from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.studies.curves import best_validation
from tlmlp.studies.steps import Runner, Step, tlmlp
from tlmlp.studies.transfer_results import draw, say, summarise, write_results
from tlmlp.train.config import as_config

_NAME = re.compile(r"\w+")
SCRATCH = "scratch"
TRANSFER = "transfer"


@dataclass(frozen=True)
class TransferStudy:
    """What is compared. Paths may be relative to the current folder."""

    #: Training config with `data.pool`; its cutoff must be the source's.
    config: Path
    #: Run directory or exported model.
    source: Path
    element_map: str
    #: Labelled frames to evaluate on.
    test: tuple[Path, ...]
    sizes: tuple[int, ...] = (10,)
    splits: int = 5
    rates: tuple[float, ...] = (4e-3, 1e-3)
    #: Further arms: transfers with `transfer.KEY=VALUE` of the config; all else is equal in all arms.
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in (("sizes", self.sizes), ("rates", self.rates), ("test files", self.test)):
            if not values or len(set(values)) < len(values):
                raise TlmlpError(
                    f"a transfer study needs {name}, each once, got {', '.join(map(str, values)) or 'none'}"
                )
        if self.splits < 1:
            raise TlmlpError(f"a transfer study needs at least one split, got {self.splits}")
        for name, settings in self.variants.items():
            if not _NAME.fullmatch(name) or name in (SCRATCH, TRANSFER):
                raise TlmlpError(f"a variant needs a name of its own, of letters, digits and _, got {name!r}")
            if not settings or not all(setting.startswith("transfer.") for setting in settings):
                raise TlmlpError(
                    f"the variant {name} needs settings transfer.KEY=VALUE, got {' '.join(settings) or 'none'}"
                )
            as_config(self.config, settings)
        source = self.source / "best.pt" if self.source.is_dir() else self.source
        for path in (self.config, source, *self.test):
            if not path.is_file():
                raise TlmlpError(f"cannot read {path}: there is no such file")
        if as_config(self.config).data.pool is None:
            raise TlmlpError(f"{self.config} needs `data.pool`, from which the study draws its training frames")

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of what is compared."""
        return (SCRATCH, TRANSFER, *self.variants)

    @property
    def draws(self) -> Iterator[tuple[int, int]]:
        """(number of frames, split) of every comparison."""
        return itertools.product(self.sizes, range(self.splits))


def run_transfer_study(study: TransferStudy, out: Path, jobs: int = 1) -> dict[str, Any]:
    """Run the study in the folder ``out``; trainings done before are not repeated, an unfinished one goes on.

    :param jobs: trainings side by side, one thread each
    :return: what ``out/summary.json`` holds: per number of frames and arm the mean and the standard deviation over the
        splits of every test error, and the mean over that of scratch
    :raises TlmlpError: when a training fails, with its error
    """
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    about = _identity(study)
    _claim(out, about)
    runner = Runner(out)
    rows = []
    for frames, split in study.draws:
        console.rule(f"{frames} frames, split {split + 1} of {study.splits}")
        trainings = [_training(study, frames, split, *which) for which in _trainings(study)]
        for group in _groups(sorted(trainings, key=runner.is_done), jobs):  # what is still to do comes first
            runner.run(*group)
        chosen = {arm: _chosen_rate(study, out, frames, split, arm) for arm in study.arms}
        tests = [_evaluation(study, frames, split, arm, chosen[arm]) for arm in study.arms]
        for group in _groups(tests, jobs):
            runner.run(*group)
        rows += [_row(out, frames, split, arm, chosen[arm]) for arm in study.arms]
    summary = {
        **about,
        "splits": study.splits,
        "learning_rates": list(study.rates),
        "variants": study.variants,
        "errors": summarise(rows),
        "versions": versions("torch", "numpy", "ase", "vesin"),
    }
    write_results(out / "results.csv", rows)
    draw(out / "transfer.png", rows)
    atomic_write_json(out / "summary.json", summary)
    say(rows, out)
    return summary


def _identity(study: TransferStudy) -> dict[str, Any]:
    """What all trainings of a study share, with the hashes of the files."""
    source = study.source / "best.pt" if study.source.is_dir() else study.source
    return {
        "config": {"file": str(study.config), "sha256": sha256_file(study.config)},
        "source": {"file": str(study.source), "sha256": sha256_file(source)},
        "element_map": study.element_map,
        "test": {str(path): sha256_file(path) for path in study.test},
    }


def _claim(out: Path, about: dict[str, Any]) -> None:
    """Trainings done before count only while what they were made of is the same."""
    path = out / "study.json"
    if path.is_file():
        before = json.loads(path.read_text())
        changed = [name for name in about if before.get(name) != about[name]]
        if changed:
            raise TlmlpError(f"{out} holds a study with another {', '.join(changed)}; choose another folder")
    atomic_write_json(path, about)


def _groups(steps: Sequence[Step], jobs: int) -> Iterator[Sequence[Step]]:
    return (steps[first : first + jobs] for first in range(0, len(steps), jobs))


def _trainings(study: TransferStudy) -> Iterator[tuple[str, float]]:
    return itertools.product(study.arms, study.rates)


def _name(frames: int, split: int, arm: str, rate: float) -> str:
    return f"{frames}-frames-split-{split}-{arm}-{rate:g}"


def _training(study: TransferStudy, frames: int, split: int, arm: str, rate: float) -> Step:
    changes = {
        "data.n_train": frames,
        "data.subset_seed": split,
        "training.seed": split,
        "training.learning_rate": f"{rate:g}",
    }
    if arm in study.variants:
        changes["model.cutoff"] = "null"  # that of the source, which `transfer.length_scale` changes
    if arm != SCRATCH:
        changes["transfer.rescale"] = "none"  # the paper's way, unless the variant says otherwise
    settings = [f"{key}={value}" for key, value in changes.items()] + list(study.variants.get(arm, ()))
    options = [part for setting in settings for part in ("--set", setting)]
    start = ["train"] if arm == SCRATCH else ["transfer", study.source.resolve()]
    element_map = [] if arm == SCRATCH else ["--element-map", study.element_map]
    name = _name(frames, split, arm, rate)
    command = [*start, study.config.resolve(), *element_map, "--out", f"runs/{name}", *options]
    return Step(f"train-{name}", tlmlp(*command))


def _evaluation(study: TransferStudy, frames: int, split: int, arm: str, rate: float) -> Step:
    name = _name(frames, split, arm, rate)
    files = [path.resolve() for path in study.test]
    return Step(f"evaluate-{name}", tlmlp("evaluate", f"runs/{name}", *files, "--json", f"evaluation/{name}.json"))


def _chosen_rate(study: TransferStudy, out: Path, frames: int, split: int, arm: str) -> float:
    """The rate whose best validation force error is lowest."""
    return min(study.rates, key=lambda rate: best_validation(out / "runs" / _name(frames, split, arm, rate)))


def _row(out: Path, frames: int, split: int, arm: str, rate: float) -> dict[str, Any]:
    name = _name(frames, split, arm, rate)
    errors = json.loads((out / "evaluation" / f"{name}.json").read_text())
    return {
        "frames": frames,
        "split": split,
        "arm": arm,
        "learning_rate": rate,
        "val_force_rmse_ev_per_ang": best_validation(out / "runs" / name),
        **{key: errors[key] for key in errors if key.startswith(("force_", "energy_"))},
    }
