"""Adam (Kingma & Ba, arXiv 1412.6980) on all parameters as one vector, with the decoupled weight decay of Loshchilov &
Hutter (arXiv 1711.05101).

``torch.optim.AdamW`` gives the same numbers to rounding; importing it loads torch's compiler, which costs seconds and
a hundred megabytes that a training has no use for.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Adam:
    """The optimiser of a list of parameters of one dtype; the learning rate comes with each step.

    :param decay: weight decay d: every step also takes the share rate·d from each parameter
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.sizes = [p.numel() for p in self.parameters]
        self.betas, self.eps, self.decay = betas, eps, decay
        self.count = 0
        self.mean = torch.zeros(sum(self.sizes), dtype=self.parameters[0].dtype)
        self.square = torch.zeros_like(self.mean)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    def gradient(self) -> Tensor:
        """All gradients as one vector, zero where there is none."""
        return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.parameters])

    def vector(self) -> Tensor:
        """All parameters as one vector (a copy)."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    @torch.no_grad()
    def assign(self, vector: Tensor) -> None:
        """Set all parameters to those of a :meth:`vector`."""
        for p, part in zip(self.parameters, vector.split(self.sizes), strict=True):
            p.copy_(part.view_as(p))

    @torch.no_grad()
    def step(self, rate: float, gradient: Tensor | None = None, factors: Tensor | None = None) -> None:
        """One update with the learning rate ``rate``.

        :param gradient: as one vector; left out: :meth:`gradient`
        :param factors: on the rate, one for each number; where it is zero the parameter stays bitwise what it is
        """
        b1, b2 = self.betas
        gradient = self.gradient() if gradient is None else gradient
        self.count += 1
        self.mean.lerp_(gradient, 1.0 - b1)
        self.square.mul_(b2).addcmul_(gradient, gradient, value=1.0 - b2)
        scale = (self.square / (1.0 - b2**self.count)).sqrt_().add_(self.eps)
        change = self.mean / scale * (rate / (1.0 - b1**self.count))
        if self.decay > 0.0:
            change = change + self.vector() * (rate * self.decay)
        if factors is not None:
            change = change * factors
        for p, part in zip(self.parameters, change.split(self.sizes), strict=True):
            p.sub_(part.view_as(p))

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` needs, as tensors (copies) and plain values."""
        return {"count": self.count, "mean": self.mean.clone(), "square": self.square.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore ``state``."""
        self.count = state["count"]
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
