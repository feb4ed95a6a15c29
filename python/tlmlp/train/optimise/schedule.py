"""Learning rates as functions of the update, so that a resumed training needs no state for them."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A rise over ``warmup`` updates, then ``rate * factor(x)`` with x running from 0 to 1 over the rest.

    ``factor``: ``exponential`` f^x, ``cosine`` f + (1 - f)(1 + cos(pi x))/2, ``linear`` 1 - (1 - f) x, ``steps``
    f^(k/n) after the k-th of n drops at even distances, ``constant`` 1; f is ``final_factor``.
    """

    kind: str
    rate: float
    final_factor: float
    updates: int
    warmup: int = 0
    steps: int = 3

    def __call__(self, update: int) -> float:
        """Rate of update number ``update``, counted from 0."""
        if update < self.warmup:
            return self.rate * (update + 1) / (self.warmup + 1)
        x = (update - self.warmup) / (self.updates - self.warmup)
        f = self.final_factor
        match self.kind:
            case "exponential":
                factor = f**x
            case "cosine":
                factor = f + (1.0 - f) * 0.5 * (1.0 + math.cos(math.pi * x))
            case "linear":
                factor = 1.0 - (1.0 - f) * x
            case "steps":
                factor = f ** (min(int(x * (self.steps + 1)), self.steps) / self.steps)
            case _:
                factor = 1.0
        return self.rate * factor
