"""The training loop: updates, validation, the model to keep, checkpoints, interruption.

The state of a training between two updates is the update's number, the parameters and their means, and the optimiser's
moments. The samplers' positions, the best model so far and the running mean of the loss belong to it too. Whatever is
random is made of a seed and the update's number. A checkpoint holds the whole state. On the same CPU with the same
number of threads, a resumed training makes the same numbers as one that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from tlmlp.console import progress
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.models import Potential
from tlmlp.train.config import Config
from tlmlp.train.config.sections import TERMS
from tlmlp.train.data.batches import Batches
from tlmlp.train.data.dataset import displaced
from tlmlp.train.data.selection import TrainingData
from tlmlp.train.evaluation.comparison import ERRORS, Comparison
from tlmlp.train.evaluation.energy_shift import what_is_determined
from tlmlp.train.evaluation.evaluation_set import EvaluationSet
from tlmlp.train.loop.checkpoint import save_checkpoint
from tlmlp.train.loop.interrupts import interrupts
from tlmlp.train.loop.learnable import refuse_all_frozen, training_warnings
from tlmlp.train.loop.metrics import Metrics, metrics_row
from tlmlp.train.model.modelfile import load_run_model, model_payload, potential_from, save_model
from tlmlp.train.optimise.averages import RunningMean, TailMean
from tlmlp.train.optimise.label_weights import weighted
from tlmlp.train.optimise.losses import LossParts, weights_at
from tlmlp.train.optimise.parallel import Processes
from tlmlp.train.optimise.parameter_groups import RateFactors
from tlmlp.train.optimise.placement import find_device
from tlmlp.train.optimise.schedule import Schedule
from tlmlp.train.optimise.step import TrainingStep


@dataclass
class Best:
    """The model with the lowest validation error so far."""

    update: int
    #: The loss at its final weights, of the validation frames, from plain mean squares.
    score: float
    #: eV/Å.
    force_rmse: float | None
    #: A ``model_payload``; its energy shift is that of the validation frames until the training ends.
    payload: dict[str, Any]


class Trainer:
    """One training in the run directory ``run``; :meth:`run_updates`, then :meth:`finish`."""

    def __init__(
        self,
        run: Path,
        config: Config,
        potential: Potential,
        data: TrainingData,
        metadata: dict[str, Any],
        processes: Processes = Processes(),
    ) -> None:
        t = config.training
        self.run, self.config, self.potential, self.metadata = run, config, potential, metadata
        self.loss = weighted(config.loss, data.all_frames())
        self.processes = processes
        device = find_device(t.device, t.route)
        if device is not None and processes.size > 1:
            raise TlmlpError(f"training.device is {t.device}: training in several processes is for CPUs")
        self.train = EvaluationSet("training", data.all_frames(), potential, data.weights(), device)
        self.val = EvaluationSet("validation", data.val, potential, device=device) if data.val else None
        if not any(graph.n_edges for graph in self.train.graphs):
            raise TlmlpError(
                f"no two atoms of the training frames are closer than the cutoff, {potential.cutoff:.4g} Å"
            )
        self.metadata["min_distance"] = self.train.min_distance()
        mode, train = self.loss.energy_shift, self.train
        #: What is to be said when the training begins, see :mod:`tlmlp.train.loop.learnable` and ``energy_shift``.
        self.warnings = training_warnings(potential, train, self.loss)
        self.shift_lines = what_is_determined(mode, potential.species, train.counts, train.frames, train.bound)
        self.step = TrainingStep(
            potential,
            clip=t.clip_gradient,
            pull=config.transfer.l2_sp,
            decay=t.weight_decay,
            device=device,
            processes=processes,
        )
        self.schedule = Schedule(
            t.schedule, t.learning_rate, t.final_rate_factor, t.updates, t.warmup, t.schedule_steps
        )
        self.rate_factors = RateFactors(potential, config.transfer)
        refuse_all_frozen(self.rate_factors(t.updates - 1))
        self.batches = Batches(data, t.batch_size, t.shuffle_seed or 0)
        vector = self.step.optimizer.vector()
        self.ema = None if t.ema is None else RunningMean(t.ema, vector)
        self.tail = (
            TailMean(t.updates - math.ceil(t.average_share * t.updates), vector) if t.keep == "average" else None
        )
        self.metrics = Metrics(run, t.tensorboard, processes.writes)
        self.update, self.best = 0, Best(0, math.inf, None, model_payload(potential))
        self.loss_sum, self.loss_count, self.saved = [0.0] * len(LossParts._fields), 0, -1
        self.started = time.monotonic()
        #: Called with the update and the validation loss after each validation.
        self.observe: Callable[[int, float], None] | None = None

    def state(self) -> dict[str, Any]:
        """Content of a checkpoint."""
        return {
            "update": self.update,
            "model": model_payload(self.potential),
            "optimizer": self.step.optimizer.state_dict(),
            "anchor": self.step.anchor,
            "ema": None if self.ema is None else self.ema.state_dict(),
            "tail": None if self.tail is None else self.tail.state_dict(),
            "batches": self.batches.state_dict(),
            "best": vars(self.best),
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "config": self.config.to_dict(),
            "metadata": self.metadata,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore ``state``; the files of the run follow."""
        self.potential.load_state_dict(state["model"]["state"])
        self.step.optimizer.load_state_dict(state["optimizer"])
        self.step.anchor = state["anchor"]
        for mean, saved in ((self.ema, state["ema"]), (self.tail, state["tail"])):
            if mean is not None:
                mean.load_state_dict(saved)
        self.batches.load_state_dict(state["batches"])
        self.best = Best(**state["best"])
        self.update = self.saved = state["update"]
        self.loss_sum, self.loss_count = list(state["loss_sum"]), state["loss_count"]
        rows = self.metrics.rewind(self.update)
        self.started -= rows[-1]["seconds"] if rows else 0.0
        if self._keeps_best() and self.best.score < math.inf and self._update_of_best_file() != self.best.update:
            self._save_model("best.pt", self.best.payload, self._model_metadata("validation"))

    def _update_of_best_file(self) -> int | None:
        try:
            return load_run_model(self.run / "best.pt")["metadata"]["model"]["update"]
        except (TlmlpError, KeyError):
            return None

    def run_updates(self) -> bool:
        """Train to the end; False when an interrupt (SIGINT, SIGTERM) stopped it, with everything saved.

        :raises TlmlpError: when the loss becomes infinite, or the disk is full; the last checkpoint stays good
        """
        t = self.config.training
        name = f"training from update {self.update}" if self.update else "training"
        with self._disk_errors(), interrupts() as interrupted, progress(name, t.updates - self.update) as bar:
            if self.processes.writes:
                content = yaml.safe_dump(self.config.to_dict(), sort_keys=False)
                atomic_write_text(self.run / "config.yaml", content)
            if self.saved < 0:
                self.metrics.rewind(-1)
                if self.loss.uses("energy"):
                    self._shift_to_training_set()
                self._validate()
                self._save()
            while not self.ended and not self.processes.any(interrupted.is_set()):
                self._one_update()
                if self.update % t.validate_every == 0 or self.update == t.updates:
                    self._validate()
                if self.update % (t.checkpoint_every or t.validate_every) == 0 or self.ended:
                    self._save()
                bar.advance(1, self._note())
            if self.update != self.saved:
                self._save()
            self.metrics.close()
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether all updates are done, or `patience` ran out at a validation."""
        t = self.config.training
        if self.update >= t.updates:
            return True
        if t.patience is None or self.update % t.validate_every != 0:
            return False
        return self.update - self.best.update >= t.patience * t.validate_every

    def finish(self) -> tuple[Potential, dict[str, Comparison]]:
        """Write best.pt and last.pt with the final energy shift; the model to keep and its errors."""
        with self._disk_errors():
            return self._finish()

    def _finish(self) -> tuple[Potential, dict[str, Comparison]]:
        route = self.config.training.route
        with self._averaged():
            self._shift_to_training_set()
            last = model_payload(self.potential)
        self._save_model("last.pt", last, self._model_metadata("training", self.update))
        if self._keeps_best():
            kept, update = potential_from(self.best.payload, route), self.best.update
        else:
            kept, update = potential_from(last, route), self.update
            if self.tail is not None:
                torch.nn.utils.vector_to_parameters(self.tail.mean().to(kept.dtype), kept.parameters())
        training, shift = self.train.compare(kept, self.loss)
        kept.energy_shift.copy_(torch.from_numpy(shift))
        errors = {"training": training}
        if self.val is not None:
            errors["validation"] = self.val.compare_with(kept, shift)
        self.metadata["errors"] = {name: comparison.errors() for name, comparison in errors.items()}
        self._save_model("best.pt", model_payload(kept), self._model_metadata("training", update))
        return kept, errors

    def current(self) -> Potential:
        """A copy of the model to keep as it stands now."""
        with self._averaged():
            payload = self.best.payload if self._keeps_best() else model_payload(self.potential)
        return potential_from(payload, self.config.training.route)

    def _keeps_best(self) -> bool:
        return self.config.training.keep == "best"

    def _shift_to_training_set(self) -> None:
        shift = self.train.shift(self.potential, self.loss)
        self.potential.energy_shift.copy_(torch.from_numpy(shift))

    def _one_update(self) -> None:
        t = self.config.training
        batch = [self.train.graphs[i] for i in self.batches.next()]
        if t.position_noise > 0.0:
            random = np.random.default_rng([t.noise_seed or 0, self.update])
            moves = [torch.from_numpy(random.normal(scale=t.position_noise, size=(g.n_atoms, 3))) for g in batch]
            batch = [displaced(graph, move) for graph, move in zip(batch, moves, strict=True)]
        weights = weights_at(self.loss, self.update / t.updates)
        try:
            loss = self.step(batch, self.schedule(self.update), weights, self.rate_factors(self.update))
        except TlmlpError as error:
            raise TlmlpError(
                f"update {self.update + 1}: {error} (now {self.schedule(self.update):.2g}); "
                f"the last good state is update {self.saved}, in {self.run}"
            ) from None
        self.loss_sum = [a + b for a, b in zip(self.loss_sum, loss, strict=True)]
        self.loss_count += 1
        self.update += 1
        if self.ema is not None or self.tail is not None:
            vector = self.step.optimizer.vector()
            if self.ema is not None:
                self.ema.add(vector)
            if self.tail is not None:
                self.tail.add(self.update, vector)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The running mean of the parameters, where there is one, in the place of the parameters."""
        if self.ema is None:
            yield
            return
        vector = self.step.optimizer.vector()
        self.step.optimizer.assign(self.ema.mean)
        try:
            yield
        finally:
            self.step.optimizer.assign(vector)

    def _validate(self) -> None:
        loss = self.loss
        with self._averaged():
            errors, shift = {}, self.potential.energy_shift.numpy().copy()
            if self.val is not None:
                comparison, shift = self.val.compare(self.potential, loss, virials=loss.uses("stress"))
                errors = comparison.errors()
            means = [value / self.loss_count for value in self.loss_sum] if self.loss_count else None
            self.metrics.append(
                metrics_row(
                    loss,
                    update=self.update,
                    epoch=self.batches.epoch,
                    learning_rate=self.schedule(self.update),
                    training=None if means is None else LossParts(*means),
                    validation=errors,
                    seconds=time.monotonic() - self.started,
                )
            )
            self.loss_sum, self.loss_count = [0.0] * len(self.loss_sum), 0
            score = self._score(errors)
            if score is not None and self.observe is not None:
                self.observe(self.update, score)
            if score is not None and score < self.best.score:
                payload = model_payload(self.potential)
                payload["state"]["energy_shift"] = torch.from_numpy(shift)
                self.best = Best(self.update, score, errors["force_rmse_ev_per_ang"], payload)
                if self._keeps_best():
                    self._save_model("best.pt", payload, self._model_metadata("validation"))

    def _score(self, errors: dict[str, float | None]) -> float | None:
        weights = weights_at(self.loss, 1.0)
        terms = [(getattr(weights, term), errors.get(ERRORS[term].rmse), 1.0 / ERRORS[term].factor) for term in TERMS]
        known = [weight * (unit * rmse) ** 2 for weight, rmse, unit in terms if weight > 0.0 and rmse is not None]
        return sum(known) if known else None

    def _save(self) -> None:
        if self.processes.writes:
            save_checkpoint(self.run, self.state(), self.config.training.keep_checkpoints)
        self.saved = self.update

    def _save_model(self, name: str, payload: dict[str, Any], metadata: dict[str, Any]) -> None:
        if self.processes.writes:
            save_model(self.run / name, payload, metadata)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            last = f"the last good state is update {self.saved}" if self.saved >= 0 else "nothing was saved yet"
            raise TlmlpError(
                f"{self.run}: writing failed at update {self.update} ({error.strerror}); {last}, go on "
                f"with: tlmlp resume {self.run}"
            ) from None

    def _note(self) -> str:
        if self.best.force_rmse is None:
            return ""
        return f"best {self.best.force_rmse:.4f} eV/Å at update {self.best.update}"

    def _model_metadata(self, shift_from: str, update: int | None = None) -> dict[str, Any]:
        model = {
            "update": self.best.update if update is None else update,
            "kept": self.config.training.keep,
            "energy_shift_from": shift_from,
            "best_update": self.best.update,
            "best_val_force_rmse_ev_per_ang": self.best.force_rmse,
        }
        return {**self.metadata, "model": model}
