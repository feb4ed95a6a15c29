"""Displacements and diffusion against straight lines, direct sums and walks whose coefficient is known."""

import freud
import numpy as np
import pytest
from ase import Atoms

from tlmlp.analysis.diffusion import square_displacements, without_drift
from tlmlp.analysis.structure import analyse


def test_a_free_particle_is_exact(write):
    """v² t² at every lag, also where the path crosses the cell many times."""
    velocity = np.array([3.0, -2.0, 1.0])  # Å/ps
    times = 0.1 * np.arange(80)
    path = np.array([0.1, 0.2, 0.3]) + times[:, None] * velocity
    for wrapped in (False, True):
        frames = [Atoms("Ar", [p % 4.0 if wrapped else p], cell=[4.0] * 3, pbc=True) for p in path]
        found = analyse([write(frames)], cutoff=3.0)
        np.testing.assert_allclose(found.msd.x, times[:41], atol=1e-12)
        np.testing.assert_allclose(found.msd.mean, 14.0 * times[:41] ** 2, rtol=1e-6, atol=1e-6)  # 8 digits in the file


def test_it_equals_the_direct_sum_and_freud(wander):
    path = wander(60, 7, 5.0, 0.3)
    each = square_displacements(path)
    found = each.sum(axis=2).mean(axis=1)
    direct = [((path[lag:] - path[: 60 - lag]) ** 2).sum(axis=2).mean() for lag in range(60)]
    np.testing.assert_allclose(found, direct, rtol=1e-10, atol=1e-12)
    along_x = [((path[lag:, 3, 0] - path[: 60 - lag, 3, 0]) ** 2).mean() for lag in range(60)]
    np.testing.assert_allclose(each[:, 3, 0], along_x, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(freud.msd.MSD().compute(path).msd, direct, rtol=1e-3, atol=1e-3)
    far = square_displacements(path + 1e5).sum(axis=2).mean(axis=1)
    np.testing.assert_allclose(far, direct, rtol=1e-6, atol=1e-6)


def test_the_centre_of_mass_can_be_left_out(wander):
    path, masses = wander(30, 4, 5.0, 0.3), np.array([1.0, 2.0, 3.0, 4.0])
    still = without_drift(path + np.arange(30.0)[:, None, None], masses)
    np.testing.assert_allclose(np.einsum("fnx,n->fx", still, masses), 0.0, atol=1e-12)
    np.testing.assert_allclose(still, without_drift(path, masses), atol=1e-12)


def test_a_random_walk_has_its_coefficient(wander, write):
    """Steps of variance s² per direction every dt: D = s²/(2 dt); without the drift of n atoms (1 - 1/n) of it."""
    n, step, dt = 40, 0.2, 0.1
    exact = step**2 / (2 * dt)
    paths = [wander(400, n, 12.0, step, seed) for seed in range(6)]
    files = [
        write([Atoms(f"Ar{n}", p % 12.0, cell=[12.0] * 3, pbc=True) for p in path], f"{k}.extxyz", dt)
        for k, path in enumerate(paths)
    ]
    one = analyse(files[:1], cutoff=3.0, keep_drift=True, r_max=1.0)
    value, error = one.diffusion_coefficient
    assert abs(value - exact) < 4 * error and 0.001 * exact < error < 0.1 * exact
    many = analyse(files, cutoff=3.0, r_max=1.0)
    value, error = many.diffusion_coefficient
    assert abs(value - exact * (1 - 1 / n)) < 4 * error < 0.2 * exact
    coefficients = [each.coefficient for each in many.diffusions]
    assert error == pytest.approx(np.std(coefficients, ddof=1) / np.sqrt(6))
    # The error of each says how the six scatter; their deviation itself is known to a third.
    expected = np.mean([each.error for each in many.diffusions])
    assert 0.4 * expected < np.std(coefficients, ddof=1) < 2.0 * expected


def test_why_there_is_no_coefficient(silicon, write):
    few = analyse([write(silicon)])
    assert few.msd is not None and few.diffusion_coefficient is None and "has 8 frames" in few.why_no_msd
    for atoms in silicon:
        atoms.info.clear()
    import ase.io

    path = write(silicon).with_name("timeless.extxyz")
    ase.io.write(path, silicon)
    found = analyse([path])
    assert found.msd is None and "--frame-fs" in found.why_no_msd
    assert analyse([path], frame_fs=10.0).msd.x[1] == pytest.approx(0.01)
