"""Elastic constants at 0 K: the full tensor from the stresses of small strains, with relaxed ions."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.crystal import relaxed_crystal, starting_crystal
from tlmlp.analysis.models import open_model
from tlmlp.analysis.relax import Relaxation, relax
from tlmlp.errors import TlmlpError
from tlmlp.units import EV_PER_ANG3_IN_GPA

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from tlmlp.analysis.models import Model

#: Rows and columns of the tensor, ASE's order: 1 to 6 are xx yy zz yz xz xy.
VOIGT_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Moduli:
    """Of a polycrystal without texture, GPa."""

    bulk: float
    shear: float

    @property
    def young(self) -> float:
        """Young's modulus, GPa."""
        return 9.0 * self.bulk * self.shear / (3.0 * self.bulk + self.shear)

    @property
    def poisson(self) -> float:
        """Poisson's ratio."""
        return (3.0 * self.bulk - 2.0 * self.shear) / (2.0 * (3.0 * self.bulk + self.shear))

    def as_dict(self) -> dict[str, float]:
        """For a summary in JSON."""
        return {"bulk_GPa": self.bulk, "shear_GPa": self.shear, "young_GPa": self.young, "poisson": self.poisson}


@dataclass(frozen=True)
class Elasticity:
    """Elastic constants of one crystal in its own Cartesian frame."""

    #: (6, 6) GPa, symmetric, with relaxed ions.
    tensor: np.ndarray
    #: (6, 6) GPa, with ions that follow the strain without relaxing.
    clamped: np.ndarray
    #: GPa, largest difference between C_ij and C_ji as computed: the error of the strains and of what remained.
    asymmetry: float
    relaxation: Relaxation | None

    @property
    def eigenvalues(self) -> np.ndarray:
        """(6,) GPa, of the tensor in Mandel's form; a crystal is stable when all are positive."""
        root = np.array([1.0, 1.0, 1.0, *[np.sqrt(2.0)] * 3])
        return np.linalg.eigvalsh(self.tensor * np.outer(root, root))

    @property
    def stable(self) -> bool:
        """Born's criterion for any symmetry: all eigenvalues positive (Mouhat & Coudert, Phys. Rev. B 90, 224104 (2014))."""
        return bool(self.eigenvalues[0] > 0.0)

    @property
    def cubic(self) -> tuple[float, float, float] | None:
        """C11, C12, C44 in GPa where the tensor is that of a cubic crystal along its axes, within 1 GPa or 1 %."""
        c = self.tensor
        means = np.array([np.mean([c[k, k] for k in range(3)]), np.mean([c[0, 1], c[0, 2], c[1, 2]])])
        c44 = float(np.mean([c[k, k] for k in range(3, 6)]))
        model = np.zeros((6, 6))
        model[:3, :3] = means[1] + (means[0] - means[1]) * np.eye(3)
        model[3:, 3:] = c44 * np.eye(3)
        near = np.abs(c - model).max() <= max(1.0, 0.01 * np.abs(c).max())
        return (float(means[0]), float(means[1]), c44) if near else None

    def moduli(self) -> dict[str, Moduli]:
        """Averages of Voigt, Reuss, and Hill's mean of both (Hill, Proc. Phys. Soc. A 65, 349 (1952)).

        :raises TlmlpError: when the crystal is unstable, so that there is no compliance of meaning
        """
        if not self.stable:
            raise TlmlpError(f"no averages: the tensor has the eigenvalue {self.eigenvalues[0]:.3g} GPa")
        c, s = self.tensor, np.linalg.inv(self.tensor)
        a, b, d = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2], np.trace(c[3:, 3:])
        e, f, g = np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2], np.trace(s[3:, 3:])
        voigt = Moduli(float((a + 2.0 * b) / 9.0), float((a - b + 3.0 * d) / 15.0))
        reuss = Moduli(float(1.0 / (e + 2.0 * f)), float(15.0 / (4.0 * e - 4.0 * f + 3.0 * g)))
        hill = Moduli(0.5 * (voigt.bulk + reuss.bulk), 0.5 * (voigt.shear + reuss.shear))
        return {"voigt": voigt, "reuss": reuss, "hill": hill}

    def as_dict(self) -> dict[str, Any]:
        """For a summary in JSON."""
        cubic = self.cubic
        return {
            "crystal": None if self.relaxation is None else self.relaxation.as_dict(),
            "elastic_tensor_GPa": self.tensor.tolist(),
            "elastic_tensor_clamped_ions_GPa": self.clamped.tolist(),
            "asymmetry_GPa": self.asymmetry,
            "cubic_GPa": None if cubic is None else dict(zip(("C11", "C12", "C44"), cubic, strict=True)),
            "eigenvalues_GPa": self.eigenvalues.tolist(),
            "stable": self.stable,
            "moduli": {name: m.as_dict() for name, m in self.moduli().items()} if self.stable else None,
        }


def elastic(
    model: Model,
    structure: str | os.PathLike[str] | Atoms | None = None,
    *,
    strain: float = 0.005,
    fmax: float = 1e-4,
    relax_first: bool = True,
    threads: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Elasticity:
    """Elastic constants of a crystal with ``model``, in double precision.

    :param structure: a crystal; left out: that of the model's element
    :param strain: of every component, plus and minus; the error falls with its square
    :param fmax: eV/Å, to which ions are relaxed under every strain
    :param relax_first: find the cell without stress first; else the constants are those at the stress of the cell
    :param advance: called after each of the twelve strains
    :raises TlmlpError: when the input is wrong or something does not relax
    """
    if not 0.0 < strain <= 0.05:
        raise TlmlpError(f"`strain` must lie between 0 and 0.05, got {strain}")
    opened = open_model(model, threads=threads)
    atoms = starting_crystal(opened, structure)
    relaxation = relaxed_crystal(opened, atoms, fmax=min(fmax, 1e-5)) if relax_first else None
    return strain_tensor(
        relaxation.atoms if relaxation else atoms, opened.calculator, strain, fmax, relaxation, advance
    )


def strain_tensor(
    atoms: Atoms,
    calculator: Calculator,
    strain: float,
    fmax: float,
    relaxation: Relaxation | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Elasticity:
    """C_ij = (σ_i(+ε_j) - σ_i(-ε_j)) / 2ε_j of ``atoms`` as they are; ε_4 to ε_6 are engineering shears."""
    columns: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for a, b in VOIGT_PAIRS:
        stresses: dict[bool, list[np.ndarray]] = {False: [], True: []}
        for sign in (1.0, -1.0):
            epsilon = np.zeros((3, 3))
            epsilon[a, b] += 0.5 * sign * strain
            epsilon[b, a] += 0.5 * sign * strain
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ (np.eye(3) + epsilon), scale_atoms=True)
            strained.calc = calculator
            stresses[False].append(strained.get_stress() * EV_PER_ANG3_IN_GPA)
            done = relax(strained, calculator, fmax=fmax)
            if not done.converged:
                raise TlmlpError(
                    f"the ions do not relax under a strain of {strain:g}: {done.largest_force:.1e} eV/Å after {done.steps} steps"
                )
            assert done.stress is not None  # of a cell with a volume
            stresses[True].append(done.stress)
            advance()
        for ions, (plus, minus) in stresses.items():
            columns[ions].append((plus - minus) / (2.0 * strain))
    raw = np.array(columns[True]).T
    clamped = np.array(columns[False]).T
    return Elasticity(0.5 * (raw + raw.T), 0.5 * (clamped + clamped.T), float(np.abs(raw - raw.T).max()), relaxation)
