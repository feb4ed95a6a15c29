"""Which frames make each batch, when several data sets are mixed."""

from __future__ import annotations

from typing import Any

from tlmlp.train.data.dataset import Sampler
from tlmlp.train.data.selection import TrainingData


class Batches:
    """Indices into ``data.all_frames()``: one sampler for the frames that are drawn together, one for each further set
    with a number of its own in every batch."""

    def __init__(self, data: TrainingData, batch_size: int, seed: int) -> None:
        together = list(range(len(data.train)))
        parts, start = [], len(together)
        for extra in data.extra:
            indices = list(range(start, start + len(extra.frames)))
            start += len(indices)
            if extra.per_batch is None:
                together += indices
            else:
                parts.append((indices, extra.per_batch))
        self.indices = [together, *(indices for indices, _ in parts)]
        sizes = [batch_size, *(size for _, size in parts)]
        self.samplers = [
            Sampler(len(indices), size, seed, stream)
            for stream, (indices, size) in enumerate(zip(self.indices, sizes, strict=True))
        ]

    @property
    def size(self) -> int:
        """Frames in a batch."""
        return sum(sampler.batch_size for sampler in self.samplers)

    @property
    def epoch(self) -> float:
        """Passes over the frames that are drawn together."""
        return self.samplers[0].drawn / self.samplers[0].n

    def next(self) -> list[int]:
        """Indices of the next batch."""
        pairs = zip(self.indices, self.samplers, strict=True)
        return [indices[k] for indices, sampler in pairs for k in sampler.next_batch()]

    def state_dict(self) -> list[dict[str, int]]:
        """What :meth:`load_state_dict` needs to continue with the same batches."""
        return [sampler.state_dict() for sampler in self.samplers]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Restore ``state``."""
        for sampler, part in zip(self.samplers, state, strict=True):
            sampler.load_state_dict(part)
