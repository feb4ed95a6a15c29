"""Physics checks that run on any backend: a callable that takes a frame and returns a dictionary.

The dictionary holds ``energy`` (eV), ``forces`` (n, 3) in eV/angstrom, ``virial`` (3, 3) = -dE/d(strain) in eV and
``atomic_energies`` (n,) in eV. Importing this package loads no torch.
"""

from tlmlp.testing.checks import (
    check_all,
    check_cutoff,
    check_forces,
    check_isolated_atoms,
    check_lattice_shift,
    check_permutation,
    check_replication,
    check_rotation,
    check_same,
    check_total_force,
    check_translation,
    check_virial,
)
from tlmlp.testing.structures import Structure, standard_structures
from tlmlp.testing.tolerances import TOLERANCES, Tolerances

__all__ = [
    "TOLERANCES",
    "Structure",
    "Tolerances",
    "check_all",
    "check_cutoff",
    "check_forces",
    "check_isolated_atoms",
    "check_lattice_shift",
    "check_permutation",
    "check_replication",
    "check_rotation",
    "check_same",
    "check_total_force",
    "check_translation",
    "check_virial",
    "standard_structures",
]
