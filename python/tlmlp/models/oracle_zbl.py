"""The repulsion of Ziegler, Biersack and Littmark for the oracle: a plain loop over pairs, from the published formulas.

Like the oracle itself without a line shared with the module it is compared with; the derivatives at the outer radius are
written out by hand. Å and eV.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

#: e^2 / (4 pi eps0) in eV Å: e / (4 pi eps0) 1e10 with the CODATA 2018 values of e (C) and eps0 (F/m).
COULOMB = 1.602176634e-19 / (4.0 * math.pi * 8.8541878128e-12) * 1e10
UNIVERSAL = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))


def switching(z_i: int, z_j: int, inner: float, outer: float) -> tuple[float, float, float]:
    """A, B, C of S(r) = C + A/3 t^3 + B/4 t^4 with t = r - inner, which takes E, E' and E'' to zero at ``outer``."""
    value = first = second = 0.0
    for weight, decay in UNIVERSAL:
        rate = decay * (z_i**0.23 + z_j**0.23) / 0.4685
        term = COULOMB * z_i * z_j * weight * math.exp(-rate * outer) / outer
        slope = rate + 1.0 / outer
        value += term
        first -= term * slope
        second += term * (slope**2 + 1.0 / outer**2)
    t = outer - inner
    # S'(outer) = A t^2 + B t^3 = -E', S''(outer) = 2 A t + 3 B t^2 = -E''.
    b = (2.0 * first / t - second) / t**2
    a = -first / t**2 - b * t
    return a, b, -value - a / 3.0 * t**3 - b / 4.0 * t**4


def zbl_energies(
    numbers: Sequence[int],
    edges: list[tuple[int, int, tuple[int, int, int]]],
    positions: Tensor,
    cell: Tensor,
    inner: float,
    outer: float,
) -> Tensor:
    """Energies of the atoms (N,) in eV, half of each pair's to either; differentiable by positions and cell (Å).

    :param numbers: atomic numbers of the atoms
    :param edges: (j, i, S) as ``brute_force_edges`` lists them, every pair in both directions
    """
    energies = [positions.sum() * 0.0 for _ in numbers]
    for j, i, shift in edges:
        vector = positions[j] - positions[i] + torch.tensor(shift, dtype=torch.float64) @ cell
        r = torch.sqrt((vector * vector).sum())
        distance = float(r.detach())
        if distance >= outer:
            continue
        z_i, z_j = int(numbers[i]), int(numbers[j])
        a, b, c = switching(z_i, z_j, inner, outer)
        energy = torch.as_tensor(c, dtype=torch.float64)
        for weight, decay in UNIVERSAL:
            rate = decay * (z_i**0.23 + z_j**0.23) / 0.4685
            energy = energy + COULOMB * z_i * z_j * weight * torch.exp(-rate * r) / r
        if distance > inner:
            energy = energy + a / 3.0 * (r - inner) ** 3 + b / 4.0 * (r - inner) ** 4
        energies[i] = energies[i] + 0.5 * energy
    return torch.stack(energies) if energies else torch.zeros(0, dtype=torch.float64)
