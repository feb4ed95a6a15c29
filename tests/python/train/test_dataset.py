"""Graphs, batches, and the order in which frames are drawn."""

import numpy as np
import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.train.data.dataset import Sampler, batches_by_edges, build_graph, collate
from tlmlp.train.evaluation.predictions import predict


@pytest.fixture(scope="module")
def potential():
    return build_potential(
        ["Si", "Ge"],
        4.0,
        seed=3,
        dtype=torch.float64,
        route="plain",
        embed_size=8,
        n_blocks=2,
        num_spherical=3,
        num_radial=3,
    )


def test_a_batch_gives_the_numbers_of_its_frames(lj, potential):
    frames = lj(3, 0) + lj(2, 1, 32)
    graphs = [build_graph(potential, frame) for frame in frames]
    alone = [predict(potential, [graph], virials=True) for graph in graphs]
    together = predict(potential, graphs, virials=True)
    assert collate(graphs).n_frames == 5
    np.testing.assert_allclose(together.energies, np.concatenate([p.energies for p in alone]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(together.forces, np.concatenate([p.forces for p in alone]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(together.virials, np.concatenate([p.virials for p in alone]), rtol=0, atol=1e-12)


def test_batches_by_edges_keep_the_order_and_the_limit(lj, potential):
    graphs = [build_graph(potential, frame) for frame in lj(7, 0)]
    limit = 2 * max(g.n_edges for g in graphs)
    batches = list(batches_by_edges(graphs, limit))
    assert len(batches) > 1 and all(batch.n_edges <= limit for batch in batches)
    assert torch.equal(torch.cat([b.edge_vector for b in batches]), torch.cat([g.edge_vector for g in graphs]))
    assert [b.n_frames for b in batches_by_edges(graphs, 1)] == [1] * 7


def test_unknown_elements_are_named_with_the_frame(lj, potential):
    with pytest.raises(TlmlpError, match="lj-4: the model knows Si, Ge, but the frame holds Cu"):
        build_graph(potential, lj(1, 0, 29)[0])


def test_every_pass_draws_every_frame_once():
    sampler = Sampler(10, 4, seed=1)
    drawn = [index for _ in range(5) for index in sampler.next_batch()]
    assert sorted(drawn[:10]) == list(range(10)) and sorted(drawn[10:]) == list(range(10))
    assert drawn[:10] != drawn[10:]


def test_a_restored_sampler_goes_on_with_the_same_stream():
    first, second = Sampler(10, 4, seed=1), Sampler(10, 4, seed=1)
    for _ in range(7):
        first.next_batch()
    second.load_state_dict(first.state_dict())
    assert [first.next_batch() for _ in range(9)] == [second.next_batch() for _ in range(9)]


def test_seeds_differ_and_small_sets_make_small_batches():
    assert Sampler(10, 10, seed=1).next_batch() != Sampler(10, 10, seed=2).next_batch()
    assert Sampler(1, 5, seed=1).next_batch() == [0]
