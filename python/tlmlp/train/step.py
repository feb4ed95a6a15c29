"""The force-matching loss and its gradient by the parameters.

L = 1/(3 M) sum over the M atoms of a batch of (F - F_ref)^2. The forces are themselves a derivative, so the gradient
by the parameters needs second derivatives of the energy; functions of the type :data:`LossGradient` differ in how
they get them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential, edge_forces
from tlmlp.train.adam import Adam
from tlmlp.train.dataset import Graph, batches_by_edges
from tlmlp.train.memory import keep_freed_memory

#: Edges of a batch that are evaluated at once: about a gigabyte with the default sizes in float32.
MAX_EDGES = 16384

#: (potential, graph with reference forces, number of force components in the whole batch) -> the graph's part of the
#: loss in (eV/Å)^2; adds dL/d(parameter) to every ``parameter.grad``.
LossGradient = Callable[[Potential, Graph, int], float]


def atomic_energies(potential: Potential, graph: Graph, edge_vector: Tensor) -> Tensor:
    """Energies (N,) in eV without the shift, as a differentiable function of ``edge_vector`` (E, 3) in Å."""
    return potential.atomic_energies(
        graph.species, graph.edge_index, edge_vector, graph.offsets, graph.edges, graph.reverse
    )


def double_backward(potential: Potential, graph: Graph, components: int) -> float:
    """Loss gradient by differentiating the force computation: a :data:`LossGradient`."""
    vector = graph.edge_vector.detach().requires_grad_(True)
    energy = atomic_energies(potential, graph, vector).sum()
    (gradient,) = torch.autograd.grad(energy, vector, create_graph=True, materialize_grads=True)
    loss = (edge_forces(graph.n_atoms, graph.edge_index, gradient) - graph.forces).square().sum() / components
    if loss.requires_grad:  # not so for atoms without neighbours, whose forces are zero
        loss.backward(inputs=list(potential.parameters()))  # and not by the edge vectors
    return loss.item()


class TrainingStep:
    """Loss, gradient and Adam update of one batch."""

    def __init__(self, potential: Potential, gradient: LossGradient = double_backward) -> None:
        keep_freed_memory()
        self.potential, self.gradient = potential, gradient
        self.optimizer = Adam(potential.parameters())

    def __call__(self, batch: Sequence[Graph], learning_rate: float) -> float:
        """Update the parameters; returns the loss before the update, (eV/Å)^2.

        :param batch: graphs that count together; those of up to MAX_EDGES edges are evaluated as one
        :raises TlmlpError: when the loss is not finite; the parameters are then as they were
        """
        self.optimizer.zero_grad()
        components = 3 * sum(graph.n_atoms for graph in batch)
        loss = sum(self.gradient(self.potential, part, components) for part in batches_by_edges(batch, MAX_EDGES))
        if not loss < float("inf"):
            raise TlmlpError(f"the loss became {loss}; lower training.learning_rate")
        self.optimizer.step(learning_rate)
        return loss
