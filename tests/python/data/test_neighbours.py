"""The neighbour list against a sum over all images, in cells of any shape."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tlmlp.data import neighbour_list, perpendicular_widths, read_frames
from tlmlp.data.check import minimum_image_edges
from tlmlp.errors import TlmlpError

CUTOFF = 4.3  # Å, of the models for DFT data


def image_sum(positions, cell, pbc, cutoff, margin=1e-9):
    """Rows (target, source, shift) in order, by trying every image that can be within reach, and whether each is too
    close to the cutoff to call.

    Along periodic axis a the fractional distance of two atoms plus the shift is at most cutoff / width_a, so the shift
    is at most that plus the spread of the atoms.
    """
    pbc = np.asarray(pbc)
    rows = cell.copy()
    if not pbc.all():  # any independent vectors do in the open directions
        rows[~pbc] = np.linalg.svd(cell[pbc])[2][pbc.sum() :] if pbc.any() else np.eye(3)
    inverse = np.linalg.inv(rows)
    reach = cutoff * np.linalg.norm(inverse, axis=0)  # cutoff over the perpendicular widths
    fractional = positions @ inverse
    spread = np.ptp(fractional, axis=0)
    limit = np.where(pbc, np.floor(reach + spread + 1e-9), 0).astype(int)
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in limit))))
    translations = shifts @ np.where(pbc[:, None], cell, 0.0)
    vectors = positions[None, None] - positions[None, :, None] + translations[:, None, None]  # image, target, source
    distance = np.sqrt(np.einsum("stjx,stjx->stj", vectors, vectors))
    diagonal = np.arange(len(positions))
    distance[(shifts == 0).all(axis=1).argmax(), diagonal, diagonal] = np.inf
    image, target, source = np.nonzero(distance < cutoff + margin)
    edges = np.column_stack([target, source, shifts[image]])
    unsure = np.abs(distance[image, target, source] - cutoff) <= margin
    order = np.lexsort(edges.T[::-1])
    return edges[order], unsure[order]


def assert_right(positions, cell, pbc, cutoff):
    """The list equals the image sum, is sorted, and holds each edge's exact opposite."""
    edge_index, vectors, shifts = neighbour_list(positions, cell, pbc, cutoff)
    assert edge_index.dtype == shifts.dtype == np.int64 and vectors.dtype == np.float64
    source, target = edge_index
    edges = np.column_stack([target, source, shifts])
    order = np.lexsort(edges.T[::-1])
    assert np.array_equal(order, np.arange(len(edges)))
    expected, unsure = image_sum(positions, cell, pbc, cutoff)
    if unsure.any():  # edges within rounding of the cutoff may be in or out
        doubtful = set(map(tuple, expected[unsure].tolist()))
        sure = [edge for edge in map(tuple, edges.tolist()) if edge not in doubtful]
        assert sure == list(map(tuple, expected[~unsure].tolist()))
    else:
        assert np.array_equal(edges, expected)
    rebuilt = positions[source] - positions[target] + shifts @ cell
    assert np.allclose(vectors, rebuilt, atol=1e-10, rtol=0)
    reversed_edges = np.column_stack([source, target, -shifts])
    reverse = np.lexsort(reversed_edges.T[::-1])
    assert np.array_equal(reversed_edges[reverse], edges) and np.array_equal(-vectors[reverse], vectors)


@st.composite
def skewed_systems(draw):
    n = draw(st.integers(1, 6))
    unit = st.floats(-1.0, 1.0, width=32)
    cell = np.diag(draw(arrays(np.float64, 3, elements=st.floats(2.0, 6.0)))) + np.tril(
        8.0 * draw(arrays(np.float64, (3, 3), elements=unit)), -1
    )
    rotation = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 99))).standard_normal((3, 3)))[0]
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    cell = cell @ rotation
    # Atoms also lie outside the cell, as they do in trajectories that are not wrapped.
    positions = (3.0 * random.random((n, 3)) - 1.0) @ cell
    pbc = np.array(draw(st.tuples(st.booleans(), st.booleans(), st.booleans())))
    return positions, cell, pbc, draw(st.floats(1.0, 5.0))


@settings(max_examples=120, deadline=None)
@given(skewed_systems())
def test_random_skewed_cells(system):
    assert_right(*system)


def test_every_mlearn_frame_equals_the_image_sum(mlearn_dir):
    lossy = []
    for element, name in itertools.product(("Si", "Ge"), ("training", "test")):
        for frame in read_frames(mlearn_dir / element / f"{name}.json"):
            assert_right(frame.positions, frame.cell, frame.pbc, CUTOFF)
            n_edges = neighbour_list(frame.positions, frame.cell, frame.pbc, CUTOFF)[0].shape[1]
            if frame.group != "Surface" and minimum_image_edges(frame, CUTOFF) < n_edges:
                lossy.append((element, name))
    # A minimum-image search would silently lose edges in 25 of the silicon frames that the studies use.
    assert lossy == [("Si", "training")] * 21 + [("Si", "test")] * 4


def test_one_atom_sees_its_images():
    edge_index, vectors, shifts = neighbour_list(np.zeros((1, 3)), 2.0 * np.eye(3), True, 2.5)
    assert edge_index.shape == (2, 6) and not edge_index.any()
    assert np.array_equal(np.sort(np.linalg.norm(vectors, axis=1)), np.full(6, 2.0))
    assert np.array_equal(2.0 * shifts, vectors)


def test_the_cutoff_itself_is_outside():
    positions = np.array([[0.0, 0, 0], [3.0, 0, 0]])
    assert neighbour_list(positions, np.zeros((3, 3)), False, 3.0)[0].shape == (2, 0)
    edge_index, vectors, _ = neighbour_list(positions, np.zeros((3, 3)), False, np.nextafter(3.0, 4.0))
    assert edge_index.tolist() == [[1, 0], [0, 1]]  # row 0 is the source, sorted by the target in row 1
    assert vectors[0].tolist() == [3.0, 0.0, 0.0]  # from the target to the source


@pytest.mark.parametrize(
    ("positions", "cell", "cutoff", "message"),
    [
        (np.full((2, 3), np.nan), np.eye(3), 4.0, "finite"),
        (np.zeros((2, 2)), np.eye(3), 4.0, r"shape \(n, 3\)"),
        (np.zeros((2, 3)), np.zeros(3), 4.0, r"shape \(3, 3\), got \(3,\)"),
        (np.zeros((2, 3)), np.ones((3, 3)), 4.0, "zero volume"),
        (np.zeros((2, 3)), 9.0 * np.eye(3), 4.0, "atoms 1 and 0 coincide"),
        (np.zeros((1, 3)), 9.0 * np.eye(3), 0.0, "positive length"),
        (np.zeros((1, 3)), 9.0 * np.eye(3), np.nan, "positive length"),
    ],
)
def test_bad_input_gives_one_line(positions, cell, cutoff, message):
    with pytest.raises(TlmlpError, match=message):
        neighbour_list(positions, cell, True, cutoff)


def test_widths_of_a_leaning_cell():
    cell = np.array([[4.0, 0, 0], [40.0, 3.0, 0], [0, 0, 5.0]])
    assert perpendicular_widths(cell) == pytest.approx([4 * 3 / np.hypot(40, 3), 3.0, 5.0])
