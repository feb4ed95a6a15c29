"""Formation energy of a vacancy in a crystal of one element."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.analysis.crystal import relaxed_crystal, starting_crystal
from tlmlp.analysis.models import open_model
from tlmlp.analysis.relax import Relaxation, relax
from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from ase import Atoms

    from tlmlp.analysis.models import Model


@dataclass(frozen=True)
class Vacancy:
    """One atom removed from N, at constant volume: E_f = E(N-1) - (N-1)/N E(N)."""

    #: Index of the removed atom in the crystal's cell.
    site: int
    atoms: int
    #: eV, with the neighbours in place, and relaxed.
    unrelaxed: float
    relaxed: float
    relaxation: Relaxation

    def as_dict(self) -> dict[str, Any]:
        """For a summary in JSON."""
        return {
            "site": self.site,
            "atoms_in_supercell": self.atoms,
            "formation_energy_unrelaxed_eV": self.unrelaxed,
            "formation_energy_eV": self.relaxed,
            "defect": self.relaxation.as_dict(),
        }


def vacancy(
    model: Model,
    structure: str | os.PathLike[str] | Atoms | None = None,
    *,
    supercell: tuple[int, int, int] = (3, 3, 3),
    fmax: float = 1e-3,
    steps: int = 1000,
    nudge: float = 0.02,
    seed: int = 0,
    threads: int = 1,
) -> list[Vacancy]:
    """Formation energies of the vacancies of a crystal, one per symmetry-distinct site, in double precision.

    :param structure: a crystal; left out: that of the model's element
    :param supercell: copies of its relaxed cell; widths of 15 Å or more keep a vacancy from its images
    :param fmax: eV/Å, to which the atoms around the vacancy are relaxed at constant cell
    :param nudge: Å, of random displacements before the relaxation, which else could not leave the symmetry of the site
    :param seed: of the nudge
    :raises TlmlpError: for crystals of several elements, whose vacancies depend on chemical potentials, and when
        something does not relax
    """
    if min(supercell) < 1:
        raise TlmlpError(f"`supercell` must be three numbers of copies, 1 or more, got {tuple(supercell)}")
    opened = open_model(model, threads=threads)
    atoms = starting_crystal(opened, structure)
    kinds = sorted(set(atoms.get_chemical_symbols()))
    if len(kinds) > 1:
        raise TlmlpError(
            f"a vacancy in a crystal of {', '.join(kinds)} depends on chemical potentials: only crystals of one element"
        )
    crystal = relaxed_crystal(opened, atoms, fmax=1e-5).atoms
    perfect = crystal.repeat(supercell)
    n = len(perfect)
    if n < 2:
        raise TlmlpError("a supercell of one atom has nothing left without it: take a larger --supercell")
    perfect.calc = opened.calculator
    energy = float(perfect.get_potential_energy())
    found = []
    for site in distinct_sites(crystal):
        defect = perfect.copy()
        del defect[site]
        defect.calc = opened.calculator
        unrelaxed = float(defect.get_potential_energy())
        defect.positions += np.random.default_rng(seed).normal(scale=nudge, size=defect.positions.shape)
        done = relax(defect, opened.calculator, fmax=fmax, steps=steps)
        if not done.converged:
            raise TlmlpError(
                f"the vacancy at atom {site} does not relax: {done.largest_force:.1e} eV/Å after {done.steps} steps"
            )
        share = (n - 1) / n * energy
        found.append(Vacancy(site, n, unrelaxed - share, done.energy - share, done))
    return found


def distinct_sites(crystal: Atoms) -> list[int]:
    """The first atom of every symmetry-equivalent set, found by spglib."""
    import spglib

    data = spglib.get_symmetry_dataset(
        (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers), symprec=1e-3
    )
    if data is None:
        raise TlmlpError("spglib finds no symmetry of the crystal")
    return sorted(set(np.asarray(data.equivalent_atoms).tolist()))
