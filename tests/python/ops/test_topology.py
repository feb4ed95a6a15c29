"""Grouping of the edges by target, and the reverse edge of the same periodic image."""

import pytest
import torch

from .conftest import GRAPHS, make_graph

OPS = torch.ops.tlmlp


def test_edges_are_grouped_by_target(graph):
    offsets, edges, _ = graph.topology
    assert offsets[0] == 0 and offsets[-1] == len(edges)
    assert sorted(edges.tolist()) == list(range(len(edges)))
    for atom in range(graph.n_atoms):
        assert (graph.edge_index[1, edges[offsets[atom] : offsets[atom + 1]]] == atom).all()


def test_reverse_is_the_opposite_vector(graph):
    _, _, reverse = graph.topology
    assert (reverse >= 0).all()
    assert (reverse[reverse] == torch.arange(len(reverse))).all()
    assert (graph.edge_index[:, reverse] == graph.edge_index.flip(0)).all()
    torch.testing.assert_close(graph.edge_vector[reverse], -graph.edge_vector, rtol=0, atol=1e-12)


def test_reverse_survives_float32_rounding():
    graph = make_graph([[0.1, 0.2, 0.3], [1.0, 1.3, 0.9]], [[2.0, 0, 0], [0.5, 2.2, 0], [0.3, -0.4, 1.9]], cutoff=2.4)
    exact = graph.topology[2]
    noise = 1e-7 * torch.randn(graph.edge_vector.shape, generator=torch.Generator().manual_seed(0))
    rounded = OPS.topology(graph.edge_index, graph.edge_vector.float() + noise, graph.n_atoms)[2]
    assert (rounded == exact).all()


def test_missing_reverse_is_minus_one():
    graph = GRAPHS["cluster"]()
    _, _, reverse = OPS.topology(graph.edge_index[:, 1:], graph.edge_vector[1:], graph.n_atoms)
    partner = int(graph.topology[2][0]) - 1
    assert reverse[partner] == -1
    assert (reverse == -1).sum() == 1


def test_repeated_edge_is_refused():
    graph = GRAPHS["cluster"]()
    index = torch.cat([graph.edge_index, graph.edge_index[:, :1]], dim=1)
    vector = torch.cat([graph.edge_vector, graph.edge_vector[:1]])
    with pytest.raises(ValueError, match="more than once"):
        OPS.topology(index, vector, graph.n_atoms)
