"""Means of the parameters over the updates; both are states of a training and go into its checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class RunningMean:
    """Exponential moving average: after update k the mean moves by 1 - d towards the parameters. d = min(decay, (1 +
    k)/(10 + k)), so that the first updates lose their weight."""

    def __init__(self, decay: float, vector: Tensor) -> None:
        self.decay, self.count = decay, 0
        self.mean = vector.clone()

    def add(self, vector: Tensor) -> None:
        """Take in the parameters after one more update."""
        self.count += 1
        decay = min(self.decay, (1.0 + self.count) / (10.0 + self.count))
        self.mean.lerp_(vector, 1.0 - decay)

    def state_dict(self) -> dict[str, Any]:
        """Tensors (copies) and plain values."""
        return {"count": self.count, "mean": self.mean.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore ``state``."""
        self.count = state["count"]
        self.mean.copy_(state["mean"])


class TailMean:
    """Plain mean of the parameters after all updates beyond number ``start``."""

    def __init__(self, start: int, vector: Tensor) -> None:
        self.start, self.count = start, 0
        self.sum = torch.zeros_like(vector, dtype=torch.float64)

    def add(self, update: int, vector: Tensor) -> None:
        """Take in the parameters after ``update``."""
        if update > self.start:
            self.sum += vector
            self.count += 1

    def mean(self) -> Tensor:
        """The mean, in float64."""
        return self.sum / self.count

    def state_dict(self) -> dict[str, Any]:
        """Tensors (copies) and plain values."""
        return {"count": self.count, "sum": self.sum.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore ``state``."""
        self.count = state["count"]
        self.sum.copy_(state["sum"])
