"""Basis functions of the plain route against scipy, published constants and their own definition."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from tlmlp.models import basis, build_route
from tlmlp.models.bessel import bessel_norms, bessel_zeros, spherical_jn

CUTOFF = 0.5


def test_constants():
    zeros, norms = bessel_zeros(7, 6), bessel_norms(7, 6)
    published = {(0, 1): 4.44288294, (0, 6): 26.65729763, (1, 1): 6.51010423, (3, 1): 10.56854727}
    published |= {(6, 1): 16.68575941, (6, 6): 39.460096}
    for (order, n), value in published.items():
        assert norms[order][n - 1] == pytest.approx(value, abs=6e-9 if (order, n) != (6, 6) else 6e-7)
    assert zeros[0][0] == pytest.approx(math.pi, abs=1e-14)
    assert zeros[1][0] == pytest.approx(4.4934094579, abs=1e-10)
    assert zeros[3][5] == pytest.approx(23.3042469889, abs=1e-10)
    assert zeros[6][5] == pytest.approx(27.5078683649, abs=1e-10)


def test_pure_python_bessel_functions():
    for order in range(13):
        for x in (1e-3, 0.3, 2.0, 6.9, 7.1, 12.0, 40.0):
            assert spherical_jn(order, x) == pytest.approx(special.spherical_jn(order, x), rel=1e-11, abs=1e-15)


def test_bessel_basis_is_orthonormal_on_the_ball():
    """Integral of x^2 f_ln f_ln' over (0, 1) without the envelope is the unit matrix."""
    zeros, norms = bessel_zeros(7, 6), bessel_norms(7, 6)
    for order in (0, 3, 6):
        for n in range(3):
            for k in range(3):

                def product(x, n=n, k=k, order=order):
                    functions = [norms[order][i] * special.spherical_jn(order, zeros[order][i] * x) for i in (n, k)]
                    return x * x * functions[0] * functions[1]

                assert integrate.quad(product, 0, 1)[0] == pytest.approx(float(n == k), abs=1e-10)


def test_envelope():
    x = torch.linspace(0.0, 1.2, 121, dtype=torch.float64, requires_grad=True)
    u = basis.envelope(x, 6)
    inside = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
    assert torch.allclose(u[:100], inside[:100], atol=1e-14)
    assert (u[x >= 1.0] == 0.0).all()
    edge = torch.tensor([1.0 - 1e-6], dtype=torch.float64, requires_grad=True)
    value = basis.envelope(edge, 6)
    (first,) = torch.autograd.grad(value, edge, create_graph=True)
    (second,) = torch.autograd.grad(first, edge)
    assert abs(value) < 1e-15 and abs(first) < 1e-9 and abs(second) < 1e-3


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 5e-6)])
def test_radial_and_spherical_bessel_basis_are_those_of_scipy(route, dtype, tolerance):
    module = build_route(route, 7, 6)
    d = np.concatenate([np.linspace(0.002, 0.6, 200), [CUTOFF]])
    x = d / CUTOFF
    u = np.where(x < 1.0, 1 - 28 * x**6 + 48 * x**7 - 21 * x**8, 0.0)
    distance = torch.tensor(d, dtype=dtype)

    frequencies = np.pi * np.arange(1, 7)
    expected = np.sqrt(2.0 / CUTOFF) * np.sin(frequencies * x[:, None]) / d[:, None] * u[:, None]
    got = module.radial_basis(distance, torch.tensor(frequencies, dtype=dtype), CUTOFF, 6)
    assert got.numpy() == pytest.approx(expected, abs=tolerance * np.abs(expected).max())

    zeros, norms = bessel_zeros(7, 6), bessel_norms(7, 6)
    got = module.spherical_bessel_basis(distance, CUTOFF, 6, 7, 6).numpy()
    for order in range(7):
        for n in range(6):
            function = u * norms[order][n] * special.spherical_jn(order, zeros[order][n] * x)
            assert got[:, order * 6 + n] == pytest.approx(function, abs=tolerance * 40.0)


def test_harmonics_obey_the_addition_theorem(route):
    """sum_m Y_lm(u) Y_lm(w) = (2 l + 1) / 4 pi P_l(u.w): orthonormal in every degree, whatever the phases."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(40, 3, dtype=torch.float64, generator=generator)
    vectors[0] = torch.tensor([0.0, 0.0, 2.0])
    vectors[1] = torch.tensor([0.0, 0.0, -0.3])
    distance, y = build_route(route, 7, 6).spherical_harmonics(vectors, 7)
    assert torch.allclose(distance, vectors.norm(dim=1))
    cosine = ((vectors / distance[:, None]) @ (vectors / distance[:, None]).T).numpy()
    for order in range(7):
        block = y[:, order**2 : (order + 1) ** 2].numpy()
        expected = (2 * order + 1) / (4 * np.pi) * special.eval_legendre(order, cosine)
        assert block @ block.T == pytest.approx(expected, abs=1e-13)


def test_plain_functions_have_right_derivatives_to_second_order():
    route = build_route("plain", 4, 3)
    generator = torch.Generator().manual_seed(0)
    vectors = 0.2 * torch.randn(5, 3, dtype=torch.float64, generator=generator)
    vectors[0] = torch.tensor([0.0, 0.0, 0.3])
    vectors.requires_grad_(True)
    frequencies = torch.tensor([3.0, 6.0, 9.5], dtype=torch.float64, requires_grad=True)

    def functions(v, f):
        distance, y = route.spherical_harmonics(v, 4)
        radial = route.radial_basis(distance, f, CUTOFF, 6)
        return y, radial, route.spherical_bessel_basis(distance, CUTOFF, 6, 4, 3)

    assert torch.autograd.gradcheck(functions, (vectors, frequencies))
    assert torch.autograd.gradgradcheck(functions, (vectors, frequencies))
