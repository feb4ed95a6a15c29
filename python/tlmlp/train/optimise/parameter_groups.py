"""Groups of parameters by name, for freezing, learning rates of their own and gradual unfreezing.

A group is the beginning of a parameter's name, up to a dot: ``embedding``, ``embedding.species``, ``interaction``,
``interaction.2``, ``output``, ``output.4``, ``frequencies``. Of several groups that hold a parameter the longest name
counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.config.sections import TransferSection


def group_names(potential: Potential) -> list[str]:
    """The groups of up to two levels that there are, in the order of the parameters."""
    names: dict[str, None] = {}
    for name, _ in potential.network.named_parameters():
        parts = name.split(".")
        for depth in range(1, min(len(parts), 3)):
            names[".".join(parts[:depth])] = None
        if len(parts) == 1:
            names[name] = None
    return list(names)


class RateFactors:
    """Factor on the learning rate of each parameter, as a function of the update.

    :raises TlmlpError: on a name that holds no parameter
    """

    def __init__(self, potential: Potential, section: TransferSection) -> None:
        self.names = [(name, p.numel()) for name, p in potential.network.named_parameters()]
        self.dtype = potential.dtype
        self.section = section
        self.fixed: dict[int, Tensor] = {}
        for name in (*section.frozen, *section.learning_rates, *section.unfreeze):
            if not any(_holds(name, parameter) for parameter, _ in self.names):
                raise TlmlpError(
                    f"section transfer: no parameters are called {name!r}; groups: {', '.join(group_names(potential))}"
                )

    def __call__(self, update: int) -> Tensor | None:
        """The factors at ``update`` in the order of ``Adam.vector()``; None when all are one."""
        s = self.section
        if not (s.frozen or s.learning_rates or s.unfreeze):
            return None
        stage = max((at for at in s.unfreeze.values() if at <= update), default=-1)
        if stage not in self.fixed:
            self.fixed = {
                stage: torch.cat([torch.full((n,), self._of(name, update), dtype=self.dtype) for name, n in self.names])
            }
        return self.fixed[stage]

    def _of(self, parameter: str, update: int) -> float:
        s = self.section
        rate = _longest(parameter, s.learning_rates)
        factor = 1.0 if rate is None else s.learning_rates[rate]
        still, thaw = _longest(parameter, s.frozen), _longest(parameter, s.unfreeze)
        if thaw is not None and len(thaw) >= len(still or ""):
            return factor if update >= s.unfreeze[thaw] else 0.0
        return factor if still is None else 0.0


def _holds(group: str, parameter: str) -> bool:
    return parameter == group or parameter.startswith(f"{group}.")


def _longest(parameter: str, groups: Iterable[str] | Mapping[str, object]) -> str | None:
    return max((group for group in groups if _holds(group, parameter)), key=len, default=None)
