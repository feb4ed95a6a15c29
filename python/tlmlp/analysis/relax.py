"""Relaxation of atoms, and of the cell under a pressure: ASE's optimisers and cell filter, with a record of what remained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.units import EV_PER_ANG3_IN_GPA

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

#: Beyond this number of atoms the dense Hessian of BFGS costs more than it saves.
BFGS_ATOMS = 100
VOIGT = ("xx", "yy", "zz", "yz", "xz", "xy")


@dataclass(frozen=True)
class Relaxation:
    """A relaxed structure and how far it got."""

    #: With the constraints of the structure that was given, and without a calculator.
    atoms: Atoms
    converged: bool
    steps: int
    #: eV.
    energy_start: float
    energy: float
    #: eV/Å, the largest length of a force on an atom; constrained components do not count.
    largest_force: float
    #: GPa, in ASE's order, tensile positive; None without a volume. A cell under the pressure p relaxes to -p.
    stress: np.ndarray | None
    #: Å, of the atoms at given fractional coordinates; against the start.
    largest_displacement: float

    def as_dict(self) -> dict[str, Any]:
        """For a summary in JSON."""
        return {
            "converged": self.converged,
            "steps": self.steps,
            "energy_eV": self.energy,
            "energy_change_eV": self.energy - self.energy_start,
            "largest_force_eV_per_ang": self.largest_force,
            "stress_GPa": None if self.stress is None else dict(zip(VOIGT, self.stress.tolist(), strict=True)),
            "largest_displacement_ang": self.largest_displacement,
            "volume_ang3": float(self.atoms.cell.volume),
            "cell_lengths_ang": self.atoms.cell.lengths().tolist(),
            "cell_angles_deg": self.atoms.cell.angles().tolist(),
        }


def relax(
    atoms: Atoms,
    calculator: Calculator,
    *,
    cell: bool = False,
    pressure: float = 0.0,
    constant_volume: bool = False,
    fmax: float = 1e-4,
    steps: int = 500,
    keep_symmetry: bool = False,
    on_step: Callable[[int, float], object] | None = None,
) -> Relaxation:
    """Minimise the energy, or with ``cell`` the enthalpy at ``pressure``.

    :param atoms: is not changed; its constraints hold
    :param cell: relax the cell too (ASE's ``FrechetCellFilter``)
    :param pressure: GPa
    :param constant_volume: of the cell, whose shape alone relaxes
    :param fmax: eV/Å; of every force, and of the derivative by the cell per atom
    :param steps: at most; the result says whether they were enough
    :param keep_symmetry: of the crystal, found by spglib (ASE's ``FixSymmetry``)
    :param on_step: called after every step with the number of steps and the largest force in eV/Å
    :raises TlmlpError: when a cell is to be relaxed that is not periodic in all directions, or the calculator refuses
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS, LBFGS

    if not fmax > 0.0 or steps < 0:
        raise TlmlpError(f"`fmax` must be positive and `steps` not negative, got {fmax} and {steps}")
    if cell and not atoms.pbc.all():
        raise TlmlpError(
            f"a cell is relaxed where it is periodic in all directions, got pbc {atoms.pbc.tolist()}: relax the atoms alone"
        )
    if pressure and not cell:
        raise TlmlpError(f"a pressure ({pressure:g} GPa) acts on the cell: relax it too (--cell)")
    work = atoms.copy()
    if keep_symmetry:
        if find_spec("spglib") is None:
            raise TlmlpError("the symmetry of a crystal is found by spglib: pip install 'tlmlp[analysis]'")
        from ase.constraints import FixSymmetry

        work.set_constraint([*work.constraints, FixSymmetry(work)])
    work.calc = calculator
    start = work.copy()
    energy_start = float(work.get_potential_energy())
    target: Any = work
    if cell:
        target = FrechetCellFilter(work, scalar_pressure=pressure / EV_PER_ANG3_IN_GPA, constant_volume=constant_volume)
    kind: Any = BFGS if len(work) <= BFGS_ATOMS else LBFGS
    optimiser = kind(target, logfile=None)
    if on_step is not None:
        optimiser.attach(lambda: on_step(optimiser.nsteps, _largest(work.get_forces())))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="logm result may be inaccurate")  # by 1e-12, of the cell filter
        converged = bool(optimiser.run(fmax=fmax, steps=steps))
    work.set_constraint([c.copy() for c in atoms.constraints])  # without the symmetry, which would hide what remains
    forces = work.get_forces()
    volume = work.cell.volume if work.pbc.all() else 0.0
    stress = work.get_stress(apply_constraint=False) * EV_PER_ANG3_IN_GPA if volume > 0.0 else None
    energy = float(work.get_potential_energy())
    if volume > 0.0:
        moved = (work.get_scaled_positions(wrap=False) - start.get_scaled_positions(wrap=False)) @ work.cell.array
    else:
        moved = work.positions - start.positions
    work.calc = None
    return Relaxation(
        work, converged, optimiser.nsteps, energy_start, energy, _largest(forces), stress, _largest(moved)
    )


def structure_format(path: Path) -> str:
    """ASE's name of the format that the ending of ``path`` names.

    :raises TlmlpError: when ASE cannot write it
    """
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    try:
        kind = filetype(str(path), read=False)
    except UnknownFileTypeError:
        kind = None
    if kind not in ioformats or not ioformats[kind].can_write:
        raise TlmlpError(
            f"{path} cannot be written: its ending names no format that ASE writes, such as .extxyz or .cif"
        )
    return kind


def write_relaxed(done: Relaxation, calculator: Calculator, path: Path) -> None:
    """The relaxed structure with its energy, forces and stress, in the format that the ending of ``path`` names.

    Constraints are written where the format has them; extended XYZ as the column ``move_mask``.

    :raises TlmlpError: when ASE cannot write the format
    """
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.constraints import FixAtoms, FixCartesian

    atoms = done.atoms.copy()
    atoms.calc = calculator
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(apply_constraint=False)}
    if done.stress is not None:
        results["stress"] = atoms.get_stress(apply_constraint=False)
    atoms.calc = SinglePointCalculator(atoms, **results)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    kind = structure_format(path)
    options: dict[str, Any] = {}
    try:
        if kind == "extxyz" and any(isinstance(c, FixAtoms | FixCartesian) for c in atoms.constraints):
            options["columns"] = ["symbols", "positions", "forces", "move_mask"]
        ase.io.write(part, atoms, format=kind, **options)
        part.replace(path)
    except Exception as error:  # every format of ASE has its own
        raise TlmlpError(f"{path} cannot be written: {' '.join(str(error).split()) or type(error).__name__}") from None
    finally:
        part.unlink(missing_ok=True)


def _largest(vectors: np.ndarray) -> float:
    return float(np.sqrt((vectors**2).sum(axis=1)).max(initial=0.0))
