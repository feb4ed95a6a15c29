"""Golden systems: small structures with the numbers a model gives for them, so that any reader can check itself."""

from typing import Any

import numpy as np
import torch

from tlmlp.data.neighbours import neighbour_list
from tlmlp.models import DimeNetPP, Potential, edge_forces, edge_virial

_DIAMOND = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4.0


def golden_structures(n_species: int, cutoff: float, min_distance: float | None) -> list[dict[str, Any]]:
    """Structures without results: a rattled diamond cube, a skewed cell of two atoms narrower than the cutoff, an open
    cluster with an isolated atom; lengths follow the cutoff, and bonds are no shorter than in the training data."""
    rng = np.random.default_rng(20250213)
    bond = max(0.55 * cutoff, 1.1 * (min_distance or 0.0))
    a = bond * 4.0 / np.sqrt(3.0)

    def entry(name: str, positions: np.ndarray, cell: np.ndarray, periodic: bool) -> dict[str, Any]:
        rattled = positions + rng.uniform(-0.03, 0.03, positions.shape) * bond
        species = [(3 * k + 1) // 2 % n_species for k in range(len(positions))]
        return {
            "name": name,
            "species": species,
            "positions": rattled.tolist(),
            "cell": cell.tolist(),
            "pbc": [periodic] * 3,
        }

    skewed = np.array([[1.0, 0.0, 0.0], [0.45, 0.9, 0.0], [-0.4, 0.3, 0.95]]) * a / np.sqrt(2.0)
    cluster = np.concatenate([_DIAMOND[:6] * a, [[9.0 * cutoff, 0.0, 0.0]]])
    return [
        entry("rattled diamond cube", _DIAMOND * a, np.eye(3) * a, True),
        entry("skewed cell of two atoms", np.array([[0.0, 0.0, 0.0], [0.25, 0.25, 0.25]]) @ skewed * 1.1, skewed, True),
        entry("open cluster and an isolated atom", cluster, np.zeros((3, 3)), False),
    ]


def _close_pairs(n_species: int, inner: float, outer: float) -> dict[str, Any]:
    """Three atoms in a row, within the reach of a short-range repulsion and in its switching range."""
    return {
        "name": "close pairs",
        "species": [k % n_species for k in range(3)],
        "positions": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.9 * inner], [0.0, 0.5 * (inner + outer), 0.9 * inner]],
        "cell": np.zeros((3, 3)).tolist(),
        "pbc": [False] * 3,
    }


def graph_of(system: dict[str, Any], cutoff: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``species``, ``edge_index`` and ``edge_vector`` (float64, Å) of a golden system."""
    edges, vectors, _ = neighbour_list(
        np.array(system["positions"], dtype=np.float64).reshape(-1, 3),
        np.array(system["cell"], dtype=np.float64),
        np.array(system["pbc"]),
        cutoff,
    )
    species = torch.tensor(system["species"], dtype=torch.int64)
    return species, torch.from_numpy(np.ascontiguousarray(edges)), torch.from_numpy(vectors)


def evaluate(model: Any, system: dict[str, Any], cutoff: float) -> dict[str, Any]:
    """``energy`` (eV), ``forces`` (N, 3) and ``virial`` (3, 3) by the method ``forward_edges`` of ``model``."""
    species, edge_index, edge_vector = graph_of(system, cutoff)
    energy, gradient, _ = model.forward_edges(species, edge_index, edge_vector)
    gradient = gradient.to(torch.float64)
    return {
        "energy": float(energy),
        "forces": edge_forces(len(species), edge_index, gradient).numpy(),
        "virial": edge_virial(edge_vector, gradient).numpy(),
    }


def with_route(potential: Potential, route: str, dtype: torch.dtype) -> Potential:
    """A copy of ``potential`` by another route or in another dtype."""
    network = DimeNetPP(potential.config, route=route, dtype=dtype)
    network.load_state_dict(potential.network.state_dict())
    return (
        Potential(network, potential.species, potential.energy_shift, potential.zbl_radii).eval().requires_grad_(False)
    )


def golden_systems(potential: Potential, min_distance: float | None) -> list[dict[str, Any]]:
    """The golden structures with the numbers of ``potential``: plain route, float64, as in ``tlmlp.json``."""
    reference = with_route(potential, "plain", torch.float64)
    systems = golden_structures(len(potential.species), potential.cutoff, min_distance)
    if potential.zbl is not None:
        systems.append(_close_pairs(len(potential.species), potential.zbl.inner, potential.zbl.outer))
    for system in systems:
        result = evaluate(reference, system, potential.cutoff)
        system.update(energy=result["energy"], forces=result["forces"].tolist(), virial=result["virial"].tolist())
    return systems
