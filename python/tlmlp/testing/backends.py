"""Backends for the checks that need torch: a potential in this process, scripted or not, and the oracle."""

from typing import Any

import numpy as np
import torch

from tlmlp.data.neighbours import neighbour_list
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.models.potential import Potential, edge_forces, edge_virial
from tlmlp.testing.checks import Backend


def potential_backend(potential: Potential, script: bool = False) -> Backend:
    """Evaluate by ``forward_edges`` on the neighbour list of :mod:`tlmlp.data`; optionally through TorchScript."""
    model = torch.jit.script(potential) if script else potential
    rows = {number: row for row, number in enumerate(potential.atomic_numbers)}

    def compute(frame: Any) -> dict[str, Any]:
        edges, vectors, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, potential.cutoff)
        edge_index = torch.as_tensor(np.asarray(edges), dtype=torch.int64)
        edge_vector = torch.as_tensor(np.asarray(vectors), dtype=torch.float64)
        species = torch.tensor([rows[int(z)] for z in frame.atomic_numbers], dtype=torch.int64)
        energy, gradient, atomic = model.forward_edges(species, edge_index, edge_vector)
        return {
            "energy": float(energy),
            "forces": edge_forces(len(species), edge_index, gradient).numpy(),
            "virial": edge_virial(edge_vector, gradient).numpy(),
            "atomic_energies": atomic.numpy(),
        }

    return compute


def oracle_backend(potential: Potential) -> Backend:
    """Evaluate by the oracle, with its own neighbour search."""
    return lambda frame: oracle_energy_forces_virial(potential, frame)
