"""First and second derivatives of every operator against finite differences, in float64."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from .conftest import GRAPHS, random_inputs

OPS = torch.ops.tlmlp
CUTOFF, EXPONENT = 2.5, 6
# Poles, axes, an exact 180 degree pair, and general directions.
DIRECTIONS = [[0, 0, 1.3], [0, 0, -0.9], [1.1, 0, 0], [-1.1, 0, 0], [0.4, -0.7, 1.2], [-0.2, 0.9, -0.5]]


def check(function, *inputs) -> None:
    inputs = tuple(x.detach().clone().requires_grad_(True) for x in inputs)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("orders", [1, 2, 7])
def test_spherical_harmonics(orders):
    check(lambda v: OPS.spherical_harmonics(v, orders), torch.tensor(DIRECTIONS, dtype=torch.float64))


def test_distance_alone_and_harmonics_alone():
    vectors = torch.tensor(DIRECTIONS, dtype=torch.float64)
    check(lambda v: OPS.spherical_harmonics(v, 4)[0], vectors)
    check(lambda v: OPS.spherical_harmonics(v, 4)[1], vectors)


def test_radial_basis():
    distance = torch.tensor([0.3, 0.8, 1.7, 2.2, 2.4], dtype=torch.float64)
    frequencies = torch.tensor([3.1, 6.4, 9.3], dtype=torch.float64)
    check(lambda d, f: OPS.radial_basis(d, f, CUTOFF, EXPONENT), distance, frequencies)
    check(lambda f: OPS.radial_basis(distance, f, CUTOFF, EXPONENT), frequencies)


@pytest.mark.parametrize(("orders", "radial", "exponent"), [(1, 1, 2), (7, 6, 6), (9, 8, 5)])
def test_spherical_bessel_basis(orders, radial, exponent):
    distance = torch.tensor([0.1, 0.8, 1.7, 2.2, 2.4], dtype=torch.float64)
    check(lambda d: OPS.spherical_bessel_basis(d, CUTOFF, exponent, orders, radial), distance)


@pytest.mark.parametrize("name", ["straight chain", "chain along z", "one-atom cell"])
def test_directional_sum(name):
    graph = GRAPHS[name]()
    inputs = random_inputs(graph, orders=3, radial=2, channels=3)
    index, topology = graph.edge_index, graph.topology
    check(lambda *x: OPS.directional_sum(*x, index, *topology), *inputs)


def test_directional_sum_with_missing_reverse_edges():
    graph = GRAPHS["straight chain"]()
    keep = torch.tensor([e for e in range(graph.edge_index.shape[1]) if e not in (0, 3)])
    graph.edge_index, graph.edge_vector = graph.edge_index[:, keep], graph.edge_vector[keep]
    inputs = random_inputs(graph, orders=3, radial=2, channels=2)
    index, topology = graph.edge_index, graph.topology
    assert (topology[2] == -1).sum() == 2
    check(lambda *x: OPS.directional_sum(*x, index, *topology), *inputs)


@pytest.mark.parametrize("which", range(4))
def test_directional_sum_by_one_input_alone(which):
    graph = GRAPHS["chain along z"]()
    inputs = list(random_inputs(graph, orders=3, radial=2, channels=3))

    def function(x):
        return OPS.directional_sum(*inputs[:which], x, *inputs[which + 1 :], graph.edge_index, *graph.topology)

    check(function, inputs[which])


def test_directional_sum_of_vectors():
    """The whole way from the edge vectors, through the basis and the sum, as a network takes it."""
    graph = GRAPHS["straight chain"]()
    y, _, weight, _ = random_inputs(graph, orders=4, radial=2, channels=2)
    index, topology = graph.edge_index, graph.topology

    def function(vectors):
        distance, harmonics = OPS.spherical_harmonics(vectors, 4)
        sbf = OPS.spherical_bessel_basis(distance, CUTOFF, EXPONENT, 4, 2)
        return OPS.directional_sum(y, sbf, weight, harmonics, index, *topology)

    check(function, graph.edge_vector)


def test_third_derivative_is_refused():
    distance = torch.tensor([0.8, 1.7], dtype=torch.float64, requires_grad=True)
    basis = OPS.spherical_bessel_basis(distance, CUTOFF, EXPONENT, 2, 2)
    (first,) = torch.autograd.grad(basis.sum(), distance, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), distance, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        torch.autograd.grad(second.sum(), distance)
