"""A planted pair is found in the bin that a hard histogram has it in, at any place of any cell."""

import freud
import numpy as np
import pytest

from tlmlp.analysis.close_pairs import BINS, PairCheck, default_min_distance, min_distances

CELLS = {
    "cube": np.diag([9.0, 9.0, 9.0]),
    "skewed": np.array([[9.0, 0.0, 0.0], [7.0, 8.0, 0.0], [-6.0, 5.0, 9.0]]),
    "left-handed": np.array([[0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 9.0]]),
}
PLACES = ([4.0, 4.0, 4.0], [0.01, 8.99, 4.5], [-20.0, 31.0, 0.0])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_planted_pair_is_found_in_its_bin(cell):
    check = PairCheck(["Ge"] * 3, min_distances(["Ge"], 2.0))
    direction = np.array([2.0, -1.0, 2.0]) / 3.0
    for place in PLACES:
        for distance in (0.31, 1.51, 1.9899, 1.9901, 1.9999, 2.0001, 2.4):
            start = np.array(place)
            far = start + 0.5 * cell.sum(axis=0)
            positions = np.array([start, far, start + distance * direction + cell[1] - 2 * cell[2]])
            smallest, close = check.closest(positions, cell, np.ones(3, bool))
            assert smallest == pytest.approx(distance, abs=1e-9)
            if distance > 2.0:
                assert close is None
                continue
            counts, edges = np.histogram([distance], BINS, (0.0, 2.0))
            bin_ = int(np.flatnonzero(counts)[0])
            assert close.atoms == (0, 2) and close.elements == ("Ge", "Ge")
            assert close.distance == pytest.approx(distance, abs=1e-9)
            np.testing.assert_allclose(close.bin, edges[bin_ : bin_ + 2], atol=1e-6)


def test_the_bin_is_the_one_that_freud_fills():
    rdf = freud.density.RDF(bins=BINS, r_max=2.0)
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 1.553, 0.0]])
    rdf.compute((freud.box.Box.cube(9.0), positions))
    (filled,) = np.flatnonzero(rdf.rdf)
    _, close = PairCheck(["Si", "Si"], {"Si-Si": 2.0}).closest(positions, np.eye(3) * 9.0, np.ones(3, bool))
    np.testing.assert_allclose(close.bin, rdf.bin_edges[filled : filled + 2], atol=1e-6)


def test_images_of_an_atom_itself_and_open_directions():
    check = PairCheck(["Si"], {"Si-Si": 2.0})
    narrow = np.diag([1.8, 9.0, 9.0])
    _, close = check.closest(np.array([[0.3, 0.0, 0.0]]), narrow, np.ones(3, bool))
    assert close.atoms == (0, 0) and close.distance == pytest.approx(1.8)
    assert check.closest(np.array([[0.3, 0.0, 0.0]]), narrow, np.array([False, True, True])) == (None, None)
    assert check.closest(np.array([[0.3, 0.0, 0.0]]), np.eye(3), np.zeros(3, bool)) == (None, None)


def test_limits_of_elements():
    assert default_min_distance("Ge", "Ge") == 2.0  # that of the definition
    assert default_min_distance("Si", "Si") == 1.85 and default_min_distance("H", "O") == 0.81
    limits = min_distances(["Si", "H", "Si"])
    assert limits == {"H-H": 0.52, "H-Si": 1.18, "Si-Si": 1.85} and set(min_distances(["Si"], 1.1).values()) == {1.1}
    check = PairCheck(["Si", "Si", "H", "H"], limits)
    positions = np.array([[0.0, 0.0, 0.0], [1.9, 0.0, 0.0], [0.0, 5.0, 0.0], [0.6, 5.0, 0.0]])
    smallest, close = check.closest(positions, np.eye(3) * 12.0, np.ones(3, bool))
    assert close is None and smallest == pytest.approx(0.6)
    positions[0, 0] = 0.06  # further below its limit, though not the closest pair
    _, close = check.closest(positions, np.eye(3) * 12.0, np.ones(3, bool))
    assert close.elements == ("Si", "Si")
