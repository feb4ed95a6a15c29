"""The edges of one or several structures, as every function of a network takes them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class EdgeGraph(NamedTuple):
    """N atoms and E directed edges j->i, one for each direction of every pair and for every periodic image.

    TorchScript knows it too. Whoever takes one says in which unit it wants ``edge_vector``.
    """

    #: (N,) int64, rows of the species embedding.
    species: Tensor
    #: (2, E) int64, row 0 the source j, row 1 the target i.
    edge_index: Tensor
    #: (E, 3) r_j - r_i + S.cell.
    edge_vector: Tensor
    #: (N + 1,) int64: the edges with target a are ``edges[offsets[a]:offsets[a + 1]]``.
    offsets: Tensor
    #: (E,) int64, the edges grouped by target.
    edges: Tensor
    #: (E,) int64, the edge i->j of the same periodic image; -1 where the list lacks it.
    reverse: Tensor


def with_vectors(graph: EdgeGraph, edge_vector: Tensor) -> EdgeGraph:
    """The same edges with other vectors."""
    return EdgeGraph(graph.species, graph.edge_index, edge_vector, graph.offsets, graph.edges, graph.reverse)


def joined(graphs: Sequence[EdgeGraph]) -> EdgeGraph:
    """One graph of several that have nothing to do with each other, atoms and edges in their order."""
    atom, edge = 0, 0
    parts: list[EdgeGraph] = []
    for g in graphs:
        first = [] if parts else [g.offsets[:1]]
        reverse = torch.where(g.reverse < 0, g.reverse, g.reverse + edge)
        offsets = torch.cat([*first, g.offsets[1:] + edge])
        parts.append(EdgeGraph(g.species, g.edge_index + atom, g.edge_vector, offsets, g.edges + edge, reverse))
        atom, edge = atom + len(g.species), edge + len(g.edges)
    columns = zip(*parts, strict=True)
    return EdgeGraph(*(torch.cat(column, dim=-1 if k == 1 else 0) for k, column in enumerate(columns)))
