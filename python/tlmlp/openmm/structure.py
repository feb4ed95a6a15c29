"""Structures in OpenMM's form: nm, and box vectors in its reduced, lower triangular form."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.units import NM_PER_ANGSTROM


@dataclass(frozen=True)
class OpenMMStructure:
    """A structure in OpenMM's units and frame, and the way back to where it came from."""

    #: (n, 3) nm.
    positions: np.ndarray
    #: (3, 3) nm, rows are the reduced box vectors; None for open boundaries.
    box: np.ndarray | None
    #: (n,) atomic numbers.
    numbers: np.ndarray
    #: (n,) amu.
    masses: np.ndarray
    #: (3, 3): row vectors there = row vectors of the original @ rotation (no reflection).
    rotation: np.ndarray
    #: (3, 3) integers of determinant 1 or -1: box = lattice @ original cell @ rotation.
    lattice: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def vectors_to_ase(self, vectors: np.ndarray) -> np.ndarray:
        """Row vectors (forces, velocities), in whatever unit, turned back into the original frame."""
        return np.asarray(vectors) @ self.rotation.T

    def positions_to_ase(self, positions: np.ndarray) -> np.ndarray:
        """Positions (n, 3) in nm, as those of the original frame in Å."""
        return self.vectors_to_ase(positions) / NM_PER_ANGSTROM

    def lattice_to_ase(self, box: np.ndarray) -> np.ndarray:
        """Box vectors (3, 3) in nm, such as a barostat changed, as the cell of the original in Å."""
        return np.linalg.solve(self.lattice.astype(float), self.vectors_to_ase(box)) / NM_PER_ANGSTROM

    def topology(self) -> Any:
        """``openmm.app.Topology`` with one residue of one atom for each, and the box."""
        from openmm import Vec3, app, unit

        topology = app.Topology()
        chain = topology.addChain()
        for number in self.numbers:
            element = app.Element.getByAtomicNumber(int(number))
            topology.addAtom(element.symbol, element, topology.addResidue(element.symbol, chain))
        if self.box is not None:
            topology.setPeriodicBoxVectors([Vec3(*row) for row in self.box.tolist()] * unit.nanometer)
        return topology


def from_ase(atoms: Any) -> OpenMMStructure:
    """A structure for OpenMM from ``ase.Atoms``, or anything with ``positions`` (n, 3) and ``cell`` (3, 3) in Å, ``pbc``
    (3,), and ``numbers`` or ``atomic_numbers`` (n,).

    OpenMM takes box vectors a = (ax, 0, 0), b = (bx, by, 0), c = (cx, cy, cz) with ``|bx|`` and ``|cx|`` at most ax / 2
    and ``|cy|`` at most by / 2: the structure is rotated, and other vectors of the same lattice are chosen.

    :raises TlmlpError: on mixed boundaries, numbers that are not finite, or a periodic cell without volume
    """
    positions = np.asarray(atoms.positions, dtype=float).reshape(-1, 3)
    numbers = np.asarray(atoms.numbers if hasattr(atoms, "numbers") else atoms.atomic_numbers, dtype=int)
    pbc = np.broadcast_to(np.asarray(atoms.pbc, dtype=bool), (3,))
    if not np.isfinite(positions).all():
        raise TlmlpError(f"the position of atom {int(np.argwhere(~np.isfinite(positions))[0, 0])} is not finite")
    box, rotation, lattice = None, np.eye(3), np.eye(3, dtype=int)
    if pbc.any():
        if not pbc.all():
            raise TlmlpError(f"OpenMM is periodic in all directions or in none, got pbc {pbc.tolist()}")
        box, rotation, lattice = reduced_box(np.asarray(atoms.cell[:], dtype=float))
        box = box * NM_PER_ANGSTROM
    return OpenMMStructure(
        positions @ rotation * NM_PER_ANGSTROM, box, numbers, _masses(atoms, numbers), rotation, lattice
    )


def reduced_box(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Box vectors in OpenMM's form for the lattice of ``cell`` (3, 3), rows.

    :return: ``box`` (3, 3), ``rotation`` (3, 3) and integers ``lattice`` (3, 3) with box = lattice @ cell @ rotation
    :raises TlmlpError: when the cell has no volume
    """
    volume = np.linalg.det(cell) if np.isfinite(cell).all() else np.nan
    if not abs(volume) > 1e-6:
        raise TlmlpError(f"the cell of a periodic structure must have a volume, got {volume:g} Å^3")
    lattice = np.diag([1, 1, 1 if volume > 0.0 else -1])  # a right-handed basis: no reflection
    # QR of the transpose is cell = L Q with a lower triangular L, whose diagonal is then made positive.
    q, r = np.linalg.qr((lattice @ cell).T)
    signs = np.sign(np.diag(r))
    rotation, box = q * signs, (r.T * signs)
    # Take off the box vectors before it until each is short; the lattice stays the same.
    for row, column in ((2, 1), (2, 0), (1, 0)):
        steps = round(box[row, column] / box[column, column])
        box[row] -= steps * box[column]
        lattice[row] -= steps * lattice[column]
    return np.tril(box), rotation, lattice


def _masses(atoms: Any, numbers: np.ndarray) -> np.ndarray:
    if hasattr(atoms, "get_masses"):
        return np.asarray(atoms.get_masses(), dtype=float)
    from ase.data import atomic_masses

    return atomic_masses[numbers]
