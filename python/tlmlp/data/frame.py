"""One labelled atomic configuration, the unit that all data code passes around."""

from __future__ import annotations

import hashlib
import re
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from ase import Atoms


class Label(NamedTuple):
    """A kind of label of a :class:`Frame`."""

    #: Name in extended XYZ that this package writes.
    key: str
    #: Of its numbers, of each atom where it is ``per_atom``.
    shape: tuple[int, ...]
    per_atom: bool

    def shape_of(self, n: int) -> tuple[int, ...]:
        """Of the numbers of a frame of ``n`` atoms."""
        return (n, *self.shape) if self.per_atom else self.shape


#: The labels of a frame, by the names of their fields.
LABELS = {
    "energy": Label("REF_energy", (), per_atom=False),
    "forces": Label("REF_forces", (3,), per_atom=True),
    "stress": Label("REF_stress", (3, 3), per_atom=False),
}

#: Periodic cells with less volume per product of their row lengths than this are flat.
FLAT_CELL = 1e-9


def cell_is_flat(cell: np.ndarray, pbc: np.ndarray) -> bool:
    """Whether the periodic rows of ``cell`` (3, 3) are missing or linearly dependent, which leaves no volume."""
    rows = cell[pbc]
    if len(rows) == 0:
        return False
    lengths = np.linalg.norm(rows, axis=1)
    if np.any(lengths == 0.0):
        return True
    return bool(np.linalg.svd(rows / lengths[:, None], compute_uv=False)[-1] < FLAT_CELL)


def kelvin(text: object) -> float | None:
    """The temperature in "... at 300 K" or "300K"."""
    found = re.search(r"(?:^|\s)(\d+(?:\.\d+)?) ?K$", text) if isinstance(text, str) else None
    return None if found is None else float(found[1])


@dataclass(frozen=True, eq=False)
class Frame:
    """Geometry and labels; every array is copied to float64 or int64 and checked on construction.

    Raises :class:`TlmlpError` for wrong shapes, NaN or infinite numbers, unknown elements, and periodic cells
    without volume; ``source`` (file and index) is named in the message.
    """

    #: (n, 3) float64, Å.
    positions: np.ndarray
    #: (3, 3) float64, Å; rows are the lattice vectors.
    cell: np.ndarray
    #: (3,) bool.
    pbc: np.ndarray
    #: (n,) int64.
    atomic_numbers: np.ndarray
    #: eV, or None.
    energy: float | None = None
    #: (n, 3) float64, eV/Å, or None.
    forces: np.ndarray | None = None
    #: (3, 3) float64, eV/Å^3, tensile positive, or None.
    stress: np.ndarray | None = None
    #: Name of the kind of structure ("AIMD-NVT", "Elastic", ...), or None.
    group: str | None = None
    #: Where the frame came from, "file#index".
    source: str = ""
    #: K, of the dynamics that the frame is from; None where it is from none, or unknown.
    temperature: float | None = None

    def __post_init__(self) -> None:
        n = len(self.positions)
        self._store("positions", (n, 3), np.float64)
        self._store("cell", (3, 3), np.float64)
        pbc = np.array(self.pbc, dtype=bool)
        object.__setattr__(self, "pbc", np.broadcast_to(pbc, (3,)).copy() if pbc.ndim == 0 else pbc)
        if self.pbc.shape != (3,):
            self._refuse(f"`pbc` must have shape (3,), got {self.pbc.shape}")
        self._store("atomic_numbers", (n,), np.int64)
        if n and not (self.atomic_numbers.min() >= 1 and self.atomic_numbers.max() <= 118):
            self._refuse("`atomic_numbers` must lie between 1 and 118")
        for name, label in LABELS.items():
            if name != "energy" and getattr(self, name) is not None:
                self._store(name, label.shape_of(n), np.float64)
        if self.energy is not None:
            object.__setattr__(self, "energy", float(self.energy))
            if not np.isfinite(self.energy):
                self._refuse(f"`energy` must be finite, got {self.energy}")
        if n == 0:
            self._refuse("the frame has no atoms")
        if cell_is_flat(self.cell, self.pbc):
            self._refuse(
                "`cell` has zero volume although the structure is periodic; give three independent "
                "lattice vectors or switch pbc off"
            )

    def _store(self, name: str, shape: tuple[int, ...], dtype: type) -> None:
        try:
            value: np.ndarray = np.array(getattr(self, name), dtype=dtype, order="C")
        except (TypeError, ValueError):
            self._refuse(f"`{name}` must be numbers of shape {shape}")
        if value.shape != shape:
            self._refuse(f"`{name}` must have shape {shape}, got {value.shape}")
        if not np.all(np.isfinite(value)):
            where = np.argwhere(~np.isfinite(value))[0]
            self._refuse(f"`{name}` must be finite, got {value[tuple(where)]} at index {where.tolist()}")
        object.__setattr__(self, name, value)

    def _refuse(self, message: str) -> None:
        raise TlmlpError(f"{self.source}: {message}" if self.source else message)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def volume(self) -> float:
        """Volume of the cell in Å^3 (0 for a cell that was not given)."""
        return float(abs(np.linalg.det(self.cell)))

    @classmethod
    def from_atoms(
        cls,
        atoms: Atoms,
        *,
        energy: float | None = None,
        forces: np.ndarray | None = None,
        stress: np.ndarray | None = None,
        group: str | None = None,
        source: str = "",
        temperature: float | None = None,
    ) -> Frame:
        """Frame with the geometry of an ASE ``Atoms`` and the labels given here (stress as (3, 3))."""
        return cls(
            positions=atoms.positions,
            cell=np.asarray(atoms.cell),
            pbc=atoms.pbc,
            atomic_numbers=atoms.numbers,
            energy=energy,
            forces=forces,
            stress=stress,
            group=group,
            source=source,
            temperature=temperature,
        )

    def to_atoms(self) -> Atoms:
        """ASE ``Atoms`` with the labels in ``info`` and ``arrays`` under the REF_* keys, and ``info["group"]`` and ``info["temperature"]``."""
        from ase import Atoms

        atoms = Atoms(numbers=self.atomic_numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)
        for name, label in LABELS.items():
            if (value := getattr(self, name)) is not None:
                (atoms.arrays if label.per_atom else atoms.info)[label.key] = copy(value)
        if self.group is not None:
            atoms.info["group"] = self.group
        if self.temperature is not None:
            atoms.info["temperature"] = self.temperature
        return atoms

    def sha256(self) -> str:
        """Hexadecimal SHA-256 of geometry and labels (not of ``group``, ``source`` and ``temperature``), the same on any machine."""
        digest = hashlib.sha256()
        parts = [
            ("positions", self.positions),
            ("cell", self.cell),
            ("pbc", self.pbc),
            ("numbers", self.atomic_numbers),
            *((name, getattr(self, name)) for name in LABELS if name != "energy"),
            ("energy", None if self.energy is None else np.array([self.energy])),
        ]
        for name, value in parts:
            if value is not None:
                if value.dtype == np.float64:
                    value = value + 0.0  # -0.0 and 0.0 are the same number
                digest.update(f"{name}{value.shape}".encode())
                digest.update(value.astype(value.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()
