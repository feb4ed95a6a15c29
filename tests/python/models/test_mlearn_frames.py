"""The oracle against both routes on frames of the mlearn data that are known to break codes."""

import numpy as np
import pytest

from tlmlp.data import perpendicular_widths, read_frames
from tlmlp.models import oracle
from tlmlp.testing import TOLERANCES, check_same
from tlmlp.testing.backends import oracle_backend, potential_backend

CUTOFF = 4.3


@pytest.fixture(scope="module")
def silicon(mlearn_dir):
    return read_frames(str(mlearn_dir / "Si" / "training.json"))


def test_narrow_skewed_cell(silicon, route, make_potential):
    """The narrowest cell: images beyond the nearest one belong to the neighbours."""
    frame = min(silicon, key=lambda frame: perpendicular_widths(frame.cell).min())
    assert perpendicular_widths(frame.cell).min() < 2.0 * CUTOFF
    potential = make_potential(("Si",), route)
    check_same(potential_backend(potential)(frame), oracle_backend(potential)(frame), TOLERANCES["float64"])


def test_exact_straight_angles(silicon, route, make_potential):
    """A strained crystal, whose straight angles are exact."""
    frame = next(frame for frame in silicon if frame.group == "Elastic")
    edges = oracle.brute_force_edges(frame.positions, frame.cell, frame.pbc, CUTOFF)
    vectors = np.array([frame.positions[j] + np.array(s) @ frame.cell - frame.positions[i] for j, i, s in edges])
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    straight = [np.dot(unit[k], -unit[e]) < -1.0 + 1e-12 for k, e in oracle.explicit_triplets(edges)]
    assert any(straight)
    potential = make_potential(("Si",), route)
    check_same(potential_backend(potential)(frame), oracle_backend(potential)(frame), TOLERANCES["float64"])
