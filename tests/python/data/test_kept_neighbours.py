"""The kept neighbour list gives the edges of a new search, bit by bit, whatever atoms and cell do."""

import numpy as np
import pytest

from tlmlp.data.neighbours import NeighbourList, neighbour_list
from tlmlp.errors import TlmlpError
from tlmlp.testing import standard_structures

CUTOFF = 4.3


def assert_new(skin: NeighbourList, positions, cell, pbc) -> None:
    got = skin.find(positions, cell, pbc)
    expected = neighbour_list(positions, cell, pbc, CUTOFF)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in standard_structures() if name != "no edges"])  # a cell of 500 Å
def test_a_walk_of_atoms_and_cell(name):
    s = standard_structures()[name]
    rng = np.random.default_rng(3)
    skin = NeighbourList(CUTOFF, 0.8)
    positions, cell = s.positions, s.cell
    for step in range(40):
        positions = positions + rng.normal(scale=0.02, size=positions.shape)
        if step % 3 == 0:
            strain = np.eye(3) + rng.normal(scale=0.002, size=(3, 3))
            positions, cell = positions @ strain, cell @ strain
        assert_new(skin, positions, cell, s.pbc)
    assert skin.reuses > 13 and skin.builds + skin.reuses == 40


def test_pairs_that_come_from_outside_the_list():
    """Two atoms that fly at each other, and a box that shrinks around atoms at rest."""
    zero, none = np.zeros((3, 3)), np.zeros(3, dtype=bool)
    skin = NeighbourList(CUTOFF, 0.5)
    counts = []
    for distance in np.arange(9.0, 3.0, -0.11):
        x = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, distance]])
        assert_new(skin, x, zero, none)
        counts.append(skin.find(x, zero, none)[0].shape[1])
    assert counts[0] == 0 and counts[-1] == 2
    all_periodic = np.ones(3, dtype=bool)
    for size in np.arange(9.0, 4.0, -0.07):
        assert_new(skin, np.array([[0.1, 0.2, 0.3]]) * size, np.eye(3) * size, all_periodic)


def test_what_makes_a_list_useless():
    s = standard_structures()["random"]
    skin = NeighbourList(CUTOFF, 0.5)
    assert_new(skin, s.positions, s.cell, s.pbc)
    jumped = s.positions.copy()
    jumped[0] += s.cell[1]  # the same crystal, another image
    for positions, cell, pbc in (
        (jumped, s.cell, s.pbc),
        (s.positions[:-1], s.cell, s.pbc),
        (s.positions, s.cell, np.array([True, True, False])),
        (s.positions @ np.diag([-1.0, 1.0, 1.0]), s.cell, s.pbc),
    ):
        assert_new(skin, positions, cell, pbc)
    assert skin.reuses == 0


def test_bad_input_meets_a_list_that_is_in_use():
    s = standard_structures()["random"]
    skin = NeighbourList(CUTOFF, 0.5)
    skin.find(s.positions, s.cell, s.pbc)
    with pytest.raises(TlmlpError, match="must be finite"):
        skin.find(np.where(np.arange(len(s))[:, None] == 1, np.nan, s.positions), s.cell, s.pbc)
    with pytest.raises(TlmlpError, match="zero volume"):
        skin.find(s.positions, s.cell * [[1], [1], [0]], s.pbc)
    pair = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.2]])
    skin.find(pair, np.zeros((3, 3)), np.zeros(3, dtype=bool))
    with pytest.raises(TlmlpError, match=r"atoms . and . coincide"):
        skin.find(pair * 0.0, np.zeros((3, 3)), np.zeros(3, dtype=bool))
    with pytest.raises(TlmlpError, match="`skin` must be a length in Å, 0 or more, got -1"):
        NeighbourList(CUTOFF, -1)
