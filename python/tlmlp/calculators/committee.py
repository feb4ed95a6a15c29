"""Several models at once: their mean, and how far they disagree."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_changes

from tlmlp.calculators.ase import TlmlpCalculator
from tlmlp.calculators.exclusive import ExclusiveCalculator
from tlmlp.errors import TlmlpError


class TlmlpCommittee(ExclusiveCalculator):
    """The mean of several models, with its uncertainty.

    :param model_paths: two or more exported models, or names of models that come with the package, best trained alike but for the seed or the data
    :param arguments: of each :class:`TlmlpCalculator`: precision, backend, threads, skin
    :raises TlmlpError: with less than two models, and as :class:`TlmlpCalculator`

    All properties of :class:`TlmlpCalculator`, averaged over the models, and beside them in ``results``

    - ``energy_deviation``: standard deviation of the energies, eV
    - ``force_deviation`` (n,): ``sqrt(<|F_i - <F_i>|^2>)`` of each atom, eV/Å, the averages over the models
      (Zhang et al., Comput. Phys. Commun. 253, 107206 (2020), eq. 1)
    - ``committee_energies`` (m,), ``committee_forces`` (m, n, 3): of the m models

    Deviations divide by m and not m - 1. Two models that were trained on the same data may agree and both be wrong.
    """

    implemented_properties = TlmlpCalculator.implemented_properties

    def __init__(self, model_paths: Sequence[str | os.PathLike[str]], **arguments: Any) -> None:
        super().__init__()
        if isinstance(model_paths, str | os.PathLike) or len(model_paths) < 2:
            raise TlmlpError(f"`model_paths` must name two models or more, got {model_paths!r}")
        self.members = [TlmlpCalculator(path, **arguments) for path in model_paths]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Let every model calculate; ASE calls this."""
        with self.exclusive():
            super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call] # ASE's
            for member in self.members:
                member.calculate(self.atoms, properties, system_changes)
            common = set.intersection(*(set(member.results) for member in self.members))
            results = {name: np.stack([member.results[name] for member in self.members]) for name in common}
            self.results = {name: _scalar(values.mean(axis=0)) for name, values in results.items()}
            deviation = results["forces"] - self.results["forces"]
            self.results["force_deviation"] = np.sqrt((deviation**2).sum(axis=2).mean(axis=0))
            self.results["energy_deviation"] = float(results["energy"].std())
            self.results["committee_energies"] = results["energy"]
            self.results["committee_forces"] = results["forces"]


def _scalar(value: np.ndarray) -> Any:
    return float(value) if np.ndim(value) == 0 else value
