"""One configuration as a reader found it: the geometry, and everything beside it that could be a label, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms


@dataclass
class Image:
    """Lengths in Å unless ``values`` states another unit; labels are chosen from ``values`` by :mod:`labels`."""

    #: (n, 3).
    positions: np.ndarray
    #: (3, 3), rows are the lattice vectors.
    cell: np.ndarray
    #: (3,) bool.
    pbc: np.ndarray
    #: (n,) atomic numbers.
    numbers: np.ndarray
    #: Entries of the file by the names that they have there.
    values: Mapping[str, Any] = field(default_factory=dict)
    #: "file#index".
    source: str = ""
    #: Whether the order of six numbers of a stress is known (ASE's own: xx yy zz yz xz xy).
    voigt_known: bool = False

    @property
    def volume(self) -> float:
        """Å^3; 0 without a cell."""
        return float(abs(np.linalg.det(self.cell)))


def image_from_atoms(atoms: Atoms, source: str) -> Image:
    """The same for what ASE read; forces as written, without constraints."""
    values: dict[str, Any] = {}
    if atoms.calc is not None:
        values.update({name: value for name, value in atoms.calc.results.items() if value is not None})
    values.update(atoms.info)
    values.update({name: value for name, value in atoms.arrays.items() if name not in ("numbers", "positions")})
    return Image(atoms.positions, np.asarray(atoms.cell), atoms.pbc, atoms.numbers, values, source, voigt_known=True)
