"""Learning rates as functions of the update, so that a resumed training needs no state for them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExponentialDecay:
    """``rate * final_factor**(update / updates)``."""

    rate: float
    final_factor: float
    updates: int

    def __call__(self, update: int) -> float:
        """Rate of update number ``update``, counted from 0."""
        return self.rate * self.final_factor ** (update / self.updates)
