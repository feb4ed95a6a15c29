"""A data set as the trainer holds it: frames, their graphs, and how a potential does on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tlmlp.console import progress
from tlmlp.data import Frame
from tlmlp.data.isolated import isolated_mask
from tlmlp.models import Potential
from tlmlp.train.config.sections import LossSection
from tlmlp.train.data.dataset import Graph, build_graph
from tlmlp.train.evaluation.comparison import Comparison, compare
from tlmlp.train.evaluation.energy_shift import find_energy_shift
from tlmlp.train.evaluation.predictions import predict, species_counts


class EvaluationSet:
    """The frames of one set as graphs; ``weights`` in the loss, one per frame; evaluated on the GPU ``device`` or the CPU."""

    def __init__(
        self,
        name: str,
        frames: list[Frame],
        potential: Potential,
        weights: Sequence[float] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.frames, self.device = frames, device
        self.graphs: list[Graph] = []
        weights = [1.0] * len(frames) if weights is None else weights
        with progress(f"neighbours of {name} frames", len(frames)) as bar:
            for frame, weight in zip(frames, weights, strict=True):
                self.graphs.append(build_graph(potential, frame, weight))
                bar.advance(1)
        self.counts = species_counts(self.graphs, len(potential.species))
        #: (n_frames,) bool: frames of which the energy shift is fitted, with neighbours that the model sees.
        self.bound = ~isolated_mask(frames) & np.array([graph.n_edges > 0 for graph in self.graphs], dtype=bool)

    def min_distance(self) -> float | None:
        """Shortest edge, Å; None without edges."""
        shortest = [float(g.edge_vector.norm(dim=1).min()) for g in self.graphs if g.n_edges]
        return min(shortest, default=None)

    def shift(self, potential: Potential, loss: LossSection) -> np.ndarray:
        """The energy shift (S,) that ``loss.energy_shift`` asks for on these frames."""
        energies = predict(potential, self.graphs, forces=False, device=self.device).energies
        return self._shift(potential, energies, loss)

    def compare(self, potential: Potential, loss: LossSection, virials: bool = True) -> tuple[Comparison, np.ndarray]:
        """Errors of ``potential`` with the energy shift that suits these frames, and that shift (S,)."""
        predictions = predict(potential, self.graphs, virials=virials, device=self.device)
        shift = self._shift(potential, predictions.energies, loss)
        return compare(self.frames, self.counts, predictions, shift), shift

    def compare_with(self, potential: Potential, shift: np.ndarray) -> Comparison:
        """Errors of ``potential`` with a given ``shift`` (S,)."""
        predictions = predict(potential, self.graphs, virials=True, device=self.device)
        return compare(self.frames, self.counts, predictions, shift)

    def _shift(self, potential: Potential, energies: np.ndarray, loss: LossSection) -> np.ndarray:
        return find_energy_shift(
            loss.energy_shift,
            potential.species,
            self.counts,
            energies,
            self.frames,
            loss.isolated_energies,
            bound=self.bound,
            before=potential.energy_shift.numpy(),
        )
