"""The oracle against both routes, and the oracle against facts."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy import special

from tlmlp.data.neighbours import neighbour_list
from tlmlp.models import oracle
from tlmlp.testing import TOLERANCES, check_same, standard_structures
from tlmlp.testing.backends import oracle_backend, potential_backend

STRUCTURES = standard_structures(("Si", "Ge", "C"))


@pytest.fixture(scope="module")
def backends(make_potential):
    """The oracle, the potential and the scripted potential of a route; made once per route."""

    @functools.cache
    def made(route: str):
        potential = make_potential(("Si", "Ge", "C"), route)
        return oracle_backend(potential), potential_backend(potential), potential_backend(potential, script=True)

    return made


@pytest.mark.parametrize("name", STRUCTURES)
def test_routes_agree_with_the_oracle(name, route, backends):
    oracle_of, *evaluations = backends(route)
    expected = oracle_of(STRUCTURES[name])
    for evaluate in evaluations:
        check_same(evaluate(STRUCTURES[name]), expected, TOLERANCES["float64"], name)


@pytest.mark.parametrize("name", ["random", "skewed", "one atom in a small cell", "perfect diamond", "straight chain"])
def test_float32_agrees_with_the_oracle(name, route, make_potential):
    single = make_potential(("Si", "Ge", "C"), route, torch.float32)
    expected = oracle_backend(single)(STRUCTURES[name])
    check_same(potential_backend(single)(STRUCTURES[name]), expected, TOLERANCES["float32"], name)


@pytest.mark.parametrize(
    "sizes",
    [
        dict(embed_size=128, atom_emb_size=128),
        dict(embed_size=8, n_blocks=2, num_spherical=3, num_radial=4, basis_emb_size=5, envelope_exponent=5),
        dict(embed_size=12, int_emb_size=7, out_size=9, atom_emb_size=3, n_residual_before=2, n_residual_after=1),
        dict(embed_size=8, n_blocks=0, n_dense_output=0),
    ],
    ids=["full size", "small", "odd sizes", "no blocks"],
)
def test_other_sizes_agree_with_the_oracle(sizes, route, make_potential):
    potential = make_potential(("Si", "Ge"), route, strength=1.0, **sizes)
    structure = standard_structures(("Si", "Ge"))["random"]
    expected = oracle_backend(potential)(structure)
    check_same(potential_backend(potential)(structure), expected, TOLERANCES["float64"])


def test_oracle_edges_are_those_of_the_neighbour_list():
    for name, s in STRUCTURES.items():
        edges = oracle.brute_force_edges(s.positions, s.cell, s.pbc, 4.3)
        index, _, shifts = neighbour_list(s.positions, s.cell, s.pbc, 4.3)
        listed = {(int(j), int(i), tuple(map(int, n))) for j, i, n in zip(*index, shifts, strict=True)}
        assert listed == set(edges), name
        assert len(listed) == len(edges)


def test_perfect_diamond_has_the_triplets_of_its_shells():
    """4 + 12 neighbours within 4.3 angstrom, of which each edge pairs with all but its own reverse."""
    s = STRUCTURES["perfect diamond"]
    edges = oracle.brute_force_edges(s.positions, s.cell, s.pbc, 4.3)
    assert len(edges) == 8 * 16
    assert len(oracle.explicit_triplets(edges)) == 8 * 16 * 15


def test_other_images_of_an_atom_are_triplet_partners():
    """One atom per cell: k and i are always the same index, yet all but one image take part."""
    s = STRUCTURES["one atom in a small cell"]
    edges = oracle.brute_force_edges(s.positions, s.cell, s.pbc, 4.3)
    assert len(oracle.explicit_triplets(edges)) == len(edges) * (len(edges) - 1) > 0


def test_oracle_functions_are_those_of_scipy():
    x = np.linspace(0.05, 30.0, 400)
    for order in range(8):
        assert oracle.bessel_j(order, torch.tensor(x)).numpy() == pytest.approx(
            special.spherical_jn(order, x), abs=2e-13
        )
        c = np.linspace(-1.0, 1.0, 101)
        legendre = oracle.legendre(order, torch.tensor(c)).numpy() if order else np.ones_like(c)
        assert legendre == pytest.approx(special.eval_legendre(order, c), abs=1e-14)
        for n in (1, 4, 6):
            assert special.spherical_jn(order, oracle.bessel_zero(order, n)) == pytest.approx(0.0, abs=1e-14)
    assert oracle.bessel_zero(0, 3) == pytest.approx(3.0 * math.pi, abs=1e-12)
