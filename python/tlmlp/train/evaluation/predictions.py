"""Energies, forces and virials of many frames in batches, and the shift that brings the energies to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tlmlp.models import Potential, edge_forces
from tlmlp.train.data.dataset import Graph, batches_by_edges
from tlmlp.train.optimise.placement import Placement


@dataclass(frozen=True)
class Predictions:
    """Of a list of frames, in their order; float64."""

    #: (n_frames,) eV, without the shift.
    energies: np.ndarray
    #: Of all atoms of all frames, (sum of N, 3) eV/Å; None where they were not asked for.
    forces: np.ndarray | None
    #: (n_frames, 3, 3) eV, -dE/d(strain); None where they were not asked for.
    virials: np.ndarray | None


def predict(
    potential: Potential,
    graphs: Sequence[Graph],
    *,
    forces: bool = True,
    virials: bool = False,
    device: torch.device | None = None,
) -> Predictions:
    """Evaluate all ``graphs``, on the GPU ``device`` unless it is None."""
    energies, all_forces, all_virials = [], [], []
    placement = Placement(potential, device)
    potential = placement.current()
    for batch in map(placement.place, batches_by_edges(graphs)):
        with torch.no_grad():
            atomic, gradient = potential.energies_and_edge_derivatives(batch.edge_graph)
        zeros = torch.zeros_like(batch.volume)
        energies.append(zeros.index_add(0, batch.frame, atomic.double()).cpu())
        if forces:
            all_forces.append(edge_forces(batch.n_atoms, batch.edge_index, gradient).cpu())
        if virials:
            per_edge = -gradient.unsqueeze(2) * batch.edge_vector.unsqueeze(1)
            frame = batch.frame.index_select(0, batch.edge_index[1])
            all_virials.append(torch.zeros_like(batch.labels["stress"]).index_add(0, frame, per_edge).cpu())
    return Predictions(
        energies=torch.cat(energies).numpy(),
        forces=torch.cat(all_forces).numpy() if forces else None,
        virials=torch.cat(all_virials).numpy() if virials else None,
    )


def species_counts(graphs: Sequence[Graph], n_species: int) -> np.ndarray:
    """(n_frames, n_species) atoms of each species in each frame."""
    return np.stack([np.bincount(g.species.numpy(), minlength=n_species) for g in graphs]).astype(np.float64)
