"""The training loop: a fixed number of updates, validation, the best model, checkpoints, interruption.

The state of a training between two updates is the update's number, the parameters, the optimiser's moments, the
sampler's position, the best model so far and the running mean of the loss; nothing else draws random numbers. A
checkpoint holds all of it, so a resumed training makes the same numbers as one that was never stopped (on the same
CPU, with the same number of threads).
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from tlmlp.console import console, progress
from tlmlp.data import Frame
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.models import Potential
from tlmlp.train.checkpoint import save_checkpoint
from tlmlp.train.config import Config
from tlmlp.train.dataset import Graph, Sampler, build_graph
from tlmlp.train.evaluation import Comparison, compare
from tlmlp.train.metrics import Metrics
from tlmlp.train.modelfile import MODEL_FORMAT, load_torch, model_payload, potential_from, save_model
from tlmlp.train.predictions import fit_energy_shift, predict, species_counts
from tlmlp.train.schedule import ExponentialDecay
from tlmlp.train.selection import TrainingData
from tlmlp.train.step import TrainingStep


@dataclass
class Best:
    """The model with the lowest validation force error so far."""

    update: int
    #: (eV/Å)^2.
    force_mse: float
    #: A ``model_payload``; its energy shift is that of the validation frames until the training ends.
    payload: dict[str, Any]


class Part:
    """The frames of one set as graphs."""

    def __init__(self, name: str, frames: list[Frame], potential: Potential) -> None:
        self.frames = frames
        self.graphs: list[Graph] = []
        with progress(f"neighbours of {name} frames", len(frames)) as bar:
            for frame in frames:
                self.graphs.append(build_graph(potential, frame))
                bar.advance(1)
        self.counts = species_counts(self.graphs, len(potential.species))

    def min_distance(self) -> float | None:
        """Shortest edge, Å; None without edges."""
        shortest = [float(g.edge_vector.norm(dim=1).min()) for g in self.graphs if g.n_edges]
        return min(shortest, default=None)

    def compare(self, potential: Potential) -> tuple[Comparison, np.ndarray]:
        """Errors of ``potential`` with the energy shift that suits these frames, and that shift (S,)."""
        predictions = predict(potential, self.graphs, virials=True)
        shift = fit_energy_shift(self.counts, predictions.energies, self.frames)
        return compare(self.frames, self.counts, predictions, shift), shift


class Trainer:
    """One training in the run directory ``run``; :meth:`run_updates`, then :meth:`finish`."""

    def __init__(
        self, run: Path, config: Config, potential: Potential, data: TrainingData, metadata: dict[str, Any]
    ) -> None:
        t = config.training
        self.run, self.config, self.potential, self.metadata = run, config, potential, metadata
        self.train, self.val = Part("training", data.train, potential), Part("validation", data.val, potential)
        if not any(graph.n_edges for graph in self.train.graphs):
            raise TlmlpError(f"no two atoms of the training frames are closer than the cutoff, {potential.cutoff} Å")
        self.metadata["min_distance"] = self.train.min_distance()
        self.step = TrainingStep(potential)
        self.schedule = ExponentialDecay(t.learning_rate, t.final_rate_factor, t.updates)
        self.sampler = Sampler(len(data.train), t.batch_size, t.shuffle_seed or 0)
        self.metrics = Metrics(run)
        self.update, self.best = 0, Best(0, math.inf, model_payload(potential))
        self.loss_sum, self.loss_count, self.saved = 0.0, 0, -1
        self.started = time.monotonic()

    def state(self) -> dict[str, Any]:
        """Content of a checkpoint."""
        return {
            "update": self.update,
            "model": model_payload(self.potential),
            "optimizer": self.step.optimizer.state_dict(),
            "sampler": self.sampler.state_dict(),
            "best": vars(self.best),
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "config": self.config.to_dict(),
            "metadata": self.metadata,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; the files of the run follow."""
        self.potential.load_state_dict(state["model"]["state"])
        self.step.optimizer.load_state_dict(state["optimizer"])
        self.sampler.load_state_dict(state["sampler"])
        self.best = Best(**state["best"])
        self.update = self.saved = state["update"]
        self.loss_sum, self.loss_count = state["loss_sum"], state["loss_count"]
        rows = self.metrics.rewind(self.update)
        self.started -= rows[-1]["seconds"] if rows else 0.0
        if self.best.force_mse < math.inf and self._update_of_best_file() != self.best.update:
            save_model(self.run / "best.pt", self.best.payload, self._model_metadata("validation"))

    def _update_of_best_file(self) -> int | None:
        try:
            return load_torch(self.run / "best.pt", MODEL_FORMAT)["metadata"]["model"]["update"]
        except TlmlpError:
            return None

    def run_updates(self) -> bool:
        """Train to the end; False when an interrupt (SIGINT, SIGTERM) stopped it, with everything saved.

        :raises TlmlpError: when the loss becomes infinite, or the disk is full; the last checkpoint stays good
        """
        t = self.config.training
        name = f"training from update {self.update}" if self.update else "training"
        with self._disk_errors(), _interrupts() as interrupted, progress(name, t.updates - self.update) as bar:
            atomic_write_text(self.run / "config.yaml", yaml.safe_dump(self.config.to_dict(), sort_keys=False))
            if self.saved < 0:
                self.metrics.rewind(-1)
                self._validate()
                self._save()
            while self.update < t.updates and not interrupted.is_set():
                self._one_update()
                if self.update % t.validate_every == 0 or self.update == t.updates:
                    self._validate()
                if self.update % (t.checkpoint_every or t.validate_every) == 0 or self.update == t.updates:
                    self._save()
                bar.advance(1, f"best {self._best_rmse():.4f} eV/Å at update {self.best.update}")
            if self.update != self.saved:
                self._save()
        return self.update == t.updates

    def finish(self) -> tuple[Potential, dict[str, Comparison]]:
        """Write best.pt and last.pt with the energy shift of the training set; the best model and its errors."""
        with self._disk_errors():
            return self._finish()

    def _finish(self) -> tuple[Potential, dict[str, Comparison]]:
        _, shift = self.train.compare(self.potential)
        self.potential.energy_shift.copy_(torch.from_numpy(shift))
        save_model(self.run / "last.pt", model_payload(self.potential), self._model_metadata("training", self.update))
        best = potential_from(self.best.payload, self.config.training.route)
        training, shift = self.train.compare(best)
        best.energy_shift.copy_(torch.from_numpy(shift))
        predictions = predict(best, self.val.graphs, virials=True)
        errors = {"training": training, "validation": compare(self.val.frames, self.val.counts, predictions, shift)}
        self.metadata["errors"] = {name: comparison.errors() for name, comparison in errors.items()}
        save_model(self.run / "best.pt", model_payload(best), self._model_metadata("training"))
        return best, errors

    def _one_update(self) -> None:
        batch = [self.train.graphs[i] for i in self.sampler.next_batch()]
        try:
            self.loss_sum += self.step(batch, self.schedule(self.update))
        except TlmlpError as error:
            raise TlmlpError(
                f"update {self.update + 1}: {error} (now {self.schedule(self.update):.2g}); "
                f"{self.run}/best.pt holds the best model so far"
            ) from None
        self.loss_count += 1
        self.update += 1

    def _validate(self) -> None:
        predictions = predict(self.potential, self.val.graphs)
        shift = fit_energy_shift(self.val.counts, predictions.energies, self.val.frames)
        errors = compare(self.val.frames, self.val.counts, predictions, shift).errors()
        rmse = errors["force_rmse_ev_per_ang"]
        row = {
            "update": self.update,
            "epoch": round(self.sampler.drawn / self.sampler.n, 4),
            "learning_rate": self.schedule(self.update),
            "train_force_rmse_ev_per_ang": math.sqrt(self.loss_sum / self.loss_count) if self.loss_count else None,
            "val_force_rmse_ev_per_ang": rmse,
            "val_force_mae_ev_per_ang": errors["force_mae_ev_per_ang"],
            # about the mean difference of the validation frames: the shift proper is fitted when the training ends
            "val_energy_rmse_mev_per_atom": errors["energy_rmse_mev_per_atom"],
            "seconds": round(time.monotonic() - self.started, 3),
        }
        self.metrics.append(row)
        self.loss_sum, self.loss_count = 0.0, 0
        if rmse is not None and rmse * rmse < self.best.force_mse:
            payload = model_payload(self.potential)
            payload["state"]["energy_shift"] = torch.from_numpy(shift)
            self.best = Best(self.update, rmse * rmse, payload)
            save_model(self.run / "best.pt", payload, self._model_metadata("validation"))

    def _save(self) -> None:
        save_checkpoint(self.run, self.state(), self.config.training.keep_checkpoints)
        self.saved = self.update

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

    def _best_rmse(self) -> float:
        return math.sqrt(self.best.force_mse)

    def _model_metadata(self, shift_from: str, update: int | None = None) -> dict[str, Any]:
        model = {
            "update": self.best.update if update is None else update,
            "energy_shift_from": shift_from,
            "best_update": self.best.update,
            "best_val_force_rmse_ev_per_ang": self._best_rmse(),
        }
        return {**self.metadata, "model": model}


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that the update under way ends first; a second one kills as usual."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, before[number])
        console.print("stopping after this update; once more to stop at once")

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield event
    finally:
        for number in numbers:
            signal.signal(number, before[number])
