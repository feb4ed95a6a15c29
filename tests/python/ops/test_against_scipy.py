"""Basis functions of the C++ core and of the operators against scipy."""

import numpy as np
import pytest
import scipy.special
import torch
from scipy.optimize import brentq

from tlmlp import _core

OPS = torch.ops.tlmlp


@pytest.mark.parametrize("order", range(12))
def test_spherical_bessel(order):
    x = np.concatenate([[0.0, 1e-9, 1e-4, 0.01], np.linspace(0.1, 40.0, 400)])
    value, first, second = _core.spherical_bessel(order, x)
    np.testing.assert_allclose(value, scipy.special.spherical_jn(order, x), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(first, scipy.special.spherical_jn(order, x, derivative=True), rtol=1e-10, atol=1e-13)
    inside = x > 0.05
    x, value, first, second = x[inside], value[inside], first[inside], second[inside]
    equation = x**2 * second + 2 * x * first + (x**2 - order * (order + 1)) * value
    np.testing.assert_allclose(equation, 0.0, atol=1e-10)


def test_zeros_and_norms():
    zeros, norms = _core.spherical_bessel_zeros(9, 8)
    for order in range(9):
        for n in range(8):
            z = zeros[order, n]
            root = brentq(lambda x, order=order: scipy.special.spherical_jn(order, x), z - 0.5, z + 0.5, xtol=1e-14)
            assert z == pytest.approx(root, rel=1e-13)
            assert norms[order, n] == pytest.approx(np.sqrt(2) / abs(scipy.special.spherical_jn(order + 1, z)))
        # No zero left out: j_l changes sign exactly n times below the n-th zero.
        grid = np.linspace(1e-3, zeros[order, -1] + 0.1, 20000)
        assert np.count_nonzero(np.diff(np.sign(scipy.special.spherical_jn(order, grid)))) == 8


def real_harmonic(order: int, m: int, unit: np.ndarray) -> np.ndarray:
    """Real orthonormal Y_lm without the Condon-Shortley phase, from scipy's associated Legendre functions."""
    x, y, z = unit.T
    phi = np.arctan2(y, x)
    k = abs(m)
    norm = np.sqrt(
        (2 * order + 1) / (4 * np.pi) * scipy.special.factorial(order - k) / scipy.special.factorial(order + k)
    )
    legendre = scipy.special.lpmv(k, order, z) * (-1) ** k
    if m == 0:
        return norm * legendre
    return np.sqrt(2) * norm * legendre * (np.cos(k * phi) if m > 0 else np.sin(k * phi))


def test_spherical_harmonics():
    unit = np.random.default_rng(0).normal(size=(20, 3))
    unit = np.concatenate([unit / np.linalg.norm(unit, axis=1, keepdims=True), [[0, 0, 1], [0, 0, -1], [1, 0, 0]]])
    lmax = 8
    expected = np.stack([real_harmonic(k, m, unit) for k in range(lmax + 1) for m in range(-k, k + 1)], axis=1)
    np.testing.assert_allclose(_core.spherical_harmonics(unit, lmax), expected, atol=2e-14)
    distance, values = OPS.spherical_harmonics(torch.from_numpy(1.7 * unit), lmax + 1)
    np.testing.assert_allclose(values.numpy(), expected, atol=2e-14)
    np.testing.assert_allclose(distance.numpy(), 1.7, rtol=1e-15)


def envelope(x: np.ndarray, p: int) -> np.ndarray:
    value = 1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2)
    return np.where(x < 1, value, 0.0)


@pytest.mark.parametrize("p", [2, 5, 6])
def test_envelope(p):
    x = np.linspace(0.0, 1.2, 241)
    value, first, second = _core.envelope(x, p)
    np.testing.assert_allclose(value, envelope(x, p), atol=3e-14)
    step = 1e-5
    middle = (np.abs(x - 1) > step) & (x > step)
    numeric = (envelope(x + step, p) - envelope(x - step, p)) / (2 * step)
    np.testing.assert_allclose(first[middle], numeric[middle], atol=1e-7)
    assert value[200] == first[200] == second[200] == 0.0  # at x = 1


@pytest.mark.parametrize(("orders", "radial", "p"), [(7, 6, 6), (3, 9, 5), (10, 10, 8)])
def test_spherical_bessel_basis(orders, radial, p):
    cutoff = 0.5
    distance = np.concatenate([np.linspace(1e-4, 0.6, 701), [0.4999999999, 0.5]])
    zeros, norms = _core.spherical_bessel_zeros(orders, radial)
    x = distance / cutoff
    expected = np.stack(
        [envelope(x, p) * norms[k, n] * scipy.special.spherical_jn(k, zeros[k, n] * np.minimum(x, 1))
         for k in range(orders) for n in range(radial)], axis=1)  # fmt: skip
    actual = OPS.spherical_bessel_basis(torch.from_numpy(distance), cutoff, p, orders, radial).numpy()
    np.testing.assert_allclose(actual, expected, atol=2e-12)
    value, first, second = _core.spherical_bessel_basis(distance, cutoff, p, orders, radial)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    # The operator's derivatives, by autograd, are those of the formulas.
    d = torch.from_numpy(distance).requires_grad_(True)
    weight = torch.linspace(-1, 1, orders * radial, dtype=torch.float64)
    out = OPS.spherical_bessel_basis(d, cutoff, p, orders, radial) @ weight
    (slope,) = torch.autograd.grad(out.sum(), d, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), d)
    np.testing.assert_allclose(slope.detach().numpy(), first @ weight.numpy(), rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(curvature.numpy(), second @ weight.numpy(), rtol=1e-8, atol=1e-4)


def test_radial_basis():
    cutoff, p = 0.5, 6
    distance, frequencies = np.linspace(0.05, 0.6, 200), np.pi * np.arange(1, 7) * 1.03
    x = distance[:, None] / cutoff
    expected = np.sqrt(2 / cutoff) * np.sin(frequencies * x) / distance[:, None] * envelope(x, p)
    actual = OPS.radial_basis(torch.from_numpy(distance), torch.from_numpy(frequencies), cutoff, p)
    np.testing.assert_allclose(actual.numpy(), expected, atol=2e-13)
    np.testing.assert_allclose(_core.radial_basis(distance, frequencies, cutoff, p)[0], expected, atol=2e-13)
