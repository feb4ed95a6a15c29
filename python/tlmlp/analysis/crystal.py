"""The structures that an analysis starts from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlmlp.analysis.models import ForceModel
from tlmlp.analysis.relax import Relaxation, relax
from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from ase import Atoms

#: Bravais lattices of the elements that are built when no structure is given.
LATTICES = ("sc", "fcc", "bcc", "diamond", "hcp")


def read_structure(path: str | os.PathLike[str]) -> Atoms:
    """The last frame of a file that ASE reads, with its constraints and without its calculator.

    :raises TlmlpError: when the file is missing or unreadable, or holds no atoms or positions that are not finite
    """
    import ase.io

    if not Path(path).is_file():
        raise TlmlpError(f"{path} does not exist: expected a file with a structure")
    try:
        atoms = ase.io.read(os.fspath(path))
    except Exception as error:  # every format of ASE has its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(f"{path} cannot be read as a structure: {reason}") from None
    if isinstance(atoms, list) or not len(atoms):
        raise TlmlpError(f"{path} holds no atoms")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise TlmlpError(f"{path}: positions and cell must be finite, got NaN or infinity")
    atoms.calc = None
    return atoms


def elemental_crystal(element: str) -> Atoms:
    """The crystal of ``element`` at room temperature with ASE's lattice constants, cubic cells where there are any.

    :raises TlmlpError: for elements whose crystal is none of LATTICES
    """
    from ase.build import bulk
    from ase.data import atomic_numbers, reference_states

    state = reference_states[atomic_numbers[element]] or {}
    lattice = state.get("symmetry")
    if lattice not in LATTICES:
        raise TlmlpError(f"no simple crystal of {element} is known here: give a STRUCTURE")
    return bulk(element) if lattice == "hcp" else bulk(element, cubic=True)


def starting_crystal(model: ForceModel, structure: str | os.PathLike[str] | Atoms | None) -> Atoms:
    """``structure``, or the crystal of the only element of ``model``; periodic in all directions.

    :raises TlmlpError: when the model does not know its elements, there is no volume, or it must be given
    """
    if structure is None:
        if model.elements is None or len(model.elements) != 1:
            known = "an unknown set of" if model.elements is None else ", ".join(model.elements)
            raise TlmlpError(f"the model {model.name} has {known} elements: give a STRUCTURE")
        return elemental_crystal(model.elements[0])
    if isinstance(structure, str | os.PathLike):
        atoms, what = read_structure(structure), str(structure)
    else:
        atoms, what = structure.copy(), "the structure"
    model.check(atoms, what)
    if not atoms.pbc.all() or atoms.cell.volume < 1e-6:
        raise TlmlpError(
            f"{what} must be a crystal, periodic in all directions with a cell, got pbc {atoms.pbc.tolist()} and a "
            f"volume of {atoms.cell.volume:g} Å^3"
        )
    atoms.set_constraint()
    atoms.calc = None
    return atoms


def relaxed_crystal(model: ForceModel, atoms: Atoms, fmax: float) -> Relaxation:
    """``atoms`` with their cell at zero stress, the symmetry kept.

    :raises TlmlpError: when it does not relax
    """
    done = relax(atoms, model.calculator, cell=True, fmax=fmax, keep_symmetry=True)
    if not done.converged:
        left = "" if done.stress is None else f" and {np.abs(done.stress).max():.1e} GPa"
        raise TlmlpError(
            f"the crystal of {model.name} does not relax: {done.largest_force:.1e} eV/Å{left} are left after {done.steps} "
            "steps; give a STRUCTURE that is stable with this model"
        )
    return done
