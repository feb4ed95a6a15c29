"""The force-matching loss and its gradient by the parameters.

L = 1/(3 M) sum over the M atoms of a batch of (F - F_ref)^2. The forces are themselves a derivative, so the gradient
by the parameters needs second derivatives of the energy; functions of the type :data:`LossGradient` differ in how
they get them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential, edge_forces
from tlmlp.train.adam import Adam
from tlmlp.train.dataset import Graph
from tlmlp.train.memory import keep_freed_memory

#: (potential, batch with reference forces) -> loss in (eV/Å)^2; adds dL/d(parameter) to every ``parameter.grad``.
LossGradient = Callable[[Potential, Graph], float]


def atomic_energies(potential: Potential, batch: Graph, edge_vector: Tensor) -> Tensor:
    """Energies (N,) in eV without the shift, as a differentiable function of ``edge_vector`` (E, 3) in Å."""
    return potential.atomic_energies(batch.species, batch.edge_index, edge_vector, batch.offsets, batch.edges,
                                     batch.reverse)


def double_backward(potential: Potential, batch: Graph) -> float:
    """Loss gradient by differentiating the force computation: a :data:`LossGradient`."""
    vector = batch.edge_vector.detach().requires_grad_(True)
    energy = atomic_energies(potential, batch, vector).sum()
    (gradient,) = torch.autograd.grad(energy, vector, create_graph=True, materialize_grads=True)
    loss = (edge_forces(batch.n_atoms, batch.edge_index, gradient) - batch.forces).square().mean()
    if loss.requires_grad:  # not so for atoms without neighbours, whose forces are zero
        loss.backward(inputs=list(potential.parameters()))  # and not by the edge vectors
    return loss.item()


class TrainingStep:
    """Loss, gradient and Adam update of one batch."""

    def __init__(self, potential: Potential, gradient: LossGradient = double_backward) -> None:
        keep_freed_memory()
        self.potential, self.gradient = potential, gradient
        self.optimizer = Adam(potential.parameters())

    def __call__(self, batch: Graph, learning_rate: float) -> float:
        """Update the parameters; returns the loss before the update, (eV/Å)^2.

        :raises TlmlpError: when the loss is not finite; the parameters are then as they were
        """
        self.optimizer.zero_grad()
        loss = self.gradient(self.potential, batch)
        if not loss < float("inf"):
            raise TlmlpError(f"the loss became {loss}; lower training.learning_rate")
        self.optimizer.step(learning_rate)
        return loss
