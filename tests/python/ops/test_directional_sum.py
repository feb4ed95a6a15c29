"""The triplet-free sum against the explicit sum over triplets."""

import math

import pytest
import torch

from .conftest import GRAPHS, explicit_sum, legendre, random_inputs

OPS = torch.ops.tlmlp


@pytest.mark.parametrize(("orders", "radial", "channels"), [(7, 6, 16), (1, 1, 1), (3, 2, 5), (9, 4, 19)])
def test_equals_the_sum_over_triplets(graph, orders, radial, channels):
    y, sbf, weight, harmonics = random_inputs(graph, orders, radial, channels)
    z = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    expected = explicit_sum(y, sbf, weight, graph)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(z, expected, rtol=1e-12, atol=1e-11)


def test_addition_theorem():
    generator = torch.Generator().manual_seed(3)
    u = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    u = torch.cat([u, torch.tensor([[0.0, 0, 1], [0, 0, -1]], dtype=torch.float64)])
    unit = u / u.norm(dim=1, keepdim=True)
    _, harmonics = OPS.spherical_harmonics(u, 11)
    cosine = unit @ unit.t()
    for order in range(11):
        block = harmonics[:, order * order : (order + 1) ** 2]
        expected = (2 * order + 1) / (4 * math.pi) * legendre(order, cosine)
        torch.testing.assert_close(block @ block.t(), expected, rtol=0, atol=1e-13)


def test_an_atom_with_one_neighbour_has_no_triplets():
    graph = GRAPHS["chain along z"]()
    ends = (graph.edge_vector.norm(dim=1) < 1.5).nonzero()[:, 0]
    graph.edge_index, graph.edge_vector = graph.edge_index[:, ends], graph.edge_vector[ends]
    y, sbf, weight, harmonics = random_inputs(graph, 7, 6, 16)
    z = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    from_an_end = graph.edge_index[0] != 1
    torch.testing.assert_close(z[from_an_end], torch.zeros_like(z[from_an_end]), rtol=0, atol=1e-12)
    assert z[~from_an_end].abs().amax(dim=1).min() > 0.1


def test_the_partner_is_excluded_in_its_own_image_only():
    """One atom in a cell: every neighbour is the atom itself, so indices cannot tell the images apart."""
    graph = GRAPHS["one-atom cell"]()
    y, sbf, weight, harmonics = random_inputs(graph, 1, 1, 1)
    z = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    terms = (y * sbf * weight[0])[:, 0] / (4 * math.pi) ** 0.5
    reverse = graph.topology[2]
    torch.testing.assert_close(z[:, 0], terms.sum() - terms[reverse], rtol=1e-12, atol=1e-12)


def test_missing_reverse_edges():
    """An edge without its reverse takes part as a neighbour, and leaves out nothing when it is summed itself."""
    graph = GRAPHS["skewed two-atom cell"]()
    keep = torch.tensor([e for e in range(graph.edge_index.shape[1]) if e % 7])
    graph.edge_index, graph.edge_vector = graph.edge_index[:, keep], graph.edge_vector[keep]
    reverse = graph.topology[2]
    assert (reverse == -1).any() and (reverse >= 0).any()
    y, sbf, weight, harmonics = random_inputs(graph, 5, 3, 4)
    z = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    torch.testing.assert_close(z, explicit_sum(y, sbf, weight, graph), rtol=1e-12, atol=1e-11)


def test_order_of_the_edges_does_not_matter():
    graph = GRAPHS["skewed two-atom cell"]()
    y, sbf, weight, harmonics = random_inputs(graph, 7, 6, 16)
    z = OPS.directional_sum(y, sbf, weight, harmonics, graph.edge_index, *graph.topology)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    index = graph.edge_index[:, order]
    topology = OPS.topology(index, graph.edge_vector[order], graph.n_atoms)
    shuffled = OPS.directional_sum(y[order], sbf[order], weight, harmonics[order], index, *topology)
    torch.testing.assert_close(shuffled, z[order], rtol=1e-13, atol=1e-12)
