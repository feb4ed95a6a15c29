"""TorchScript: scripted, saved and loaded potentials give the numbers of the potential itself."""

import io
import pickle

import pytest
import torch

from tlmlp.data.neighbours import neighbour_list
from tlmlp.testing import standard_structures

STRUCTURES = standard_structures(("Si", "Ge"))


def graph(s, potential):
    index, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, potential.cutoff)
    rows = {number: row for row, number in enumerate(potential.atomic_numbers)}
    species = torch.tensor([rows[int(z)] for z in s.atomic_numbers])
    return species, torch.from_numpy(index), torch.from_numpy(vectors)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_scripted_saved_and_loaded(route, dtype, make_potential):
    potential = make_potential(("Si", "Ge"), route, dtype)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(potential), buffer)
    buffer.seek(0)
    loaded = torch.jit.load(buffer)
    accuracy = 1e-12 if dtype == torch.float64 else 1e-4
    for name in ("random", "one atom in a small cell", "isolated atom", "perfect diamond", "no edges", "random"):
        arguments = graph(STRUCTURES[name], potential)
        expected = potential.forward_edges(*arguments)
        for got, value in zip(loaded.forward_edges(*arguments), expected, strict=True):
            assert got.dtype == value.dtype and got.shape == value.shape
            assert torch.allclose(got, value, rtol=accuracy, atol=accuracy), name


def test_types_and_shapes_of_the_results(route, make_potential):
    potential = make_potential(("Si", "Ge"), route, torch.float32)
    species, index, vector = graph(STRUCTURES["random"], potential)
    for dtype in (torch.float64, torch.float32):
        energy, gradient, atomic = potential.forward_edges(species, index, vector.to(dtype))
        assert energy.shape == () and energy.dtype == atomic.dtype == torch.float64
        assert gradient.shape == vector.shape and gradient.dtype == dtype
        assert not (energy.requires_grad or gradient.requires_grad or atomic.requires_grad)
        assert float(atomic.sum()) == float(energy)


def test_derivatives_where_the_host_switched_them_off(route, make_potential):
    potential = make_potential(("Si", "Ge"), route)
    arguments = graph(STRUCTURES["skewed"], potential)
    expected = potential.forward_edges(*arguments)[1]
    for model in (potential, torch.jit.script(potential)):
        with torch.no_grad():
            assert torch.allclose(model.forward_edges(*arguments)[1], expected, atol=1e-12)
            assert not torch.is_grad_enabled()


def test_pickle_round_trip(route, make_potential):
    potential = make_potential(("Si", "Ge"), route)
    arguments = graph(STRUCTURES["slab"], potential)
    copy = pickle.loads(pickle.dumps(potential))
    for got, value in zip(copy.forward_edges(*arguments), potential.forward_edges(*arguments), strict=True):
        assert torch.equal(got, value)


def test_order_of_the_edges_does_not_matter(route, make_potential):
    potential = make_potential(("Si", "Ge"), route)
    species, index, vector = graph(STRUCTURES["random"], potential)
    order = torch.randperm(index.shape[1], generator=torch.Generator().manual_seed(0))
    energy, gradient, atomic = potential.forward_edges(species, index, vector)
    shuffled = potential.forward_edges(species, index[:, order], vector[order])
    assert torch.allclose(shuffled[0], energy, atol=1e-12)
    assert torch.allclose(shuffled[1], gradient[order], atol=1e-12)
    assert torch.allclose(shuffled[2], atomic, atol=1e-12)


def test_topology_finds_the_reverse_in_the_same_image(route, make_potential):
    potential = make_potential(("Si", "Ge"), route)
    for name, s in STRUCTURES.items():
        species, index, vector = graph(s, potential)
        *_, offsets, edges, reverse = potential.edge_graph(species, index, vector)
        for atom in range(len(s)):
            assert (index[1, edges[offsets[atom] : offsets[atom + 1]]] == atom).all()
        assert sorted(edges.tolist()) == list(range(index.shape[1]))
        assert torch.equal(index[:, reverse], index.flip(0)), name
        assert torch.allclose(vector[reverse], -vector, atol=1e-12), name


def test_a_missing_reverse_is_marked(route, make_potential):
    potential = make_potential(("Si",), route)
    index = torch.tensor([[0, 1, 2], [1, 0, 0]])
    vector = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 4.3, 0.0]], dtype=torch.float64)
    assert potential.edge_graph(torch.zeros(3, dtype=torch.int64), index, vector).reverse.tolist() == [1, 0, -1]
