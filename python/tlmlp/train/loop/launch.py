"""Starting a training, going on with one, and what comes out."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlmlp.console import console, table
from tlmlp.data.consistency import consistency_warnings
from tlmlp.data.energies import energy_warnings
from tlmlp.data.isolated import isolated_energies
from tlmlp.errors import TlmlpError
from tlmlp.export.header import describe_zbl
from tlmlp.lock import run_lock
from tlmlp.models import Potential, build_potential
from tlmlp.text import counted
from tlmlp.train.config import Config, as_config
from tlmlp.train.config.sections import TERMS, TransferSection
from tlmlp.train.data.selection import TrainingData, load_data
from tlmlp.train.evaluation.comparison import ERRORS, Comparison
from tlmlp.train.evaluation.energy_shift import find_energy_shift
from tlmlp.train.loop.checkpoint import newest_checkpoint
from tlmlp.train.loop.resuming import changed_config, differences, load_moved, note_changes
from tlmlp.train.loop.trainer import Trainer
from tlmlp.train.model.modelfile import export_run, potential_from, weights_sha256
from tlmlp.train.model.wall import chosen_wall
from tlmlp.train.optimise.label_weights import unused_labels, weighted
from tlmlp.train.optimise.parallel import Processes, processes


@dataclass(frozen=True)
class RunResult:
    """A training that ended, or was interrupted."""

    run: Path
    #: False when it was interrupted; ``resume`` continues.
    finished: bool
    #: The best model (with the training set's energy shift when finished).
    potential: Potential
    metadata: dict[str, Any]
    #: Of "training" and "validation" frames, keys as in ``evaluate``; empty when interrupted.
    errors: dict[str, dict[str, float | None]]
    #: The lowest validation loss, from plain mean squares with the weights of the end; infinite without validation.
    score: float = math.inf


#: Called with the update and the validation loss after each validation; what it raises ends the training.
Observe = Callable[[int, float], None]


def fit(
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    observe: Observe | None = None,
) -> RunResult:
    """Train a potential from scratch in the run directory ``out``.

    A directory that holds an unfinished training of the very same config is resumed.

    :raises TlmlpError: on a wrong config, unusable data, and a run directory that is in use or holds something else
    """
    config = as_config(config)
    if config.model.cutoff is None:
        raise TlmlpError("the config lacks model.cutoff (Å)")
    set_up_torch(config)
    if config.transfer != TransferSection():
        raise TlmlpError(
            "the section `transfer` is for tlmlp transfer; take it out of the config to train from scratch"
        )
    if config.data.validation == "folds":
        from tlmlp.train.loop.beginning import noted_beginning
        from tlmlp.train.loop.folds import train_with_folds

        with noted_beginning(Path(out), "train", config):
            return train_with_folds(fit, config, Path(out))
    data = load_data(config.data, config.loss)
    potential = build_potential(
        config.model.species or data.elements(),
        config.model.cutoff,
        seed=config.training.seed,
        dtype=getattr(torch, config.training.dtype or "float32"),
        route=config.training.route,
        **config.model.sizes(),
    )
    potential.set_zbl(chosen_wall(config.model.zbl, potential, data.all_frames()))
    return start(Path(out), config, potential, data, {"method": "train", "source": None, "element_map": None}, observe)


def set_up_torch(config: Config) -> None:
    """Torch's number of threads, and sums in a fixed order on a GPU, where the config asks for them."""
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    if config.training.deterministic and config.training.device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what torch asks for, before the first product
        torch.use_deterministic_algorithms(True)


def start(
    run: Path,
    config: Config,
    potential: Potential,
    data: TrainingData,
    origin: dict[str, Any],
    observe: Observe | None = None,
) -> RunResult:
    """Train ``potential`` in ``run``, or resume the same training there. ``origin``: method, source, element map."""
    config = _resolved(config, potential, data)
    metadata: dict[str, Any] = {"provenance": {**origin, **_circumstances(config, data)}}
    together = processes()
    with _claimed(run, together):
        state = newest_checkpoint(run)
        if state is not None:
            _check_same(run, config, origin, state)
            state["config"] = config.to_dict()  # with the places where the data are now; their hashes are compared
            return _go_on(run, state, data, together, observe)
        left_over = [name for name in ("config.yaml", "best.pt", "metrics.jsonl") if (run / name).exists()]
        if left_over and not _begun_by(run, config):
            raise TlmlpError(f"{run}: holds {', '.join(left_over)} of another training; choose another directory")
        trainer = Trainer(run, config, potential, data, metadata, together)
        for warning in (
            *consistency_warnings(data.train, metadata["min_distance"]),
            *energy_warnings(data.train),
            *trainer.warnings,
        ):
            console.warn(f"training data: {warning}")
        for line in (*data.said, *trainer.shift_lines):
            console.print(line)
        _announce(trainer)
        return _train(trainer, observe)


def resume(
    run: str | os.PathLike[str], device: str | None = None, *, places: Sequence[str] = (), changes: Sequence[str] = ()
) -> RunResult:
    """Resume the training in ``run`` from its newest whole checkpoint.

    :param device: another ``training.device`` than the one it had
    :param places: ``OLD=NEW``, files or folders of the data that lie elsewhere now; data that moved together with the run
        are found without
    :param changes: ``training.a=c``, entries of the config that change from here on; see
        :data:`tlmlp.train.loop.resuming.CHANGEABLE`

    Unless ``changes`` say otherwise, the final weights are bitwise those of a training that was never stopped. That
    holds on the same machine with the same number of threads.

    :raises TlmlpError: when there is nothing to resume, the data or config.yaml changed, or a change is not allowed
    """
    from tlmlp.train.loop.beginning import go_on, method_of

    run = Path(run)
    method = method_of(run)
    if not (run / "checkpoints").is_dir():
        if method is not None:
            if changes or device is not None:
                raise TlmlpError(
                    f"{run}: was stopped in its cross-validation, which goes on as it began: leave out --set and --device"
                )
            return go_on(run, places)
        if (run / "folds").is_dir():
            raise TlmlpError(
                f"{run}: was stopped in its cross-validation; give the command that began it again, it goes on where it was"
            )
        raise TlmlpError(f"{run}: no checkpoints; start it with tlmlp train or tlmlp transfer")
    with_report = method == "transfer_frames"
    if with_report and not changes and device is None and not _was_changed(run):
        return go_on(run, places)
    together = processes()
    with _claimed(run, together):
        state = newest_checkpoint(run)
        if state is None:
            raise TlmlpError(f"{run}: no checkpoint was written yet; start it again with tlmlp train or tlmlp transfer")
        state["config"]["model"].setdefault("zbl", "none")  # of a run begun before there was a default
        if device is not None:
            changes = [*changes, f"training.device={device}"]
        config = changed_config(run, state, changes)
        set_up_torch(config)
        config, data = load_moved(run, config, state["metadata"]["provenance"]["data"], places)
        note_changes(state, config)
        result = _go_on(run, state, data, together)
    if with_report and result.finished and together.writes:
        console.print(f"model: {export_run(run, run / 'model.pt')}; tlmlp report {run} describes the changed training")
    return result


def _was_changed(run: Path) -> bool:
    """Whether settings of the training were changed on the way."""
    state = newest_checkpoint(run)
    return state is not None and bool(state["metadata"]["provenance"].get("changes"))


@contextmanager
def _claimed(run: Path, together: Processes) -> Iterator[None]:
    """The run directory for this training alone; with several processes the first one holds and writes it."""
    if together.size == 1:
        with run_lock(run):
            yield
        return
    if together.writes:
        with run_lock(run):
            together.wait()
            yield
    else:
        console.quiet = True
        together.wait()
        yield


def _go_on(
    run: Path, state: dict[str, Any], data: TrainingData, together: Processes, observe: Observe | None = None
) -> RunResult:
    config = as_config(state["config"])
    before = state["metadata"]["provenance"]
    for name, about in data.about.items():
        if about["sha256"] != before["data"].get(name, {}).get("sha256"):
            raise TlmlpError(
                f"{run}: the {name} data are not those that the training began with "
                f"({', '.join(about['files'])}); restore them, or start a new run"
            )
    now = _circumstances(config, data)
    for what in ("threads", "versions"):
        if now[what] != before[what]:
            console.warn(
                f"{what} were {before[what]} and are {now[what]}: the numbers may "
                "differ in the last digits from an uninterrupted training"
            )
    potential = potential_from(state["model"], config.training.route)
    trainer = Trainer(run, config, potential, data, state["metadata"], together)
    trainer.restore(state)
    together.wait()
    console.print(f"{run}: going on from update {trainer.update} of {config.training.updates}")
    return _train(trainer, observe)


def _check_same(run: Path, config: Config, origin: dict[str, Any], state: dict[str, Any]) -> None:
    before = state["metadata"]["provenance"]
    if differences(config, as_config(state["config"])) or any(
        _unnamed(before.get(key)) != _unnamed(value) for key, value in origin.items()
    ):
        raise TlmlpError(
            f"{run}: holds a training with other settings; go on with it by tlmlp resume {run}, "
            "or choose another directory"
        )


def _unnamed(entry: Any) -> Any:
    """An entry of an origin without the file name of a source, which may have moved: its hash decides."""
    return {key: value for key, value in entry.items() if key != "name"} if isinstance(entry, dict) else entry


def _begun_by(run: Path, config: Config) -> bool:
    """Whether ``run`` was left before its first checkpoint by a training with this config."""
    try:
        return not differences(as_config(run / "config.yaml"), config)
    except TlmlpError:
        return False


def _resolved(config: Config, potential: Potential, data: TrainingData) -> Config:
    """``config`` with everything written out that was taken from the data, the source or defaults."""
    model = {**potential.config.to_dict(), "species": list(potential.species), "zbl": potential.zbl_radii or "none"}
    del model["n_species"]
    training = {**config.training.model_dump(), "dtype": str(potential.dtype).removeprefix("torch.")}
    loss = config.loss.model_dump(exclude_none=True)
    if config.loss.energy_shift == "isolated":
        loss["isolated_energies"] = {**isolated_energies(data.isolated), **(config.loss.isolated_energies or {})}
        nothing = np.zeros(0)  # fitted to nothing: only whether every element has an energy
        find_energy_shift("isolated", potential.species, nothing, nothing, [], loss["isolated_energies"])
    return Config.model_validate({**config.to_dict(), "model": model, "loss": loss, "training": training})


def _circumstances(config: Config, data: TrainingData) -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in ("tlmlp", "torch", "numpy", "vesin", "ase"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    t = config.training
    return {
        "data": data.about,
        "versions": versions,
        "threads": torch.get_num_threads(),
        "seeds": {
            "initial_weights": t.seed,
            "shuffle": t.shuffle_seed,
            "noise": t.noise_seed,
            "subset": config.data.subset_seed,
        },
        "loss": weighted(config.loss, data.all_frames()).model_dump(exclude_none=True),
        "training": t.model_dump(exclude_none=True),
        "frozen": list(config.transfer.frozen),
    }


def _announce(trainer: Trainer) -> None:
    potential, t = trainer.potential, trainer.config.training
    parameters = sum(p.numel() for p in potential.parameters())
    validation = len(trainer.val.frames) if trainer.val else 0
    threads = torch.get_num_threads()
    if t.device != "cpu":
        where = f"on {torch.cuda.get_device_name(t.device)}, by twofold backward passes"
    elif t.route == "ops":
        where = f"{threads} thread{'s' * (threads > 1)}"
    else:
        where = f"{threads} thread{'s' * (threads > 1)}, standard torch operators"
    console.print(
        f"{', '.join(potential.species)}: {parameters:,} parameters, {str(potential.dtype).removeprefix('torch.')}"
        f", cutoff {potential.cutoff:.4g} Å; {len(trainer.train.frames)} training and {validation} validation frames; "
        f"{counted(t.updates, 'update')} of {counted(trainer.batches.size, 'frame')}, learning rate {t.learning_rate:g} to "
        f"{trainer.schedule(t.updates):g}; fitted to {_terms(trainer)}; "
        f"{where}"
    )
    smallest = trainer.metadata["min_distance"]
    console.print(
        f"short-range repulsion: {describe_zbl(potential.zbl_radii)}; smallest training distance {smallest:.3f} Å"
    )


def _terms(trainer: Trainer) -> str:
    """The labels that are fitted, with the weights found for them, and those that are not."""
    asked, loss = trainer.config.loss, trainer.loss
    used = [
        f"{term} (weight {getattr(loss, term):g})" if getattr(asked, term) == "auto" else term
        for term in TERMS
        if loss.uses(term)
    ]
    unused = unused_labels(loss, trainer.train.frames)
    return ", ".join(used) + (f" (labels left unused: {', '.join(unused)})" if unused else "")


def _train(trainer: Trainer, observe: Observe | None) -> RunResult:
    run, t = trainer.run, trainer.config.training
    trainer.observe = observe
    if not trainer.run_updates():
        console.print(f"interrupted at update {trainer.update}; everything is saved, go on with: tlmlp resume {run}")
        return RunResult(run, False, trainer.current(), trainer.metadata, {})
    if trainer.update < t.updates:
        console.print(f"stopped at update {trainer.update}: no better model in {t.patience} validations")
    kept, comparisons = trainer.finish()
    errors = {name: comparison.errors() for name, comparison in comparisons.items()}
    if trainer.processes.writes:
        _print_result(trainer, kept, comparisons)
    return RunResult(run, True, kept, trainer.metadata, errors, trainer.best.score)


def _print_result(trainer: Trainer, kept: Potential, comparisons: Mapping[str, Comparison]) -> None:
    mode = trainer.loss.energy_shift
    if comparisons["training"].errors()["energy_mae_mev_per_atom"] is None and mode in ("least-squares", "mean"):
        console.warn("the training frames have no energies: the energy shift is zero")
    for symbol, value in zip(kept.species, kept.energy_shift.tolist(), strict=True):
        console.print(f"energy shift of {symbol}: {value:.6f} eV/atom ({mode}, training set)")
    which = {
        "best": f"best model, of update {trainer.best.update}",
        "last": f"model of update {trainer.update}",
        "average": f"mean over the last {trainer.tail.count if trainer.tail else 0} updates",
    }[trainer.config.training.keep]
    print_errors(f"{trainer.run}: {which}", comparisons)
    if trainer.config.training.keep == "best" and trainer.best.update < 0.1 * trainer.update:
        console.note(
            f"the best of {trainer.update} updates was number {trainer.best.update}: a lower learning "
            f"rate may do better; the last model is kept too, compare it by --which last"
        )
    console.print(
        f"weights of best.pt: sha256 {weights_sha256(kept)[:16]}..., of the last update: "
        f"{weights_sha256(trainer.potential)[:16]}..."
    )


def print_errors(title: str, comparisons: Mapping[str, Comparison]) -> None:
    """Table of errors with units, one row per entry, on standard output."""
    print_error_rows(title, [(name, int((~c.isolated).sum()), c.errors()) for name, c in comparisons.items()])


def print_error_rows(title: str, rows: list[tuple[str, int, dict[str, Any]]]) -> None:
    """The same for errors that are already numbers: (name, frames, errors)."""
    columns, digits = ["frames", "n"], {}
    for error in ERRORS.values():
        for kind, key in (("MAE", error.mae), ("RMSE", error.rmse)):
            columns.append(f"{error.name} {kind}\n{error.in_words}")  # in a terminal of 80 columns
            digits[key] = error.digits
    table(
        title,
        columns,
        [
            [
                name,
                n,
                *(
                    "-" if errors[key] is None or math.isnan(errors[key]) else f"{errors[key]:.{digits[key]}f}"
                    for key in digits
                ),
            ]
            for name, n, errors in rows
        ],
    )
