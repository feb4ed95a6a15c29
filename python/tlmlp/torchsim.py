"""torch-sim: many systems in one batch, through the torch operators.

>>> import torch_sim as ts
>>> from tlmlp.torchsim import TlmlpModel
>>> final = ts.integrate(system=atoms * 16, model=TlmlpModel("ge.pt"), integrator=ts.nvt_langevin, ...)

Importing this module imports torch and torch-sim (``pip install 'tlmlp[torchsim]'``).
"""

import os
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_sim.models.interface import ModelInterface

from tlmlp.data.closest import closest_edge, too_close
from tlmlp.data.neighbours import neighbour_list
from tlmlp.errors import TlmlpError
from tlmlp.export import load_potential, read_header
from tlmlp.models import edge_forces


class TlmlpModel(ModelInterface):  # type: ignore[misc] # no annotations there
    """An exported model behind torch-sim's ``ModelInterface``.

    :param model_path: file written by ``tlmlp export``, or the name of a model that comes with the package
    :param device: of the network; the CPU by default
    :param dtype: float32 or float64, of the network; results have that of the positions, distances and sums are in float64
    :param route: "ops" for the compiled operators, "plain" for standard torch operators
    :raises TlmlpError: when the file is unusable; when computing, for an element that the model does not know, NaN,
        cells without volume, atoms on top of each other

    Results: ``energy`` (b,) eV, ``forces`` (n, 3) eV/Å, ``stress`` (b, 3, 3) eV/Å^3, tensile positive and zero without
    periodicity, ``energies`` (n,) eV of the atoms. Periodicity is that of the state, along each lattice vector with
    torch-sim 0.4 and later; 0.3 knows all or none, and makes an open cluster of a slab. Neighbours are searched on the CPU, one system after the
    other; the network then sees all systems at once. A distance below the smallest one in the training data is warned of once.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        route: str = "ops",
    ) -> None:
        super().__init__()
        self._device = torch.device(device or "cpu")
        self._dtype = dtype
        self._compute_forces = self._compute_stress = True
        self._least = read_header(model_path)["min_distance"]
        self._potential = load_potential(model_path, route=route, dtype=dtype).requires_grad_(False).to(self._device)
        rows = torch.full((256,), -1, dtype=torch.int64)
        rows[torch.tensor(self._potential.atomic_numbers)] = torch.arange(len(self._potential.species))
        self._rows = rows

    @property
    def cutoff(self) -> float:
        """Radius of the neighbourhood, Å."""
        return self._potential.cutoff

    def forward(self, state: Any, **_: Any) -> dict[str, Tensor]:
        """Energies, forces and stresses of a ``SimState`` or of a dictionary with its fields."""
        positions, columns, numbers, system_idx, periodic = (_field(state, name) for name in FIELDS)
        n = len(positions)
        if system_idx is None:
            system_idx = torch.zeros(n, dtype=torch.int64)
        system_idx = system_idx.to("cpu", torch.int64)
        x = positions.detach().to("cpu", torch.float64)
        cells = columns.detach().to("cpu", torch.float64).reshape(-1, 3, 3).transpose(1, 2)  # rows, as everywhere else
        pbc = _per_axis(periodic, len(cells))
        species = self._species(numbers.detach().to("cpu", torch.int64))

        index, vectors = self._edges(x.numpy(), cells.numpy(), system_idx.numpy(), pbc)
        self._warn_if_too_close(index, vectors)
        _, gradient, atomic = self._potential.forward_edges(
            species.to(self._device), index.to(self._device), vectors.to(self._device)
        )
        gradient, atomic = gradient.cpu(), atomic.cpu()
        energy = torch.zeros(len(cells), dtype=torch.float64).index_add(0, system_idx, atomic)
        share = gradient.unsqueeze(2) * vectors.unsqueeze(1)  # dE/d(strain) by edge
        strain = torch.zeros(len(cells), 3, 3, dtype=torch.float64).index_add(0, system_idx[index[1]], share)
        volume = torch.linalg.det(cells).abs().reshape(-1, 1, 1)
        has_stress = torch.from_numpy(pbc.any(axis=1)).reshape(-1, 1, 1) & (volume > 0.0)
        stress = torch.where(has_stress, 0.5 * (strain + strain.transpose(1, 2)) / volume.clamp_min(1e-300), 0.0)
        results = {"energy": energy, "forces": edge_forces(n, index, gradient), "stress": stress, "energies": atomic}
        return {name: value.to(positions.device, positions.dtype) for name, value in results.items()}

    def _warn_if_too_close(self, index: Tensor, vectors: Tensor) -> None:
        pair = None if self._least is None else closest_edge(index.numpy(), vectors.numpy())
        if pair is not None and pair[2] < self._least:
            warnings.warn(too_close(pair, self._least), stacklevel=3)
            self._least = None  # said once

    def _species(self, numbers: Tensor) -> Tensor:
        species = self._rows[numbers.clamp(0, 255)]
        if bool((species < 0).any()):
            from ase.data import chemical_symbols

            unknown = ", ".join(chemical_symbols[z] for z in sorted(set(numbers[species < 0].tolist())))
            raise TlmlpError(f"the structure has {unknown}, the model knows {', '.join(self._potential.species)}")
        return species

    def _edges(
        self, x: np.ndarray, cells: np.ndarray, system_idx: np.ndarray, pbc: np.ndarray
    ) -> tuple[Tensor, Tensor]:
        """Edges of all systems: ``edge_index`` (2, E) into the whole batch and ``edge_vector`` (E, 3)."""
        found = []
        for system, cell in enumerate(cells):
            atoms = np.flatnonzero(system_idx == system)
            edge_index, vectors, _ = neighbour_list(x[atoms], cell, pbc[system], self.cutoff)
            found.append((atoms[edge_index], vectors))
        index = np.concatenate([edges for edges, _ in found], axis=1)
        return torch.from_numpy(np.ascontiguousarray(index)), torch.from_numpy(np.concatenate([v for _, v in found]))


FIELDS = ("positions", "cell", "atomic_numbers", "system_idx", "pbc")


def _per_axis(pbc: Any, systems: int) -> np.ndarray:
    """(b, 3) of one value for all, of one for each direction, or of one for each system and direction."""
    values = pbc.detach().cpu().numpy() if isinstance(pbc, Tensor) else np.asarray(pbc)
    if values.shape not in ((), (3,), (systems, 3)):
        raise TlmlpError(f"`pbc` must have shape (), (3,) or ({systems}, 3), got {values.shape}")
    return np.broadcast_to(values.astype(bool), (systems, 3))


def _field(state: Any, name: str) -> Any:
    return state.get(name) if isinstance(state, dict) else getattr(state, name)
