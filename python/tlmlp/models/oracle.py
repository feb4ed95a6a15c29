"""The reference every other implementation is tested against: float64, an explicit triplet list, plain loops.

The directional sum is equation (4) of docs/background/theory.md as it stands.

Written from the formulas alone and on purpose without a line shared with the network, its routes or the compiled
code: Legendre polynomials of the cosine instead of spherical harmonics, its own zeros and Bessel functions, its own
search for periodic images. Slow, and written so that it can be checked against the formulas. Lengths inside are in nm, energies in kJ/mol.
"""

import functools
import itertools
import math
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from tlmlp.models.oracle_zbl import zbl_energies

EV_PER_KJ_PER_MOL = 1.0 / 96.48533212331001
MAX_IMAGES = 100_000


class HasGeometry(Protocol):
    """What the oracle reads of a frame: angstrom, rows of ``cell`` are the lattice vectors."""

    @property
    def positions(self) -> Any: ...

    @property
    def cell(self) -> Any: ...

    @property
    def pbc(self) -> Any: ...

    @property
    def atomic_numbers(self) -> Any: ...


def brute_force_edges(
    positions: ArrayLike, cell: ArrayLike, pbc: ArrayLike, cutoff: float
) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Every (j, i, S) with |r_j + S.cell - r_i| < cutoff, by trying all images that could be that close."""
    positions = np.asarray(positions, dtype=np.float64)
    cell = np.asarray(cell, dtype=np.float64)
    pbc = np.asarray(pbc, dtype=bool)
    ranges = [range(1)] * 3
    if pbc.any():
        # Complete the lattice by unit vectors along the missing directions, so that it can be inverted.
        full = cell.copy()
        periodic = [cell[a] for a in range(3) if pbc[a]]
        missing = [a for a in range(3) if not pbc[a]]
        normals = np.linalg.svd(np.array(periodic))[2][len(periodic) :]
        for a, normal in zip(missing, normals, strict=True):
            full[a] = normal
        inverse = np.linalg.inv(full)
        fractional = positions @ inverse
        for a in range(3):
            if pbc[a]:
                # The planes of direction a lie 1 / |column a of the inverse| apart.
                reach = cutoff * np.linalg.norm(inverse[:, a]) + np.ptp(fractional[:, a])
                n = math.ceil(reach)
                ranges[a] = range(-n, n + 1)
    images = list(itertools.product(*ranges))
    if len(images) > MAX_IMAGES:
        raise ValueError(f"the cell is too thin for a brute-force search: {len(images)} images")
    edges = []
    shifts = np.array(images, dtype=np.float64) @ np.where(pbc[:, None], cell, 0.0)
    for i in range(len(positions)):
        for j in range(len(positions)):
            distances = np.linalg.norm(positions[j] + shifts - positions[i], axis=1)
            for s in np.nonzero(distances < cutoff)[0]:
                if i == j and images[s] == (0, 0, 0):
                    continue
                edges.append((j, i, images[s]))
    return edges


def explicit_triplets(edges: list[tuple[int, int, tuple[int, int, int]]]) -> list[tuple[int, int]]:
    """Pairs (edge k->j, edge j->i) where the atom k is not the atom i in the same periodic image.

    Seen from j's own cell, the edge (k, j, S) has atom k at r_k + S.cell. The edge (j, i, T) has i at r_i - T.cell.
    """
    into: dict[int, list[int]] = {}
    for number, (_, target, _) in enumerate(edges):
        into.setdefault(target, []).append(number)
    triplets = []
    for out, (j, i, t) in enumerate(edges):
        for incoming in into.get(j, []):
            k, _, s = edges[incoming]
            if k == i and s == tuple(-n for n in t):
                continue
            triplets.append((incoming, out))
    return triplets


def bessel_j(order: int, x: Tensor) -> Tensor:
    """Spherical Bessel function from its power series where that converges fast, else from sine and cosine."""
    series_argument = torch.where(x < 8.0, x, torch.ones_like(x))
    term = series_argument**order / math.prod(range(1, 2 * order + 2, 2))
    total = term
    for k in range(1, 45):
        term = term * (-0.5 * series_argument**2) / (k * (2 * order + 2 * k + 1))
        total = total + term
    far = torch.where(x < 8.0, torch.full_like(x, 8.0), x)
    functions = [torch.sin(far) / far, torch.sin(far) / far**2 - torch.cos(far) / far]
    for n in range(1, order):
        functions.append((2 * n + 1) / far * functions[n] - functions[n - 1])
    return torch.where(x < 8.0, total, functions[order])


@functools.lru_cache(maxsize=1024)
def bessel_zero(order: int, n: int) -> float:
    """n-th positive zero of j_order: a scan for the change of sign, then Newton steps."""

    def value(x: float, which: int) -> float:
        return float(bessel_j(which, torch.tensor(x, dtype=torch.float64)))

    x, found, step = order + 1.0, 0, 0.5
    while True:
        if value(x, order) * value(x + step, order) <= 0.0:
            found += 1
            if found == n:
                break
        x += step
    x += 0.5 * step
    for _ in range(8):
        slope = order / x * value(x, order) - value(x, order + 1)
        x -= value(x, order) / slope
    return x


def legendre(order: int, x: Tensor) -> Tensor:
    """P_l(x) by Bonnet's recursion."""
    polynomials = [torch.ones_like(x), x]
    for n in range(1, order):
        polynomials.append(((2 * n + 1) * x * polynomials[n] - n * polynomials[n - 1]) / (n + 1))
    return polynomials[order]


def swish(x: Tensor) -> Tensor:
    return x / (1.0 + torch.exp(-x))


class Oracle:
    """DimeNet++ by the formulas.

    :param state_dict: weights under the names of the model file
    :param config: sizes, as an object with the fields of ``DimeNetPPConfig``
    """

    def __init__(self, state_dict: dict[str, Tensor], config: Any) -> None:
        self.weights = {}
        for name, weight in state_dict.items():
            # Leaves of the caller that ask for a gradient keep their graph, so that losses can be differentiated.
            self.weights[name] = weight.to(torch.float64)
        self.config = config
        self.cutoff = config.cutoff / 10.0
        orders, count = config.num_spherical, config.num_radial
        self.zeros = [[bessel_zero(order, n) for n in range(1, count + 1)] for order in range(orders)]
        self.norms = [
            [math.sqrt(2.0) / abs(float(bessel_j(order + 1, torch.tensor(z, dtype=torch.float64)))) for z in row]
            for order, row in enumerate(self.zeros)
        ]

    def linear(self, name: str, x: Tensor) -> Tensor:
        y = x @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def envelope(self, x: Tensor) -> Tensor:
        p = self.config.envelope_exponent
        a, b, g = -(p + 1) * (p + 2) / 2, p * (p + 2), -p * (p + 1) / 2
        return torch.where(x < 1.0, 1 + a * x**p + b * x ** (p + 1) + g * x ** (p + 2), torch.zeros_like(x))

    def radial(self, d: Tensor) -> Tensor:
        """e_n = sqrt(2 / c) sin(f_n d / c) / d u(d / c): equation (2) of docs/background/theory.md."""
        x = d / self.cutoff
        columns = [
            math.sqrt(2.0 / self.cutoff) * torch.sin(frequency * x) / d * self.envelope(x)
            for frequency in self.weights["frequencies"]
        ]
        return torch.stack(columns, dim=1)

    def directional(self, d: Tensor, cosine: Tensor) -> Tensor:
        """u(x) N_ln j_l(z_ln x) sqrt((2l + 1) / 4 pi) P_l(cos theta), one row per triplet: equation (3) of
        docs/background/theory.md."""
        x = d / self.cutoff
        columns = []
        for order in range(self.config.num_spherical):
            angular = math.sqrt((2 * order + 1) / (4 * math.pi)) * legendre(order, cosine)
            for zero, norm in zip(self.zeros[order], self.norms[order], strict=True):
                columns.append(self.envelope(x) * norm * bessel_j(order, zero * x) * angular)
        return torch.stack(columns, dim=1)

    def residual(self, name: str, h: Tensor) -> Tensor:
        return h + swish(self.linear(f"{name}.1", swish(self.linear(f"{name}.0", h))))

    def interaction(self, b: int, m: Tensor, e: Tensor, a: Tensor, incoming: Tensor, outgoing: Tensor) -> Tensor:
        p = f"interaction.{b}"
        x = swish(self.linear(f"{p}.kj", m))
        x = x * self.linear(f"{p}.rbf2", self.linear(f"{p}.rbf1", e))
        y = swish(self.linear(f"{p}.down", x))
        s = self.linear(f"{p}.sbf2", self.linear(f"{p}.sbf1", a))
        z = torch.zeros_like(y).index_add(0, outgoing, y[incoming] * s)
        h = swish(self.linear(f"{p}.ji", m)) + swish(self.linear(f"{p}.up", z))
        for k in range(self.config.n_residual_before):
            h = self.residual(f"{p}.before.{k}", h)
        h = swish(self.linear(f"{p}.final", h)) + m
        for k in range(self.config.n_residual_after):
            h = self.residual(f"{p}.after.{k}", h)
        return h

    def output(self, b: int, m: Tensor, e: Tensor, targets: Tensor, n_atoms: int) -> Tensor:
        p = f"output.{b}"
        g = self.linear(f"{p}.rbf", e) * m
        x = self.linear(f"{p}.up", torch.zeros(n_atoms, m.shape[1], dtype=m.dtype).index_add(0, targets, g))
        for k in range(self.config.n_dense_output):
            x = swish(self.linear(f"{p}.dense.{k}", x))
        return self.linear(f"{p}.final", x)[:, 0]

    def atomic_energies(
        self, species: Tensor, edges: list[tuple[int, int, tuple[int, int, int]]], positions: Tensor, cell: Tensor
    ) -> Tensor:
        """Energies of the atoms (N,) in kJ/mol from positions and cell in nm, both differentiable.

        :param edges: (j, i, S) as :func:`brute_force_edges` lists them
        """
        j = torch.tensor([edge[0] for edge in edges], dtype=torch.int64)
        i = torch.tensor([edge[1] for edge in edges], dtype=torch.int64)
        shift = torch.tensor([edge[2] for edge in edges], dtype=torch.float64).reshape(-1, 3)
        vector = positions[j] - positions[i] + shift @ cell  # from the target to the source
        d = torch.sqrt((vector * vector).sum(dim=1))
        pairs = torch.tensor(explicit_triplets(edges), dtype=torch.int64).reshape(-1, 2)
        incoming, outgoing = pairs[:, 0], pairs[:, 1]
        # The angle at j: to k along the vector of k->j, to i against the vector of j->i.
        to_k, to_i = vector[incoming], -vector[outgoing]
        cosine = (to_k * to_i).sum(dim=1) / (d[incoming] * d[outgoing])

        e = self.radial(d)
        a = self.directional(d[incoming], cosine)
        h = self.weights["embedding.species.weight"][species]
        r = self.linear("embedding.rbf", e)
        m = swish(self.linear("embedding.dense", torch.cat([h[i], h[j], r], dim=1)))
        energies = self.output(0, m, e, i, len(species))
        for b in range(self.config.n_blocks):
            m = self.interaction(b, m, e, a, incoming, outgoing)
            energies = energies + self.output(b + 1, m, e, i, len(species))
        return energies

    def energy(
        self, species: Tensor, edges: list[tuple[int, int, tuple[int, int, int]]], positions: Tensor, cell: Tensor
    ) -> Tensor:
        """Sum of the energies of the atoms in eV without a shift; positions and cell in angstrom."""
        return self.atomic_energies(species, edges, positions / 10.0, cell / 10.0).sum() * EV_PER_KJ_PER_MOL


def oracle_energy_forces_virial(potential: Any, frame: HasGeometry) -> dict[str, Any]:
    """Energy (eV), forces (N, 3) in eV/angstrom, virial (3, 3) = -dE/d(strain) in eV, atomic_energies (N,) in eV.

    :param potential: anything with ``network`` (a state_dict and a ``config``), ``atomic_numbers`` and
        ``energy_shift`` per species, which the energies include, as they do the repulsion between the radii ``inner`` and
        ``outer`` of ``zbl``, where there is one
    :param frame: positions, cell, pbc and atomic numbers; its own neighbour list is searched here
    """
    config = potential.network.config
    weights = {name: weight.detach() for name, weight in potential.network.state_dict().items()}
    oracle = Oracle(weights, config)
    rows = {number: row for row, number in enumerate(potential.atomic_numbers)}
    species = torch.tensor([rows[int(z)] for z in frame.atomic_numbers], dtype=torch.int64)
    edges = brute_force_edges(frame.positions, frame.cell, frame.pbc, config.cutoff)

    positions = torch.tensor(np.asarray(frame.positions), dtype=torch.float64, requires_grad=True)
    strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    deform = torch.eye(3, dtype=torch.float64) + strain
    cell = torch.tensor(np.asarray(frame.cell), dtype=torch.float64) @ deform
    energies = oracle.atomic_energies(species, edges, positions @ deform / 10.0, cell / 10.0) * EV_PER_KJ_PER_MOL
    zbl = getattr(potential, "zbl", None)
    if zbl is not None:
        energies = energies + zbl_energies(frame.atomic_numbers, edges, positions @ deform, cell, zbl.inner, zbl.outer)
    gradients = torch.autograd.grad(energies.sum(), [positions, strain], allow_unused=True, materialize_grads=True)
    shift = torch.as_tensor(potential.energy_shift, dtype=torch.float64)[species]
    atomic = (energies.detach() + shift).numpy()
    return {
        "energy": float(atomic.sum()),
        "forces": -gradients[0].numpy(),
        "virial": -gradients[1].numpy(),
        "atomic_energies": atomic,
    }
