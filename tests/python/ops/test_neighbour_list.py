"""The neighbour list inside the operator library against a loop over periodic images."""

import itertools

import numpy as np
import pytest
import torch

OPS = torch.ops.tlmlp


def brute_force(positions, cell, pbc, cutoff, images=4):
    spans = [range(-images, images + 1) if periodic else range(1) for periodic in pbc]
    found = set()
    for shift in itertools.product(*spans):
        offset = np.array(shift) @ cell
        vectors = positions[None, :, :] + offset - positions[:, None, :]  # [target, source]
        close = np.linalg.norm(vectors, axis=2) < cutoff
        if shift == (0, 0, 0):
            np.fill_diagonal(close, False)
        found.update((int(j), int(i), *shift) for i, j in zip(*np.nonzero(close), strict=True))
    return found


def listed(positions, cell, pbc, cutoff):
    index, shifts = OPS.neighbour_list(torch.from_numpy(positions), torch.from_numpy(cell), torch.tensor(pbc), cutoff)
    rows = [(int(j), int(i), *map(int, s)) for (j, i), s in zip(index.t(), shifts, strict=True)]
    assert len(set(rows)) == len(rows)
    assert rows == sorted(rows, key=lambda row: (row[1], row[0], row[2:]))
    return set(rows)


SKEWED = np.array([[4.0, 0.0, 0.0], [3.4, 2.6, 0.0], [-2.9, 2.2, 2.3]])


@pytest.mark.parametrize("pbc", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("seed", [0, 1])
def test_skewed_cell_and_mixed_periodicity(pbc, seed):
    positions = np.random.default_rng(seed).uniform(-6.0, 9.0, size=(7, 3))  # many atoms outside the cell
    expected = brute_force(positions, SKEWED, pbc, 4.1, images=14)
    assert listed(positions, SKEWED, list(pbc), 4.1) == expected


def test_one_atom_whose_neighbours_are_its_images():
    cell = np.diag([2.0, 2.5, 30.0])
    found = listed(np.zeros((1, 3)), cell, [True, True, False], 6.1)
    assert found == brute_force(np.zeros((1, 3)), cell, [True, True, False], 6.1)
    assert all((j, i, -a, -b, -c) in found for i, j, a, b, c in found)


def test_list_is_symmetric_where_distances_equal_the_cutoff():
    """Perfect lattice, cutoff on a neighbour shell: rounding must not keep one direction of a pair alone."""
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    a = 5.431
    for cutoff in (a / np.sqrt(2), a, a * np.sqrt(1.5)):
        found = listed(basis * a + 0.1, np.eye(3) * a, [True, True, True], float(cutoff))
        assert all((i, j, -s, -t, -u) in found for j, i, s, t, u in found)


def test_directions_without_periodicity_need_no_cell_vector():
    positions = np.random.default_rng(2).normal(size=(6, 3)) * 2
    for cell, pbc in [
        (np.zeros((3, 3)), [False, False, False]),
        (np.array([[0, 0, 0], [0, 3.0, 0.4], [0, 0, 0]]), [False, True, False]),
        (np.array([[3.0, 0, 0], [0.7, 3.1, 0], [0, 0, 0]]), [True, True, False]),
    ]:
        assert listed(positions, cell, pbc, 3.0) == brute_force(positions, cell, pbc, 3.0)


def test_isolated_and_absent_atoms():
    for n in (0, 1):
        index, shifts = OPS.neighbour_list(torch.zeros(n, 3), torch.eye(3) * 9, torch.zeros(3, dtype=torch.bool), 3.0)
        assert index.shape == (2, 0) and shifts.shape == (0, 3)
        assert index.dtype == shifts.dtype == torch.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": torch.zeros(2, 2)}, "`positions` must have shape"),
        ({"positions": torch.full((2, 3), float("nan"))}, "not finite"),
        ({"cell": torch.eye(2)}, "`cell` must have shape"),
        ({"cell": torch.tensor([[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0]])}, "must have a volume"),
        ({"pbc": torch.ones(3)}, "`pbc` must be bool"),
        ({"cutoff": -1.0}, "`cutoff` must be positive"),
    ],
)
def test_bad_input(change, message):
    good = {"positions": torch.rand(2, 3), "cell": torch.eye(3), "pbc": torch.ones(3, dtype=torch.bool), "cutoff": 1.0}
    with pytest.raises((ValueError, TypeError), match=message):
        OPS.neighbour_list(*{**good, **change}.values())
