"""One update: the loss of a batch, its gradient by the parameters, Adam.

Forces are a derivative of the energy already, so the gradient of the loss needs second derivatives; the potential
provides for them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.data.dataset import Graph, batches_by_edges
from tlmlp.train.optimise.adam import Adam
from tlmlp.train.optimise.losses import LossParts, Weights, count, part_of_loss
from tlmlp.train.optimise.memory import keep_freed_memory
from tlmlp.train.optimise.parallel import Processes
from tlmlp.train.optimise.placement import Placement

#: Edges of a batch that are evaluated at once: about 250 MB with the default sizes in float32.
MAX_EDGES = 8192

#: (potential, graph) -> energies of the atoms (N,) in eV without the shift, and the derivative (E, 3) of their sum by
#: ``graph.edge_vector`` in eV/Å; both can be differentiated by the parameters.
Derivatives = Callable[[Potential, Graph], tuple[Tensor, Tensor]]


def model_derivatives(potential: Potential, graph: Graph) -> tuple[Tensor, Tensor]:
    """Energies and derivatives as the potential provides them: a :data:`Derivatives`."""
    return potential.energies_and_edge_derivatives(graph.edge_graph)


class TrainingStep:
    """Loss, gradient and Adam update of one batch.

    :param clip: largest norm of the gradient
    :param pull: strength a of the term a/2 |p - p0|^2 that draws the parameters to where they are now
    :param decay: decoupled weight decay of Adam
    :param device: GPU to evaluate losses on; None for the CPU
    :param processes: that share every batch
    """

    def __init__(
        self,
        potential: Potential,
        derivatives: Derivatives = model_derivatives,
        *,
        clip: float | None = None,
        pull: float = 0.0,
        decay: float = 0.0,
        device: torch.device | None = None,
        processes: Processes | None = None,
    ) -> None:
        keep_freed_memory()
        self.placement, self.derivatives = Placement(potential, device), derivatives
        self.clip, self.pull = clip, pull
        self.processes = processes or Processes()
        self.optimizer = Adam(potential.parameters(), decay=decay)
        self.anchor = self.optimizer.vector() if pull > 0.0 else None

    def __call__(
        self,
        batch: Sequence[Graph],
        learning_rate: float,
        weights: Weights = Weights(),
        rate_factors: Tensor | None = None,
    ) -> LossParts:
        """Update the parameters; returns the loss of the batch before the update, without the pull.

        :param batch: graphs that count together; those of up to MAX_EDGES edges are evaluated as one
        :param weights: of the terms of the loss
        :param rate_factors: factor on the learning rate for each number of ``optimizer.vector()``
        :raises TlmlpError: when the loss is not finite; the parameters are then as they were
        """
        loss = self.backward(batch, weights)
        gradient = self.optimizer.gradient()
        loss, gradient = self._over_processes(loss, gradient)
        if not loss.total < float("inf"):
            raise TlmlpError(f"the loss became {loss.total}; lower training.learning_rate")
        if self.anchor is not None:
            gradient = gradient.add_(self.optimizer.vector() - self.anchor, alpha=self.pull)
        if self.clip is not None:
            norm = float(gradient.double().norm())
            if norm > self.clip:
                gradient = gradient * (self.clip / norm)
        self.optimizer.step(learning_rate, gradient, rate_factors)
        return loss

    def backward(self, batch: Sequence[Graph], weights: Weights = Weights()) -> LossParts:
        """The loss of this process's share of ``batch``; its gradient goes to every ``parameter.grad``."""
        potential = self.placement.current()
        self.placement.zero_grad()
        counts = count(batch)
        parts = [LossParts(0.0)]
        for graph in batches_by_edges(self.processes.share(batch), MAX_EDGES):
            placed = self.placement.place(graph)
            energies, gradient = self.derivatives(potential, placed)
            loss, values = part_of_loss(placed, energies, gradient, potential.energy_shift, weights, counts)
            if loss.requires_grad:  # not so for the forces of atoms without neighbours, which are zero
                loss.backward(inputs=self.placement.parameters)
            parts.append(values)
        self.placement.collect()
        return LossParts(*(sum(values) for values in zip(*parts, strict=True)))

    def _over_processes(self, loss: LossParts, gradient: Tensor) -> tuple[LossParts, Tensor]:
        if self.processes.size == 1:
            return loss, gradient
        values = torch.tensor(loss, dtype=torch.float64)
        self.processes.sum_(values)
        self.processes.sum_(gradient)
        return LossParts(*values.tolist()), gradient
