"""Glossary: one name per quantity, with shape and unit. Code, files and messages use these words only.

N atoms, E directed edges, S species of a model.
"""

#: (N, 3) float64, Å.
POSITIONS = "positions"
#: (3, 3) float64, Å; rows are the lattice vectors.
CELL = "cell"
#: (3,) bool; periodic along each lattice vector.
PBC = "pbc"
#: (N,) int64, chemical atomic numbers.
ATOMIC_NUMBERS = "atomic_numbers"
#: (N,) int64, index into the model's list of species.
SPECIES = "species"
#: (2, E) int64; row 0 is the source j, row 1 the target i.
EDGE_INDEX = "edge_index"
#: (E, 3), Å; r_j - r_i + S.cell, from the target to the source.
EDGE_VECTOR = "edge_vector"
#: scalar, eV.
ENERGY = "energy"
#: (N,), eV.
ATOMIC_ENERGIES = "atomic_energies"
#: (N, 3), eV/Å.
FORCES = "forces"
#: (3, 3), eV; -dE/d(strain).
VIRIAL = "virial"
#: (3, 3), eV/Å^3; -virial/volume, tensile positive.
STRESS = "stress"

#: Labels in extended XYZ files written by this package.
REF_ENERGY = "REF_energy"
REF_FORCES = "REF_forces"
REF_STRESS = "REF_stress"
