"""Potentials with random weights whose forces have the size of real ones, so that tests need no training."""

from collections.abc import Sequence

import torch

from tlmlp.models import Potential, build_potential

#: A small network for tests whose subject is not the network.
SMALL = {"embed_size": 8, "n_blocks": 2, "num_spherical": 4, "num_radial": 4}


def random_potential(
    species: Sequence[str] = ("Ge",),
    cutoff: float = 4.3,
    *,
    seed: int = 1,
    dtype: torch.dtype = torch.float64,
    route: str = "plain",
    scale: float = 60.0,
    **sizes: int,
) -> Potential:
    """New weights from ``seed``, the last layers multiplied by ``scale``: some eV/angstrom in a rattled crystal.

    :param sizes: fields of ``DimeNetPPConfig``; the default sizes when none are given
    """
    shift = [-4.0 - 0.5 * row for row in range(len(species))]
    potential = build_potential(species, cutoff, seed=seed, dtype=dtype, route=route, energy_shift=shift, **sizes)
    with torch.no_grad():
        for output in potential.network.output:
            output.final.weight.mul_(scale)
    return potential
