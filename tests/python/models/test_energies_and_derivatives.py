"""Energies and edge derivatives of the whole network as one operator, and their gradients by the weights."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from tlmlp._core import simd_levels
from tlmlp.data.neighbours import neighbour_list
from tlmlp.models import EdgeGraph, edge_forces, edge_virial
from tlmlp.models.graph import with_vectors
from tlmlp.models.merged import merged_weights, sizes
from tlmlp.models.oracle import EV_PER_KJ_PER_MOL, Oracle, brute_force_edges
from tlmlp.testing import standard_structures
from tlmlp.train.optimise.adam import Adam

STRUCTURES = standard_structures(("Si", "Ge"))

#: Largest difference from float64 of what a float32 network gives, relative to the largest number.
FLOAT32 = {"energies": 1e-5, "derivatives": 3e-5, "gradients": 1e-4}


@pytest.fixture
def potential(make_potential, ops_route):
    return make_potential(("Si", "Ge"), ops_route)


@pytest.fixture
def ops_route() -> str:
    from tlmlp import ops
    from tlmlp.errors import TlmlpError

    try:
        ops.load()
    except (TlmlpError, ImportError) as error:
        pytest.skip(f"the compiled operators cannot be loaded: {error}")
    return "ops"


def graph(potential, s) -> EdgeGraph:
    """The argument of ``energies_and_edge_derivatives``."""
    rows = {number: row for row, number in enumerate(potential.atomic_numbers)}
    species = torch.tensor([rows[int(z)] for z in s.atomic_numbers])
    index, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, potential.cutoff)
    index, vectors = torch.from_numpy(index), torch.from_numpy(vectors)
    return potential.edge_graph(species, index, vectors)


def of_pairs(derivatives: torch.Tensor, reverse: torch.Tensor) -> torch.Tensor:
    """dE by the vector of a pair, g_ji - g_ij: how it divides between the two edges is the implementation's choice."""
    return derivatives - derivatives[reverse]


def loss_of_both(energies: torch.Tensor, derivatives: torch.Tensor, reverse: torch.Tensor) -> torch.Tensor:
    """A random linear function of what is defined."""
    generator = torch.Generator().manual_seed(5)
    pairs = of_pairs(derivatives, reverse)
    weights = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in (energies, pairs)]
    return (weights[0] * energies).sum() + (weights[1] * pairs).sum()


def gradients(potential, energies, derivatives, reverse) -> dict[str, torch.Tensor]:
    parameters = dict(potential.network.named_parameters())
    loss = loss_of_both(energies, derivatives, reverse)
    values = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
    return dict(zip(parameters, values, strict=True))


def by_double_backward(potential, edges):
    vectors = edges.edge_vector.clone().requires_grad_(True)
    energies = potential.atomic_energies(with_vectors(edges, vectors))
    (derivatives,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True, materialize_grads=True)
    return energies.double(), derivatives


def assert_close(got, expected, relative: float, what: str) -> None:
    scale = expected.detach().abs().max().item() if expected.numel() else 0.0
    assert got.shape == expected.shape, what
    assert torch.allclose(got.double(), expected.double(), rtol=0.0, atol=relative * scale), what


def assert_same(potential, arguments, relative: float = 1e-10) -> None:
    """One operator against the double backward of standard torch operators."""
    energies, derivatives = potential.energies_and_edge_derivatives(arguments)
    reverse = arguments.reverse
    got = gradients(potential, energies, derivatives, reverse)
    potential.network.set_route("plain")
    expected_energies, expected_derivatives = by_double_backward(potential, arguments)
    expected = gradients(potential, expected_energies, expected_derivatives, reverse)
    potential.network.set_route("ops")
    assert_close(energies, expected_energies, relative, "energies")
    assert_close(of_pairs(derivatives, reverse), of_pairs(expected_derivatives, reverse), relative, "derivatives")
    for name, value in expected.items():
        assert_close(got[name], value, relative, name)


def loss_of(energies, forces, virial) -> torch.Tensor:
    random = np.random.default_rng(7)
    target = torch.from_numpy(random.normal(size=tuple(forces.shape)))
    by_energy = torch.from_numpy(random.normal(size=tuple(energies.shape)))
    by_virial = torch.from_numpy(random.normal(size=(3, 3)))
    return 0.5 * (forces - target).square().sum() + (by_energy * energies).sum() + 0.1 * (by_virial * virial).sum()


def oracle_loss(weights, config, species, s) -> torch.Tensor:
    positions = torch.tensor(s.positions, requires_grad=True)
    strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    deform = torch.eye(3, dtype=torch.float64) + strain
    edges = brute_force_edges(s.positions, s.cell, s.pbc, config.cutoff)
    cell = torch.tensor(s.cell, dtype=torch.float64) @ deform
    energies = Oracle(weights, config).atomic_energies(species, edges, positions @ deform / 10.0, cell / 10.0)
    energies = energies * EV_PER_KJ_PER_MOL
    gradient, by_strain = torch.autograd.grad(energies.sum(), [positions, strain], create_graph=True)
    return loss_of(energies, -gradient, -by_strain)


def operator_loss(potential, arguments) -> torch.Tensor:
    energies, derivatives = potential.energies_and_edge_derivatives(arguments)
    forces = edge_forces(len(arguments.species), arguments.edge_index, derivatives)
    return loss_of(energies, forces, edge_virial(arguments.edge_vector, derivatives))


@pytest.mark.parametrize("name", ["skewed", "perfect diamond", "slab"])
def test_gradients_of_energy_force_and_virial_losses_are_those_of_the_oracle(name, potential):
    s, arguments = STRUCTURES[name], graph(potential, STRUCTURES[name])
    loss = operator_loss(potential, arguments)
    loss.backward()
    weights = {n: p.detach().clone().requires_grad_(True) for n, p in potential.network.named_parameters()}
    expected = oracle_loss(weights, potential.config, arguments.species, s)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-11)
    for name, parameter in potential.network.named_parameters():
        assert_close(parameter.grad, weights[name].grad, 1e-10, name)


def test_twenty_steps_follow_the_oracle(make_potential, ops_route):
    """Same data in the same order, same Adam: the same weights."""
    sizes = {"embed_size": 8, "n_blocks": 2, "num_spherical": 4, "num_radial": 3}
    potential = make_potential(("Si", "Ge"), ops_route, **sizes)
    structures = [STRUCTURES[name] for name in ("two atoms", "slab")]
    arguments = [graph(potential, s) for s in structures]
    weights = {n: p.detach().clone().requires_grad_(True) for n, p in potential.network.named_parameters()}
    ours, theirs = Adam(potential.network.parameters()), Adam(weights.values())
    for step in range(20):
        for optimizer, loss in (
            (ours, lambda k: operator_loss(potential, arguments[k])),
            (theirs, lambda k: oracle_loss(weights, potential.config, arguments[k].species, structures[k])),
        ):
            optimizer.zero_grad()
            loss(step % 2).backward()
            optimizer.step(1e-3)
    for name, parameter in potential.network.named_parameters():
        assert_close(parameter.detach(), weights[name].detach(), 1e-10, name)


@pytest.mark.parametrize(
    "sizes",
    [
        {"embed_size": 128},
        {"n_blocks": 0},
        {"n_blocks": 1, "n_residual_before": 0, "n_residual_after": 0},
        {"n_blocks": 2, "n_residual_before": 2, "n_residual_after": 3, "n_dense_output": 0},
        {"embed_size": 20, "n_blocks": 2, "int_emb_size": 9, "out_size": 21, "num_spherical": 3, "num_radial": 9},
        {"embed_size": 12, "n_blocks": 1, "int_emb_size": 40, "num_spherical": 9, "envelope_exponent": 4},
    ],
    ids=str,
)
def test_other_sizes_agree_with_double_backward(sizes, make_potential, ops_route):
    potential = make_potential(("Si", "Ge"), ops_route, strength=1.0, **sizes)
    assert_same(potential, graph(potential, STRUCTURES["skewed"]))


def test_many_neighbours_agree_with_double_backward(make_potential, ops_route):
    """More edges at an atom than one block of the kernels holds, and more at an atom than a chunk likes."""
    potential = make_potential(("Si", "Ge"), ops_route, cutoff=9.5, strength=1.0, embed_size=8, n_blocks=1)
    arguments = graph(potential, STRUCTURES["random"])
    assert int(arguments.offsets.diff().max()) > 64
    assert_same(potential, arguments)


def test_straight_chains_and_lone_atoms_agree_with_double_backward(potential):
    for name in ("one atom in a small cell", "straight chain", "straight periodic chain", "two atoms"):
        assert_same(potential, graph(potential, STRUCTURES[name]))


def test_atoms_without_neighbours_train_on_their_energies(make_potential, ops_route):
    potential = make_potential(("Si", "Ge"), ops_route)
    species = torch.tensor([0, 1, 1])
    index, vectors = torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, 3, dtype=torch.float64)
    assert_same(potential, potential.edge_graph(species, index, vectors))
    nothing = potential.edge_graph(species[:0], index, vectors)
    energies, derivatives = potential.energies_and_edge_derivatives(nothing)
    (energies.sum() + derivatives.sum()).backward()
    assert all(not p.grad.any() for p in potential.network.parameters())


def test_float32_is_close_to_float64(make_potential, ops_route):
    double = make_potential(("Si", "Ge"), ops_route, strength=1.0)
    single = make_potential(("Si", "Ge"), ops_route, strength=1.0).float()
    results = {}
    arguments = graph(double, STRUCTURES["random"])
    for potential in (double, single):
        energies, derivatives = potential.energies_and_edge_derivatives(arguments)
        assert energies.dtype == derivatives.dtype == torch.float64
        by_name = gradients(potential, energies, derivatives, arguments.reverse)
        flat = torch.cat([value.double().flatten() for value in by_name.values()])
        results[potential] = {"energies": energies, "derivatives": derivatives, "gradients": flat}
    for key, relative in FLOAT32.items():
        assert_close(results[single][key], results[double][key], relative, key)


def test_without_gradients_the_results_are_the_same(potential):
    arguments = graph(potential, STRUCTURES["random"])
    recorded = potential.energies_and_edge_derivatives(arguments)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            plain = potential.energies_and_edge_derivatives(arguments)
        assert all(torch.equal(a, b) and not b.requires_grad for a, b in zip(recorded, plain, strict=True))


def test_evaluations_do_not_mix(potential):
    """Two evaluations at once, differentiated in the other order, one of them twice."""
    arguments = [graph(potential, STRUCTURES[name]) for name in ("random", "skewed")]
    alone = [gradients(potential, *potential.energies_and_edge_derivatives(a), a.reverse) for a in arguments]
    pending = [potential.energies_and_edge_derivatives(a) for a in arguments]
    for k in (1, 0, 1):
        got = gradients(potential, *pending[k], arguments[k].reverse)
        assert all(torch.equal(a, b) for a, b in zip(got.values(), alone[k].values(), strict=True))


def test_third_derivatives_are_refused(potential):
    _, derivatives = potential.energies_and_edge_derivatives(graph(potential, STRUCTURES["two atoms"]))
    with pytest.raises(NotImplementedError, match="once"):
        torch.autograd.grad(derivatives.square().sum(), list(potential.network.parameters()), create_graph=True)


def test_edges_without_their_reverse_are_refused(potential):
    edges = graph(potential, STRUCTURES["random"])
    edges = potential.edge_graph(edges.species, edges.edge_index[:, 1:], edges.edge_vector[1:])
    with pytest.raises(ValueError, match="lacks its reverse"):
        potential.energies_and_edge_derivatives(edges)


def test_number_of_threads_changes_no_bit(make_potential, ops_route):
    """For given weights of the operator; torch's own products of small matrices, which make them, do change bits."""
    network = make_potential(("Si", "Ge"), ops_route, dtype=torch.float32).network
    edges = graph(make_potential(("Si", "Ge")), STRUCTURES["random"])
    edges = with_vectors(edges, edges.edge_vector / 10.0)
    weights = [w.detach().requires_grad_(True) for w in merged_weights(network)]
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        try:
            energies, derivatives = torch.ops.tlmlp.energies_and_derivatives(
                weights, *edges, sizes(network.config), network.cutoff_nm
            )
        finally:
            torch.set_num_threads(1)
        loss = loss_of_both(energies, derivatives, edges.reverse)
        torch.set_num_threads(threads)
        try:
            results.append([energies, derivatives, *torch.autograd.grad(loss, weights)])
        finally:
            torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


LEVEL_SCRIPT = """
import sys, torch
import numpy as np
sys.path.insert(0, {folder!r})
import test_energies_and_derivatives as t
from tlmlp.models import build_potential
torch.set_num_threads(1)
results = {{}}
for dtype in (torch.float32, torch.float64):
    potential = build_potential(("Si", "Ge"), 4.3, seed=3, dtype=dtype)
    arguments = t.graph(potential, t.STRUCTURES["skewed"])
    energies, derivatives = potential.energies_and_edge_derivatives(arguments)
    by_name = t.gradients(potential, energies, derivatives, arguments.reverse)
    results[str(dtype)] = [energies.detach(), derivatives.detach(), *by_name.values()]
torch.save(results, {out!r})
"""


def test_every_instruction_level_gives_the_same_numbers(tmp_path, ops_route):
    results = {}
    levels = simd_levels()
    for level in levels:
        out = tmp_path / f"{level}.pt"
        script = LEVEL_SCRIPT.format(folder=os.path.dirname(__file__), out=str(out))
        subprocess.run([sys.executable, "-c", script], env={**os.environ, "TLMLP_SIMD": level}, check=True)
        results[level] = torch.load(out)
    for level in levels[:-1]:
        for dtype, relative in (("torch.float32", 1e-4), ("torch.float64", 1e-11)):
            for k, reference in enumerate(results["portable"][dtype]):
                assert_close(results[level][dtype][k], reference, relative, f"{level} {dtype} result {k}")


def test_an_unknown_instruction_level_is_refused_in_one_line(tmp_path, ops_route):
    """As by the engine: no level is taken in its place."""
    script = LEVEL_SCRIPT.format(folder=os.path.dirname(__file__), out=str(tmp_path / "x.pt"))
    run = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "TLMLP_SIMD": "abacus"}, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "no SIMD level 'abacus' on this machine (option `level` or TLMLP_SIMD); choose from" in run.stderr
