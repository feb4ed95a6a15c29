"""Several processes that share the batches of one training, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process's number among those that train together; the first one writes the files."""

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the run directory."""
        return self.rank == 0

    def share(self, batch: Sequence[T]) -> Sequence[T]:
        """What this process computes of ``batch``."""
        return batch if self.size == 1 else batch[self.rank :: self.size]

    def sum_(self, values: Tensor) -> None:
        """Replace ``values`` by their sum over the processes."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.all_reduce(values)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set on any of the processes."""
        if self.size == 1:
            return flag
        import torch

        value = torch.tensor([float(flag)])
        self.sum_(value)
        return bool(value.item() > 0.0)


def processes() -> Processes:
    """Those that ``torchrun`` started; joined on the first call."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Processes()
    import torch.distributed

    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return Processes(torch.distributed.get_rank(), size)
