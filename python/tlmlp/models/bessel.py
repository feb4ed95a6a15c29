"""Constants of the spherical Bessel basis: zeros of j_l and their normalisation, in pure Python."""

import functools
import itertools
import math


def spherical_jn(order: int, x: float) -> float:
    """j_l(x) for x > 0: power series below l + 1 (where the recursion loses digits), else upward recursion."""
    if x < order + 1.0:
        term = x**order
        for k in range(1, order + 1):
            term /= 2 * k + 1
        total, k = term, 0
        while abs(term) > 1e-18 * abs(total):
            k += 1
            term *= -0.5 * x * x / (k * (2 * order + 2 * k + 1))
            total += term
        return total
    previous, current = math.cos(x) / x, math.sin(x) / x
    for k in range(order):
        previous, current = current, (2 * k + 1) / x * current - previous
    return current


@functools.lru_cache(maxsize=32)
def bessel_zeros(num_spherical: int, num_radial: int) -> tuple[tuple[float, ...], ...]:
    """``zeros[l][n - 1]``, the n-th positive zero of j_l.

    The zeros of j_(l+1) interlace those of j_l, which gives brackets for a bisection.
    """
    row = [math.pi * (n + 1) for n in range(num_radial + num_spherical - 1)]
    rows = [tuple(row[:num_radial])]
    for order in range(1, num_spherical):
        row = [_bisect(order, low, high) for low, high in itertools.pairwise(row)]
        rows.append(tuple(row[:num_radial]))
    return tuple(rows)


def _bisect(order: int, low: float, high: float) -> float:
    sign = math.copysign(1.0, spherical_jn(order, low))
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if math.copysign(1.0, spherical_jn(order, middle)) == sign:
            low = middle
        else:
            high = middle


@functools.lru_cache(maxsize=32)
def bessel_norms(num_spherical: int, num_radial: int) -> tuple[tuple[float, ...], ...]:
    """``norms[l][n - 1]`` = sqrt(2) / |j_(l+1)(z_ln)|, which normalises j_l(z_ln x) on the unit ball."""
    zeros = bessel_zeros(num_spherical, num_radial)
    return tuple(
        tuple(math.sqrt(2.0) / abs(spherical_jn(order + 1, z)) for z in row) for order, row in enumerate(zeros)
    )
