"""Invariances, finite differences and smoothness of both routes."""

import pytest
import torch

from tlmlp.testing import TOLERANCES, check_all, check_cutoff, check_isolated_atoms, standard_structures
from tlmlp.testing.backends import potential_backend
from tlmlp.testing.checks import check_lattice_shift, check_permutation, check_rotation, check_total_force

STRUCTURES = standard_structures(("Si", "Ge"))


#: The plain route agrees with the compiled one on all structures (test_oracle.py) and is slow: a few will do.
CASES = [("ops", name) for name in STRUCTURES]
CASES += [("plain", name) for name in ("skewed", "one atom in a small cell", "wire", "perfect diamond")]


@pytest.mark.parametrize("route, name", CASES, indirect=["route"])
def test_all_checks_in_double_precision(route, name, make_potential):
    compute = potential_backend(make_potential(("Si", "Ge"), route))
    check_all(compute, STRUCTURES[name], TOLERANCES["float64"])


@pytest.mark.parametrize("name", ["random", "skewed", "perfect diamond"])
def test_invariances_in_single_precision(name, route, make_potential):
    compute = potential_backend(make_potential(("Si", "Ge"), route, torch.float32))
    for check in (check_total_force, check_rotation, check_lattice_shift, check_permutation):
        check(compute, STRUCTURES[name], TOLERANCES["float32"])


def test_isolated_atoms(route, make_potential):
    check_isolated_atoms(potential_backend(make_potential(("Si",), route)), 14, TOLERANCES["float64"])


def test_twice_differentiable_at_the_cutoff(route, make_potential):
    check_cutoff(potential_backend(make_potential(("Si", "Ge"), route)), (14, 32, 14), 4.3)


def test_straight_angles_are_ordinary_points(route, make_potential):
    """Forces of a straight chain are the limit of those of a slightly bent one, and lie along it."""
    compute = potential_backend(make_potential(("Si", "Ge"), route))
    chain = STRUCTURES["straight chain"]
    straight = compute(chain)
    assert abs(straight["forces"][:, :2]).max() < 1e-12
    bent = chain.positions.copy()
    bent[1, 0] += 1e-7
    assert compute(chain.replace(positions=bent))["forces"] == pytest.approx(straight["forces"], abs=1e-5)
