"""Gradients of a force loss by the weights: both routes against the oracle, and the two segment sums."""

import numpy as np
import pytest
import torch

from tlmlp.data.neighbours import neighbour_list
from tlmlp.models import edge_forces, segments
from tlmlp.models.oracle import EV_PER_KJ_PER_MOL, Oracle, brute_force_edges
from tlmlp.testing import standard_structures

STRUCTURES = standard_structures(("Si", "Ge"))


def _species(potential, structure) -> torch.Tensor:
    rows = {number: row for row, number in enumerate(potential.atomic_numbers)}
    return torch.tensor([rows[int(z)] for z in structure.atomic_numbers])


def loss_gradients(potential, s) -> dict[str, torch.Tensor]:
    """Derivatives of 0.5 (F - t)^2 + 0.1 E by all weights, through the network's own edges."""
    index, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, potential.cutoff)
    index = torch.from_numpy(index)
    vector = torch.from_numpy(vectors).requires_grad_(True)
    energies = potential.atomic_energies(potential.edge_graph(_species(potential, s), index, vector))
    (gradient,) = torch.autograd.grad(energies.sum(), vector, create_graph=True)
    forces = edge_forces(len(s), index, gradient)
    loss = 0.5 * (forces - _targets(s)).square().sum() + 0.1 * energies.sum()
    parameters = dict(potential.network.named_parameters())
    return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


def oracle_gradients(potential, s) -> dict[str, torch.Tensor]:
    """The same from positions, by the oracle."""
    parameters = {name: p.detach().clone().requires_grad_(True) for name, p in potential.network.named_parameters()}
    positions = torch.tensor(s.positions, requires_grad=True)
    edges = brute_force_edges(s.positions, s.cell, s.pbc, potential.cutoff)
    oracle = Oracle(parameters, potential.config)
    energies = oracle.atomic_energies(_species(potential, s), edges, positions / 10.0, torch.tensor(s.cell) / 10.0)
    energy = energies.sum() * EV_PER_KJ_PER_MOL
    (gradient,) = torch.autograd.grad(energy, positions, create_graph=True)
    loss = 0.5 * (-gradient - _targets(s)).square().sum() + 0.1 * energy
    return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


def _targets(s) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(7).normal(size=s.positions.shape))


def assert_same_gradients(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], relative: float) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        scale = float(value.abs().max())
        assert scale > 0.0, f"{name} gets no gradient"
        assert torch.allclose(got[name], value, rtol=0.0, atol=relative * scale), name


@pytest.mark.parametrize("name", ["random", "skewed", "perfect diamond", "slab"])
def test_force_loss_gradients_are_those_of_the_oracle(name, route, make_potential):
    potential = make_potential(("Si", "Ge"), route)
    got, expected = loss_gradients(potential, STRUCTURES[name]), oracle_gradients(potential, STRUCTURES[name])
    assert_same_gradients(got, expected, 1e-9)


def test_force_loss_gradients_with_one_species(route, make_potential):
    """One species takes a short cut through the embedding; its row gets a gradient all the same."""
    potential, s = make_potential(("Si",), route), standard_structures(("Si",))["two atoms"]
    assert_same_gradients(loss_gradients(potential, s), oracle_gradients(potential, s), 1e-9)


def test_one_atom_and_straight_chain_have_finite_gradients(route, make_potential):
    """Forces on a lone atom per cell vanish by symmetry; its energy still trains."""
    potential = make_potential(("Si", "Ge"), route)
    for name in ("one atom in a small cell", "straight chain", "straight periodic chain"):
        gradients = loss_gradients(potential, STRUCTURES[name])
        assert all(torch.isfinite(g).all() for g in gradients.values()), name


def test_loss_gradient_by_finite_differences(route, make_potential):
    """One direction in weight space: central differences of the loss against its gradient."""
    potential = make_potential(("Si", "Ge"), route)
    s = STRUCTURES["skewed"]
    gradients = loss_gradients(potential, s)
    generator = torch.Generator().manual_seed(3)
    direction = {n: torch.randn(g.shape, dtype=g.dtype, generator=generator) for n, g in gradients.items()}

    def loss(step: float) -> float:
        index, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, potential.cutoff)
        with torch.no_grad():
            for n, p in potential.network.named_parameters():
                p.add_(direction[n], alpha=step)
        index = torch.from_numpy(index)
        energy, gradient, _ = potential.forward_edges(_species(potential, s), index, torch.from_numpy(vectors))
        with torch.no_grad():
            for n, p in potential.network.named_parameters():
                p.sub_(direction[n], alpha=step)
        shift = potential.energy_shift[_species(potential, s)].sum()
        forces = edge_forces(len(s), index, gradient)
        return float(0.5 * (forces - _targets(s)).square().sum() + 0.1 * (energy - shift))

    h = 1e-5
    numeric = (8.0 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12.0 * h)
    exact = sum(float((g * direction[n]).sum()) for n, g in gradients.items())
    assert numeric == pytest.approx(exact, rel=1e-6)


def test_segment_sums_agree_to_second_order():
    """torch-scatter's scatter_sum and index_add: values, first and second derivatives."""
    scatter = pytest.importorskip("torch_scatter", reason="torch-scatter (extra `scatter`) is not installed")
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(12, 3, 2, dtype=torch.float64, generator=generator).requires_grad_(True)
    index = torch.tensor([0, 3, 3, 1, 0, 5, 5, 5, 1, 0, 3, 1])

    def by_scatter(x):
        return scatter.scatter_sum(x.sin() * x, index, 0, None, 6)

    def by_index_add(x):
        return segments.index_add_sum(x.sin() * x, index, 6)

    assert torch.equal(by_scatter(values), by_index_add(values))
    for function in (by_scatter, by_index_add):
        assert torch.autograd.gradcheck(function, values)
        assert torch.autograd.gradgradcheck(function, values)


def test_index_add_is_right_to_second_order():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(7, 2, dtype=torch.float64, generator=generator).requires_grad_(True)
    index = torch.tensor([0, 2, 2, 1, 0, 4, 2])
    assert torch.autograd.gradgradcheck(lambda x: segments.index_add_sum(x**3, index, 5), values)


def test_the_log_names_the_segment_sum_in_use(caplog, make_potential):
    with caplog.at_level("INFO", logger="tlmlp"):
        make_potential(route="plain")
    assert segments.IMPLEMENTATION in ("index_add", "torch_scatter.scatter_sum")
    assert any(segments.IMPLEMENTATION in record.getMessage() for record in caplog.records)
