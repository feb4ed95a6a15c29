"""The loss: a weighted sum of the mean squares of forces, energies per atom and stresses, or Huber's form of them.

L = w_F / (3 M) sum over the M atoms of a batch of a_f |F - F_ref|^2
  + w_E / n_E   sum over the n_E frames with an energy of a_f ((E - E_ref) / N_f)^2
  + w_S / (6 n_S) sum over the n_S frames with a stress of a_f |S - S_ref|^2 over its six components, in GPa

a_f is the weight of a frame's data set. With a Huber threshold d, a square r^2 beyond |r| = d becomes 2 d |r| - d^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tlmlp.models import edge_forces
from tlmlp.train.config.sections import TERMS, LossSection, Weight
from tlmlp.train.data.dataset import Graph
from tlmlp.units import EV_PER_ANG3_IN_GPA

#: Row and column of the six independent components of a stress.
VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


class LossParts(NamedTuple):
    """The loss, and the mean squares in it before they are weighted: (eV/Å)^2, (eV/atom)^2, GPa^2."""

    total: float
    forces: float = 0.0
    energy: float = 0.0
    stress: float = 0.0


class Counts(NamedTuple):
    """What the terms of a batch are divided by."""

    forces: int
    energy: int
    stress: int


@dataclass(frozen=True)
class Weights:
    """Weights of the terms at one moment of a training, and Huber's thresholds."""

    forces: float = 1.0
    energy: float = 0.0
    stress: float = 0.0
    huber_forces: float | None = None
    huber_energy: float | None = None
    huber_stress: float | None = None


def weights_at(loss: LossSection, share: float) -> Weights:
    """The weights when ``share`` (0 to 1) of the training is done."""
    values = {term: _value(getattr(loss, term), share) for term in TERMS}
    return Weights(**values, **{f"huber_{term}": getattr(loss, f"huber_{term}") for term in TERMS})


def _value(weight: Weight, share: float) -> float:
    if isinstance(weight, float):
        return weight
    before = weight[0]
    for point in weight:
        if share <= point[0]:
            span = point[0] - before[0]
            return point[1] if span <= 0.0 else before[1] + (point[1] - before[1]) * (share - before[0]) / span
        before = point
    return before[1]


def count(batch: Sequence[Graph]) -> Counts:
    """The divisors of a batch."""
    return Counts(
        3 * sum(int(graph.known("forces").sum()) for graph in batch),
        sum(int(graph.known("energy").sum()) for graph in batch),
        6 * sum(int(graph.known("stress").sum()) for graph in batch),
    )


def part_of_loss(
    graph: Graph, energies: Tensor, gradient: Tensor, shift: Tensor, weights: Weights, counts: Counts
) -> tuple[Tensor, LossParts]:
    """What ``graph`` adds to the loss of its batch.

    :param energies: (N,) energies of the atoms without the shift, eV
    :param gradient: (E, 3) derivative of their sum by the edge vectors, eV/Å
    :param shift: (S,) eV per atom of each species
    """
    terms: dict[str, Tensor] = {}
    squares: dict[str, float] = {}

    def add(name: str, residual: Tensor, weight: Tensor, divisor: int) -> None:
        threshold = getattr(weights, f"huber_{name}")
        terms[name] = (_square(residual, threshold) * weight).sum() / divisor
        squares[name] = float((residual.detach().square() * weight).sum() / divisor)

    if weights.forces > 0.0 and counts.forces:
        residual = edge_forces(graph.n_atoms, graph.edge_index, gradient) - graph.labels["forces"]
        known = graph.known("forces")
        weight = graph.weight.index_select(0, graph.frame)[known].unsqueeze(1)
        add("forces", residual[known], weight, counts.forces)
    if weights.energy > 0.0 and counts.energy:
        atoms = torch.bincount(graph.frame, minlength=graph.n_frames)
        atomic = energies.double() + shift.index_select(0, graph.species)
        model = torch.zeros_like(graph.volume).index_add(0, graph.frame, atomic)
        known = graph.known("energy")
        add("energy", ((model - graph.labels["energy"]) / atoms)[known], graph.weight[known], counts.energy)
    if weights.stress > 0.0 and counts.stress:
        frame = graph.frame.index_select(0, graph.edge_index[1])
        per_edge = gradient.unsqueeze(2) * graph.edge_vector.unsqueeze(1)
        stress = graph.labels["stress"]
        model = torch.zeros_like(stress).index_add(0, frame, per_edge) / graph.volume[:, None, None]
        known = graph.known("stress")
        residual = (model - stress)[known]
        residual = (0.5 * (residual + residual.transpose(1, 2)))[:, VOIGT[0], VOIGT[1]] * EV_PER_ANG3_IN_GPA
        add("stress", residual, graph.weight[known].unsqueeze(1), counts.stress)
    total = sum((getattr(weights, name) * value for name, value in terms.items()), torch.zeros((), dtype=torch.float64))
    return total, LossParts(total.item(), **squares)


def _square(residual: Tensor, threshold: float | None) -> Tensor:
    if threshold is None:
        return residual.square()
    size = residual.abs()
    return torch.where(size < threshold, residual.square(), 2.0 * threshold * size - threshold**2)
