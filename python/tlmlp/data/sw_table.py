"""Stillinger-Weber parameter tables: LAMMPS .sw files, shipped for Si and Ge, replaceable by a user's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlmlp.errors import TlmlpError

FOLDER = Path(__file__).parent / "sw_parameters"
NAMES = ("epsilon", "sigma", "a", "lam", "gamma", "cos_theta0", "A", "B", "p", "q", "tol")


@dataclass(frozen=True)
class SwTable:
    """The parameters of one element, in LAMMPS metal units (eV, Å)."""

    element: str
    epsilon: float
    sigma: float
    a: float
    lam: float
    gamma: float
    cos_theta0: float
    A: float
    B: float
    p: float
    q: float
    tol: float

    @property
    def cutoff(self) -> float:
        """Range of the potential, a sigma, in Å."""
        return self.a * self.sigma

    def pair_energy(self, distance: np.ndarray) -> np.ndarray:
        """Two-body energy in eV at ``distance`` in Å (equation 2.3 of Stillinger and Weber)."""
        x = np.asarray(distance, dtype=float) / self.sigma
        inside = x < self.a
        x = np.where(inside, x, 0.5 * self.a)
        value = self.A * self.epsilon * (self.B * x**-self.p - x**-self.q) * np.exp(1.0 / (x - self.a))
        return np.where(inside, value, 0.0)

    def diamond(self) -> tuple[float, float]:
        """Lattice constant (Å) and energy per atom (eV) of perfect diamond, where the angles are ideal and only the
        four nearest neighbours are within range."""
        low, high = 0.5 * self.sigma, 0.999 * self.cutoff
        for _ in range(8):
            grid = np.linspace(low, high, 401)
            n = int(self.pair_energy(grid).argmin())
            low, high = grid[max(n - 1, 0)], grid[min(n + 1, 400)]
        bond = 0.5 * (low + high)
        return float(bond * 4.0 / np.sqrt(3.0)), float(2.0 * self.pair_energy(np.array(bond)))

    def text(self) -> str:
        """The table as a LAMMPS .sw file."""
        return (
            f"{self.element} {self.element} {self.element} "
            + " ".join(repr(getattr(self, name)) for name in NAMES)
            + "\n"
        )


def sw_table_file(element: str) -> Path:
    """The shipped .sw file of ``element``, whether or not there is one."""
    return FOLDER / f"{element}.sw"


def read_table(element: str, path: Path | None = None) -> SwTable:
    """The shipped table of ``element`` (Si, Ge), or its entry in the LAMMPS .sw file at ``path``.

    Raises :class:`TlmlpError` for elements without a table and files that are not one.
    """
    if path is None:
        path = sw_table_file(element)
        if not path.is_file():
            shipped = ", ".join(sorted(p.stem for p in FOLDER.glob("*.sw")))
            raise TlmlpError(
                f"no Stillinger-Weber table for {element!r} is shipped (there are {shipped}); give a LAMMPS "
                ".sw file with --parameters"
            )
    words = _words(path)
    for n in range(0, len(words), 14):
        if words[n : n + 3] == [element] * 3:
            try:
                values = [float(word) for word in words[n + 3 : n + 14]]
            except ValueError as error:
                raise TlmlpError(f"{path}: the entry of {element} must be numbers ({error})") from None
            table = SwTable(element, *values)
            if not (table.epsilon > 0 and table.sigma > 0 and table.a > 0):
                raise TlmlpError(f"{path}: epsilon, sigma and a of {element} must be positive")
            return table
    raise TlmlpError(f"{path}: no entry {element} {element} {element}")


def elements_of(path: Path) -> tuple[str, ...]:
    """Elements of a LAMMPS .sw file, in their order.

    Raises :class:`TlmlpError` for files that are not one.
    """
    return tuple(dict.fromkeys(_words(path)[::14]))


def _words(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TlmlpError(f"{path}: cannot be read ({error})") from None
    words = [word for line in lines for word in line.split("#")[0].split()]
    if not words or len(words) % 14:
        raise TlmlpError(f"{path}: a LAMMPS .sw file has 14 words per entry, got {len(words)} words")
    return words
