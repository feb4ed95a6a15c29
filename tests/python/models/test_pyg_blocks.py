"""Blocks against those of torch_geometric's DimeNet++, where the two share a form.

Its bases carry a factor 1/x more, and no sqrt(2/c); its embedding has a bias and an activation on the radial layer:
the bases are compared up to these factors, the embedding is not.
"""

import math

import pytest
import torch

from tlmlp.models import DimeNetPP, DimeNetPPConfig, EdgeGraph, build_route, oracle
from tlmlp.testing import standard_structures

pyg = pytest.importorskip("torch_geometric.nn.models.dimenet", reason="torch_geometric is not installed")

CUTOFF = 4.3
SILU = torch.nn.functional.silu


@pytest.fixture
def network(route) -> DimeNetPP:
    network = DimeNetPP(DimeNetPPConfig(1, CUTOFF), route=route, seed=5, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(0.5 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return network


@pytest.fixture
def graph():
    """Edges of a random cell in nm, triplets with their angles, and random messages."""
    s = standard_structures()["random"]
    edges = oracle.brute_force_edges(s.positions, s.cell, s.pbc, CUTOFF)
    index = torch.tensor([edge[:2] for edge in edges]).T.contiguous()
    shift = torch.tensor([edge[2] for edge in edges], dtype=torch.float64)
    positions, cell = torch.tensor(s.positions), torch.tensor(s.cell)
    vector = 0.1 * (positions[index[0]] - positions[index[1]] + shift @ cell)
    distance = vector.norm(dim=1)
    kj, ji = torch.tensor(oracle.explicit_triplets(edges)).T
    cosine = -(vector[kj] * vector[ji]).sum(1) / (distance[kj] * distance[ji])
    angle = torch.arccos(cosine.clamp(-1.0, 1.0))
    messages = torch.randn(len(edges), 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return len(s), index, vector, distance, kj, ji, angle, messages


def copy_into(theirs: torch.nn.Module, ours: torch.nn.Module, names: dict[str, str]) -> torch.nn.Module:
    """Their module in float64 with our weights, ``names`` mapping their prefixes to ours; every weight is set."""
    weights = ours.state_dict()
    state = {}
    for name in theirs.state_dict():
        prefix, kind = name.rsplit(".", 1)
        state[name] = weights[f"{names[prefix]}.{kind}"]
    theirs = theirs.to(torch.float64)
    theirs.load_state_dict(state, strict=True)
    return theirs


def test_bases(network, graph):
    _, _, vector, distance, kj, ji, angle, _ = graph
    route, c = network.route, CUTOFF / 10.0
    theirs = pyg.BesselBasisLayer(6, c, envelope_exponent=5).to(torch.float64)
    ours = route.radial_basis(distance, network.frequencies, c, 6)
    with torch.no_grad():
        theirs.freq.copy_(network.frequencies)
        assert torch.allclose(ours, theirs(distance) * math.sqrt(2.0 / c) / c, atol=1e-11)

    # Fewer functions than the network's: the layer generates its formulas symbolically, which takes long.
    spherical, radial = 4, 3
    smaller = build_route(route.name, spherical, radial)
    layer = pyg.SphericalBasisLayer(spherical, radial, c, envelope_exponent=5)
    with_angles = layer(distance, angle, kj) * (distance / c)[kj, None]
    y = smaller.spherical_harmonics(vector, spherical)[1]
    sbf = smaller.spherical_bessel_basis(distance, c, 6, spherical, radial)
    for degree in range(spherical):
        block = slice(degree**2, (degree + 1) ** 2)
        norm = math.sqrt((2 * degree + 1) / (4.0 * math.pi))
        angular = (y[kj, block] * y[ji, block]).sum(1) * (-1.0) ** degree / norm
        columns = slice(radial * degree, radial * (degree + 1))
        # Their zeros of j_l are float32 numbers.
        assert torch.allclose(sbf[kj, columns] * angular[:, None], with_angles[:, columns], atol=1e-5)


def test_residual_layer(network, graph):
    ours = network.interaction[0].before[0]
    theirs = copy_into(pyg.ResidualLayer(32, SILU), ours, {"lin1": "0", "lin2": "1"})
    messages = graph[-1]
    assert torch.allclose(ours(messages), theirs(messages), atol=1e-12)


@pytest.mark.parametrize("b", [0, 3])
def test_interaction_block(network, graph, b):
    n_atoms, index, vector, distance, kj, ji, angle, messages = graph
    ours, route, c = network.interaction[b], network.route, CUTOFF / 10.0
    names = {f"lin_{name}": name for name in ("rbf1", "rbf2", "sbf1", "sbf2", "kj", "ji", "down", "up")}
    names["lin"] = "final"
    for kind, count in (("before", 1), ("after", 2)):
        for k in range(count):
            names[f"layers_{kind}_skip.{k}.lin1"] = f"{kind}.{k}.0"
            names[f"layers_{kind}_skip.{k}.lin2"] = f"{kind}.{k}.1"
    theirs = copy_into(pyg.InteractionPPBlock(32, 16, 8, 7, 6, 1, 2, SILU), ours, names)

    rbf = route.radial_basis(distance, network.frequencies, c, 6)
    angles = oracle.Oracle(network.state_dict(), network.config).directional(distance[kj], torch.cos(angle))
    expected = theirs(messages, rbf, angles, kj, ji)
    edges = EdgeGraph(torch.zeros(n_atoms), index, vector, *route.topology(index, vector, n_atoms))
    y = route.spherical_harmonics(vector, 7)[1]
    sbf = route.spherical_bessel_basis(distance, c, 6, 7, 6)
    got = ours(messages, rbf, sbf, y, edges)
    assert torch.allclose(got, expected, atol=1e-11)


def test_output_block(network, graph):
    n_atoms, index, vector, distance, *_, messages = graph
    ours, route = network.output[2], network.route
    names = {"lin_rbf": "rbf", "lin_up": "up", "lin": "final", **{f"lins.{k}": f"dense.{k}" for k in range(3)}}
    theirs = copy_into(pyg.OutputPPBlock(6, 32, 64, 1, 3, SILU), ours, names)
    rbf = route.radial_basis(distance, network.frequencies, CUTOFF / 10.0, 6)
    edges = EdgeGraph(torch.zeros(n_atoms), index, vector, *route.topology(index, vector, n_atoms))
    got = ours(messages, rbf, edges)
    assert torch.allclose(got, theirs(messages, rbf, index[1], num_nodes=n_atoms)[:, 0], atol=1e-11)
