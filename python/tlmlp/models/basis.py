"""Basis functions in standard torch operators, scriptable and differentiable to any order.

Nothing here divides by sin(theta) or takes an arc cosine: the harmonics are polynomials in the components of the
unit vector, so straight angles are ordinary points.
"""

import math

import torch
from torch import Tensor

from tlmlp.models.bessel import bessel_norms, bessel_zeros


def bessel_tables(num_spherical: int, num_radial: int) -> tuple[Tensor, Tensor]:
    """Zeros z_ln and norms N_ln of the spherical Bessel functions, each (num_spherical, num_radial) float64."""
    zeros = torch.tensor(bessel_zeros(num_spherical, num_radial), dtype=torch.float64)
    return zeros, torch.tensor(bessel_norms(num_spherical, num_radial), dtype=torch.float64)


def harmonic_norms(num_spherical: int) -> list[float]:
    """Factor of Y_lm for m >= 0, flat with index l * num_spherical + m: real, orthonormal, no (-1)^m phase."""
    norms = [0.0] * (num_spherical * num_spherical)
    for degree in range(num_spherical):
        for m in range(degree + 1):
            ratio = math.factorial(degree - m) / math.factorial(degree + m)
            twice = 1.0 if m == 0 else 2.0
            norms[degree * num_spherical + m] = math.sqrt(twice * (2 * degree + 1) / (4.0 * math.pi) * ratio)
    return norms


def envelope(x: Tensor, exponent: int) -> Tensor:
    """u(x) = 1 + a x^p + b x^(p+1) + g x^(p+2), zero from x = 1 on; twice continuously differentiable: equation (1)
    of docs/background/theory.md."""
    p = float(exponent)
    a = -0.5 * (p + 1.0) * (p + 2.0)
    b = p * (p + 2.0)
    g = -0.5 * p * (p + 1.0)
    inside = 1.0 + x**exponent * (a + x * (b + x * g))
    return torch.where(x < 1.0, inside, torch.zeros_like(x))


def radial_basis(distance: Tensor, frequencies: Tensor, cutoff: float, exponent: int) -> Tensor:
    """e_n(d) = sqrt(2 / c) sin(f_n d / c) / d u(d / c), shape (E, num_radial): equation (2) of docs/background/theory.md."""
    x = distance / cutoff
    scale = math.sqrt(2.0 / cutoff) * envelope(x, exponent) / distance
    return torch.sin(x.unsqueeze(1) * frequencies) * scale.unsqueeze(1)


def spherical_bessel(order: int, t: Tensor) -> Tensor:
    """j_l(t) for t > 0: power series below l + 1, where the upward recursion loses all digits, else the recursion."""
    small = t < order + 1.0
    border = torch.full_like(t, order + 1.0)
    near = torch.where(small, t, border)
    far = torch.where(small, border, t)

    current = torch.sin(far) / far
    previous = torch.cos(far) / far
    for k in range(order):
        following = (2.0 * k + 1.0) / far * current - previous
        previous = current
        current = following

    square = -0.5 * near * near
    series = torch.ones_like(near)
    for i in range(22):
        k = 22 - i
        series = 1.0 + series * square / (k * (2.0 * order + 2.0 * k + 1.0))
    leading = 1.0
    for k in range(order):
        leading = leading * (2.0 * k + 3.0)
    return torch.where(small, series * near**order / leading, current)


def spherical_bessel_basis(distance: Tensor, cutoff: float, exponent: int, zeros: Tensor, norms: Tensor) -> Tensor:
    """u(x) N_ln j_l(z_ln x) with x = d / c, shape (E, L * num_radial), index l * num_radial + (n - 1): the radial part of
    equation (3) of docs/background/theory.md.

    Evaluated in float64 whatever the dtype: the recursion of j_l amplifies rounding errors.
    """
    x = distance.to(torch.float64) / cutoff
    t = x.unsqueeze(1).unsqueeze(2) * zeros
    rows: list[Tensor] = []
    for order in range(zeros.shape[0]):
        rows.append(spherical_bessel(order, t[:, order]) * norms[order])
    basis = torch.cat(rows, dim=1) * envelope(x, exponent).unsqueeze(1)
    return basis.to(distance.dtype)


def spherical_harmonics(unit: Tensor, num_spherical: int, norms: list[float]) -> Tensor:
    """Real orthonormal Y_lm of unit vectors (E, 3), shape (E, num_spherical^2), index l * l + l + m.

    Y_lm = N_lm Pi_lm(z) Re (x + iy)^m for m >= 0 and Im for m < 0, where Pi_lm = P_lm / (1 - z^2)^(m/2) follows the
    recursion of the associated Legendre functions.
    """
    x, y, z = unit[:, 0], unit[:, 1], unit[:, 2]
    real: list[Tensor] = [torch.ones_like(x)]
    imaginary: list[Tensor] = [torch.zeros_like(x)]
    for m in range(num_spherical - 1):
        real.append(x * real[m] - y * imaginary[m])
        imaginary.append(x * imaginary[m] + y * real[m])

    columns: list[Tensor] = [torch.zeros_like(x)] * (num_spherical * num_spherical)
    diagonal = 1.0
    for m in range(num_spherical):
        if m > 0:
            diagonal = diagonal * (2.0 * m - 1.0)
        before_last = torch.zeros_like(z)
        last = torch.full_like(z, diagonal)
        for degree in range(m, num_spherical):
            if degree > m:
                following = ((2.0 * degree - 1.0) * z * last - (degree + m - 1.0) * before_last) / float(degree - m)
                before_last = last
                last = following
            scaled = last * norms[degree * num_spherical + m]
            centre = degree * degree + degree
            columns[centre + m] = scaled * real[m]
            if m > 0:
                columns[centre - m] = scaled * imaginary[m]
    return torch.stack(columns, dim=1)
