"""Potentials with weights unlike fresh ones: all biases set and forces of about 1 eV/angstrom."""

from collections.abc import Callable

import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import Potential, build_potential

torch.set_num_threads(1)


def _ops_missing() -> str | None:
    try:
        from tlmlp import ops

        ops.load()
    except (TlmlpError, ImportError) as error:
        return f"the compiled operators cannot be loaded: {error}"
    return None


@pytest.fixture(params=["plain", "ops"])
def route(request) -> str:
    """Both routes; the compiled one is skipped where its library is missing."""
    if request.param == "ops" and (reason := _ops_missing()):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def make_potential() -> Callable[..., Potential]:
    """``make_potential(species, route, dtype, seed, **sizes)``: a potential with strong, generic weights."""

    def make(
        species=("Si",), route="plain", dtype=torch.float64, seed=0, cutoff=4.3, strength=1.3, **sizes
    ) -> Potential:
        shift = [-1.5 - 0.25 * k for k in range(len(species))]
        potential = build_potential(species, cutoff, seed, dtype, route, energy_shift=shift, **sizes)
        generator = torch.Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for name, parameter in potential.named_parameters():
                noise = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
                if name.endswith("bias"):
                    parameter.add_(0.3 * noise)
                elif name.endswith("frequencies"):
                    parameter.add_(0.05 * noise)
                else:
                    parameter.mul_(strength)
        return potential

    return make
