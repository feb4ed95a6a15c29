"""``tlmlp tune``: a search for settings that lower the validation loss, on optuna.

The study lives in a journal file. Calls that share it, one after the other or at the same time, add up to the number
of trials that was asked for; a call that was killed leaves its trial to the next one. Every trial is a training in a
directory of its own, with the updates of the config. It ends early when it is worse than the median of the others.
"""

from __future__ import annotations

import fcntl
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tlmlp.console import console, table
from tlmlp.errors import TlmlpError
from tlmlp.figures import save_sheet, write_csv
from tlmlp.files import atomic_write_text
from tlmlp.train.config import Config, as_config, setting
from tlmlp.train.config.sections import Range
from tlmlp.train.element_transfer.transfer import transfer
from tlmlp.train.loop.launch import fit
from tlmlp.train.report.figures import new_figure

if TYPE_CHECKING:
    import optuna

#: Trials that are never ended early, and drawn at random.
FIRST_TRIALS = 4
#: Validation loss of a trial whose loss became infinite.
DIVERGED = 1e9


def tune(
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    trials: int,
    storage: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    element_map: Mapping[str, Any] | str | None = None,
) -> dict[str, Any]:
    """Search the space of the config's section ``tune`` until there are ``trials`` finished or pruned trials.

    :param storage: journal file, shared by processes and later calls
    :param out: trial directories, best.yaml (the best config), search.png and search.csv
    :param source: with ``element_map``: search the settings of a transfer instead of a training
    :return: ``value`` (lowest validation loss), ``params``, ``trial``, ``trials``
    :raises TlmlpError: without validation data or optuna, and on entries of the space that are no part of the config
    """
    if find_spec("optuna") is None:
        raise TlmlpError("tlmlp tune needs optuna: pip install optuna")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    config = as_config(config)
    if not config.data.validates:
        raise TlmlpError("a search compares validation losses: give data.val or data.n_val")
    if (source is None) != (element_map is None):
        raise TlmlpError("a transfer needs both the source model and --element-map")
    for key, values in config.tune.space.items():  # every entry must be part of the config
        as_config(config, [setting(key, _example(values))])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="tlmlp",
        storage=JournalStorage(JournalFileBackend(os.fspath(storage))),
        direction="minimize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=config.training.updates // 5),
    )
    _check_same_search(study, config, source, element_map)

    def train(changes: list[str], run: Path, observe: Callable[[int, float], None]) -> float:
        changed = as_config(config, changes)
        if source is None:
            result = fit(changed, run, observe=observe)
        else:
            result = transfer(source, changed, element_map or {}, run, observe=observe)
        if not result.finished:
            raise KeyboardInterrupt
        return result.score

    counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    with _alone(out):
        _release_dead_trials(study, out)
    while True:
        with _alone(out):
            if len(study.get_trials(deepcopy=False, states=counted)) >= trials:
                break
            trial = study.ask()
            # A sampler of each trial's own, so that processes that share the journal do not draw the same.
            study.sampler = optuna.samplers.TPESampler(
                seed=config.tune.seed + trial.number, n_startup_trials=FIRST_TRIALS, constant_liar=True
            )
            changes = _settings(trial, config.tune.space)
            run = out / f"trial-{trial.number:04d}"
            run.mkdir(parents=True, exist_ok=True)
            mark = (run / ".trial").open("w")
            fcntl.flock(mark, fcntl.LOCK_EX)  # held as long as this process lives
        with mark:
            _one_trial(study, trial, changes, run, train)
    _write_results(study, config, out)
    best = study.best_trial
    return {"value": best.value, "params": best.params, "trial": best.number, "trials": len(study.trials)}


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Only one process at a time counts trials, takes one, or judges those of others."""
    with (out / ".search").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _one_trial(
    study: optuna.Study, trial: optuna.Trial, changes: list[str], run: Path, train: Callable[..., float]
) -> None:
    import optuna
    from optuna.trial import TrialState

    def observe(update: int, score: float) -> None:
        trial.report(score, update)
        if trial.should_prune():
            raise optuna.TrialPruned

    console.print(f"trial {trial.number}: {', '.join(changes)}")
    try:
        score = train(changes, run, observe)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except TlmlpError as error:
        if "the loss became" not in str(error):
            study.tell(trial, state=TrialState.FAIL)
            raise
        console.print(f"trial {trial.number}: {error}")
        study.tell(trial, DIVERGED)  # a rate that is too high is a bad result, not a failure
    else:
        study.tell(trial, score if math.isfinite(score) else DIVERGED)


def _settings(trial: optuna.Trial, space: Mapping[str, Range]) -> list[str]:
    return [setting(key, _suggest(trial, key, values)) for key, values in space.items()]


def _suggest(trial: optuna.Trial, key: str, values: Range) -> Any:
    if values.choices is not None:
        return trial.suggest_categorical(key, values.choices)
    low, high = float(values.low or 0.0), float(values.high or 0.0)
    if low.is_integer() and high.is_integer():
        return trial.suggest_int(key, int(low), int(high), log=values.log)
    return trial.suggest_float(key, low, high, log=values.log)


def _example(values: Range) -> Any:
    if values.choices is not None:
        return values.choices[0]
    low = float(values.low or 0.0)
    return int(low) if low.is_integer() and float(values.high or 0.0).is_integer() else low


def _check_same_search(study: optuna.Study, config: Config, source: Any, element_map: Any) -> None:
    what = {
        "config": config.to_dict(),
        "space": config.tune.model_dump(exclude_none=True)["space"],
        "source": None if source is None else Path(source).name,
        "element_map": element_map,
    }
    now = yaml.safe_dump(what)
    if study.user_attrs.get("search", now) != now:
        raise TlmlpError("the storage holds a search with another config; give another --storage and --out")
    study.set_user_attr("search", now)


def _release_dead_trials(study: optuna.Study, out: Path) -> None:
    """Trials whose process is gone count as failed, and their settings are tried again."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        try:
            with (out / f"trial-{trial.number:04d}" / ".trial").open("r+") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except OSError:
            continue  # still running elsewhere
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _write_results(study: optuna.Study, config: Config, out: Path) -> None:
    from optuna.trial import TrialState

    done = study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
    keys = list(config.tune.space)
    rows: list[dict[str, Any]] = [
        {
            "trial": t.number,
            "state": t.state.name.lower(),
            "validation_loss": t.value,
            **{k: t.params.get(k) for k in keys},
        }
        for t in done
    ]
    best = study.best_trial
    changes = [setting(key, value) for key, value in best.params.items()]
    atomic_write_text(out / "best.yaml", yaml.safe_dump(as_config(config, changes).to_dict(), sort_keys=False))
    write_csv(out / "search.csv", rows)
    complete = [row for row in rows if row["state"] == "complete"]
    ranked = sorted(complete, key=lambda row: float(row["validation_loss"]))
    table(
        f"{out}: {len(rows)} trials, {len(rows) - len(complete)} of them ended early; the best settings are in best.yaml",
        ["trial", "validation loss", *keys],
        [[row["trial"], f"{row['validation_loss']:.5g}", *(_short(row[key]) for key in keys)] for row in ranked[:10]],
    )
    if find_spec("matplotlib") is None:
        return
    figure, axes = new_figure(1 + len(keys), width=3.4)
    losses = [row["validation_loss"] for row in complete]
    axes[0].plot([row["trial"] for row in complete], losses, ".", label="trials")
    axes[0].step([row["trial"] for row in complete], [min(losses[: n + 1]) for n in range(len(losses))], where="post")
    axes[0].set(xlabel="trial", ylabel="validation loss", yscale="log")
    for axis, key in zip(axes[1:], keys, strict=True):
        values = config.tune.space[key]
        axis.plot([row[key] if values.choices is None else str(row[key]) for row in complete], losses, ".")
        axis.set(xlabel=key, yscale="log", **({"xscale": "log"} if values.log else {}))
    save_sheet(figure, out / "search", ("png",))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
