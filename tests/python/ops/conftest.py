"""Small graphs and an explicit triplet sum that shares nothing with the operators."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from tlmlp import ops


@pytest.fixture(scope="session", autouse=True)
def _library() -> None:
    ops.load()


@dataclass
class Graph:
    """Directed edges j->i with vectors r_j - r_i + S.cell, found by a loop over images."""

    n_atoms: int
    edge_index: Tensor
    edge_vector: Tensor

    @property
    def topology(self) -> tuple[Tensor, Tensor, Tensor]:
        return torch.ops.tlmlp.topology(self.edge_index, self.edge_vector, self.n_atoms)


def make_graph(positions, cell=None, cutoff=2.5, images=2) -> Graph:
    """All directed edges shorter than ``cutoff``; ``cell`` None means no periodicity."""
    positions = np.asarray(positions, dtype=float)
    span = range(-images, images + 1) if cell is not None else range(1)
    cell = np.zeros((3, 3)) if cell is None else np.asarray(cell, dtype=float)
    source, target, vector = [], [], []
    for i in range(len(positions)):
        for j in range(len(positions)):
            for a in span:
                for b in span:
                    for c in span:
                        if i == j and a == b == c == 0:
                            continue
                        v = positions[j] - positions[i] + np.array([a, b, c]) @ cell
                        if np.linalg.norm(v) < cutoff:
                            source.append(j)
                            target.append(i)
                            vector.append(v)
    index = torch.tensor([source, target], dtype=torch.int64).reshape(2, -1)
    return Graph(len(positions), index, torch.tensor(np.array(vector).reshape(-1, 3), dtype=torch.float64))


def legendre(order: int, x: Tensor) -> Tensor:
    """P_l(x) by Bonnet's recurrence."""
    previous, current = torch.ones_like(x), x
    if order == 0:
        return previous
    for n in range(1, order):
        previous, current = current, ((2 * n + 1) * x * current - n * previous) / (n + 1)
    return current


def explicit_sum(y: Tensor, sbf: Tensor, weight: Tensor, graph: Graph) -> Tensor:
    """z_e[c] over the triplets k->j->i with k->j not the reverse of e, angles from the vectors."""
    orders, radial, _ = weight.shape
    source, target = graph.edge_index
    unit = graph.edge_vector / graph.edge_vector.norm(dim=1, keepdim=True)
    radials = torch.einsum("eln,lnc->elc", sbf.reshape(-1, orders, radial), weight)
    rows = []
    for e in range(len(source)):
        total = torch.zeros_like(y[e])
        for k in range(len(source)):
            if target[k] != source[e]:
                continue
            if source[k] == target[e] and (graph.edge_vector[k] + graph.edge_vector[e]).norm() < 1e-9:
                continue
            # At j: towards k is +unit of k->j, towards i is minus unit of j->i.
            cosine = -(unit[k] * unit[e]).sum()
            for order in range(orders):
                norm = math.sqrt((2 * order + 1) / (4 * math.pi))
                total = total + y[k] * radials[k, order] * norm * legendre(order, cosine)
        rows.append(total)
    return torch.stack(rows) if rows else torch.zeros_like(y)


def random_inputs(graph: Graph, orders: int, radial: int, channels: int, seed: int = 0, dtype=torch.float64):
    """y, sbf, weight with random numbers, and the harmonics of the graph."""
    generator = torch.Generator().manual_seed(seed)
    n = graph.edge_index.shape[1]

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    _, harmonics = torch.ops.tlmlp.spherical_harmonics(graph.edge_vector.to(dtype), orders)
    return draw(n, channels), draw(n, orders * radial), draw(orders, radial, channels), harmonics


CELL = [[2.0, 0.0, 0.0], [0.5, 2.2, 0.0], [0.3, -0.4, 1.9]]
#: name -> graph
GRAPHS = {
    "cluster": lambda: make_graph(np.random.default_rng(1).normal(size=(6, 3)), cutoff=2.5),
    "straight chain": lambda: make_graph([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], cutoff=2.5),
    "chain along z": lambda: make_graph([[0, 0, 0], [0, 0, 1], [0, 0, 2]], cutoff=2.5),
    "skewed two-atom cell": lambda: make_graph([[0, 0, 0], [0.9, 1.1, 0.8]], CELL, cutoff=2.4),
    "one-atom cell": lambda: make_graph([[0, 0, 0]], CELL, cutoff=3.1),
}


@pytest.fixture(params=GRAPHS, ids=lambda name: name.replace(" ", "-"))
def graph(request) -> Graph:
    """Each of the named small graphs in turn."""
    return GRAPHS[request.param]()
