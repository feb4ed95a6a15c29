"""Relax a crystal with its cell, then the bulk modulus from an equation of state around it.

usage: python relax.py MODEL STRUCTURE [OUT]
"""

import sys

import numpy as np
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.optimize import BFGS
from ase.units import GPa

from tlmlp.calculators import TlmlpCalculator

if not 3 <= len(sys.argv) <= 4:
    sys.exit("usage: python relax.py MODEL STRUCTURE [OUT]")
model, structure, out = [*sys.argv[1:], "relaxed.extxyz"][:3]
atoms = read(structure)
atoms.calc = TlmlpCalculator(model, precision="double")  # line searches and small forces ask for double precision
converged = BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3, steps=500)
print(f"{'relaxed' if converged else 'not converged'}: {atoms.get_potential_energy() / len(atoms):.6f} eV/atom")
print(f"cell lengths {atoms.cell.lengths().round(4)} Å, angles {atoms.cell.angles().round(2)}")
print(
    f"largest force {np.abs(atoms.get_forces()).max():.1e} eV/Å, stress {np.abs(atoms.get_stress()).max() / GPa:.1e} GPa"
)
write(out, atoms)

volumes, energies = [], []
for strain in np.linspace(-0.01, 0.01, 7):
    strained = atoms.copy()
    strained.set_cell(atoms.cell * (1.0 + strain), scale_atoms=True)
    strained.calc = atoms.calc
    BFGS(strained, logfile=None).run(fmax=1e-3, steps=200)
    volumes.append(strained.get_volume())
    energies.append(strained.get_potential_energy())
_, _, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
print(f"bulk modulus {modulus / GPa:.1f} GPa")
