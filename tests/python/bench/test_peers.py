"""What the comparison with other codes gives them: triplets and shifts of the standard systems."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tlmlp.bench.systems import CUTOFF, silicon
from tlmlp.data.neighbours import neighbour_list

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def system():
    spec = importlib.util.spec_from_file_location("measure", ROOT / "benchmarks" / "peers" / "measure.py")
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    frame = next(silicon(64))
    edge_index, edge_vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, CUTOFF)
    return measure.System(14, frame.positions, frame.cell, edge_index, edge_vector)


def test_triplets_are_all_pairs_of_edges_that_share_their_middle_atom(system):
    kj, ji = system.triplets()
    source, target = system.edge_index
    shared = (target[:, None] == source[None, :]) & (source[:, None] != target[None, :])
    expected = {(int(a), int(b)) for a, b in np.argwhere(shared)}
    assert len(kj) == len(expected) == 64 * 28 * 27
    assert set(zip(kj.tolist(), ji.tolist(), strict=True)) == expected


def test_shifts_are_lattice_vectors(system):
    images = system.shift @ np.linalg.inv(system.cell)
    np.testing.assert_allclose(images, np.round(images), atol=1e-9)
