"""Standard structures: ordinary ones and those on which codes are known to fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_numbers as numbers_of


@dataclass(frozen=True)
class Structure:
    """Geometry alone: the fields of ``tlmlp.data.frame.Frame`` that a backend reads."""

    #: (n, 3), angstrom.
    positions: np.ndarray
    #: (3, 3), rows are the lattice vectors, angstrom.
    cell: np.ndarray
    #: (3,) bool.
    pbc: np.ndarray
    #: (n,) int64.
    atomic_numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def replace(self, **fields: Any) -> "Structure":
        """A copy with some fields changed."""
        return Structure(**{**self.__dict__, **fields})


DIAMOND = np.array(
    [[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]], dtype=np.float64
)
ALL, NONE = (True, True, True), (False, False, False)


def standard_structures(symbols: Sequence[str] = ("Si",), seed: int = 0, lattice: float = 5.43) -> dict[str, Structure]:
    """Structures by name; with several symbols the species are drawn at random.

    :param symbols: chemical symbols to use
    :param seed: of the displacements and the species
    :param lattice: diamond lattice constant in angstrom; the other structures scale with it
    """
    rng = np.random.default_rng(seed)
    a = lattice
    box = np.eye(3)

    def rattled(positions: np.ndarray, size: float = 0.15) -> np.ndarray:
        return positions + rng.normal(scale=size, size=positions.shape)

    diamond = DIAMOND * a / 4.0
    primitive = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]) * a
    # The same lattice as the cube, described by long rows that lie close together.
    unreduced = np.array([[1, 2, -1], [0, 1, 3], [0, 0, 1]]) @ (box * a)
    random_cell = np.array([[1.5, 0.0, 0.0], [0.2, 1.4, 0.0], [-0.3, 0.25, 1.6]]) * a
    chain = np.stack([np.zeros(4), np.zeros(4), np.arange(4)], axis=1) * 0.42 * a
    slab = DIAMOND @ np.diag([1.0, 1.0, 1.0]) * a / 4.0
    slab_cell = np.diag([a, a, 0.0])
    one_cell = np.array([[0.46, 0.0, 0.0], [0.15, 0.48, 0.0], [-0.1, 0.2, 0.5]]) * a

    structures = {
        "random": (_random_positions(rng, random_cell, 14, 0.38 * a), random_cell, ALL),
        "skewed": (rattled(diamond), unreduced, ALL),
        "two atoms": (rattled(np.array([[0.0, 0.0, 0.0], [0.25, 0.25, 0.25]]) * a), primitive, ALL),
        "one atom in a small cell": (np.array([[0.1, 0.2, 0.3]]), one_cell, ALL),
        "slab": (rattled(slab), slab_cell, (True, True, False)),
        "wire": (rattled(slab[:5]), np.diag([0.0, 0.0, a]), (False, False, True)),
        "periodic in y and z, cell in x": (rattled(diamond), np.diag([3.0 * a, a, a]), (False, True, True)),
        "perfect diamond": (diamond, box * a, ALL),
        "straight chain": (chain, np.zeros((3, 3)), NONE),
        "straight periodic chain": (chain[:2], np.diag([0.0, 0.0, 0.84 * a]), (False, False, True)),
        "cluster": (rattled(diamond), np.zeros((3, 3)), NONE),
        "dimer": (np.array([[0.0, 0.0, 0.0], [0.3, 0.2, 0.25]]) * a, np.zeros((3, 3)), NONE),
        "isolated atom": (np.array([[0.5, 0.1, -0.2]]), np.zeros((3, 3)), NONE),
        "no edges": (np.arange(9.0).reshape(3, 3) * 10.0 * a, np.diag([90.0, 90.0, 90.0]) * a, ALL),
        "dimer and isolated atom": (
            np.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0], [0.3, 0.2, 0.25]]) * a,
            np.zeros((3, 3)),
            NONE,
        ),
    }
    kinds = np.array([numbers_of[symbol] for symbol in symbols], dtype=np.int64)
    return {
        name: Structure(positions, cell, np.array(pbc), rng.choice(kinds, size=len(positions)))
        for name, (positions, cell, pbc) in structures.items()
    }


def _random_positions(rng: np.random.Generator, cell: np.ndarray, count: int, closest: float) -> np.ndarray:
    """Points drawn one by one, each at least ``closest`` from all images of the earlier ones."""
    shifts = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ cell
    points: list[np.ndarray] = []
    for _ in range(100_000):
        point = rng.random(3) @ cell
        if all(np.linalg.norm(point + shifts - other, axis=1).min() > closest for other in points):
            points.append(point)
            if len(points) == count:
                return np.array(points)
    raise RuntimeError(f"no room for {count} atoms at least {closest} apart")
