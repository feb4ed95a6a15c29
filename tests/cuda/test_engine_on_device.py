"""The GPU's engine against the oracle: its kernels run on the CPU here, and on a GPU where there is one."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models for the engine are made with torch")

from tlmlp import _core
from tlmlp.data.neighbours import neighbour_list
from tlmlp.export import export_model
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.testing import TOLERANCES, check_all, check_cutoff, check_isolated_atoms, check_same, standard_structures
from tlmlp.testing.random_models import random_potential

SPECIES = ("Si", "Ge", "C")
STRUCTURES = standard_structures(SPECIES)
DTYPES = {"double": "float64", "single": "float32"}


def backend(path, device, precision="double"):
    """The engine on a device as the checks want it."""
    engine = _core.Engine(str(path), precision=precision, device=device)

    def compute(structure):
        species = [engine.species_of(int(z)) for z in structure.atomic_numbers]
        return engine.compute(species, np.reshape(structure.positions, (-1, 3)), structure.cell, structure.pbc)

    return compute


@pytest.fixture(scope="module")
def potential():
    return random_potential(SPECIES, 4.3, scale=20.0)


@pytest.fixture(scope="module")
def path(potential, tmp_path_factory):
    file = tmp_path_factory.mktemp("device") / "alloy.pt"
    export_model(potential, file, {}, portable=True)
    return file


@pytest.fixture(scope="module")
def expected(potential):
    return {name: oracle_energy_forces_virial(potential, structure) for name, structure in STRUCTURES.items()}


@pytest.mark.parametrize("precision", DTYPES)
def test_every_structure_agrees_with_the_oracle(path, expected, device, precision):
    compute = backend(path, device, precision)
    for name, structure in STRUCTURES.items():
        check_same(compute(structure), expected[name], TOLERANCES[DTYPES[precision]], f"{name}:")


@pytest.mark.parametrize(
    "sizes",
    [
        dict(embed_size=128, atom_emb_size=128, n_blocks=1),
        dict(embed_size=8, n_blocks=2, num_spherical=3, num_radial=4, basis_emb_size=5, envelope_exponent=5),
        dict(embed_size=12, int_emb_size=7, out_size=9, atom_emb_size=3, n_residual_before=2, n_residual_after=1),
        dict(embed_size=8, num_spherical=9, num_radial=8, n_blocks=1),
        dict(embed_size=8, n_blocks=0, n_dense_output=0),
    ],
    ids=["full width", "small", "odd sizes", "many orders", "no blocks"],
)
def test_other_sizes_agree_with_the_oracle(sizes, device, tmp_path):
    potential = random_potential(SPECIES[:2], 4.3, scale=5.0, **sizes)
    export_model(potential, tmp_path / "model.pt", {}, portable=True)
    structure = standard_structures(SPECIES[:2])["slab"]
    expected = oracle_energy_forces_virial(potential, structure)
    check_same(backend(tmp_path / "model.pt", device)(structure), expected, TOLERANCES["float64"])


def test_physics(device, tmp_path):
    potential = random_potential(SPECIES, 4.3, scale=20.0, embed_size=8, n_blocks=2)
    export_model(potential, tmp_path / "small.pt", {}, portable=True)
    compute = backend(tmp_path / "small.pt", device)
    check_all(compute, STRUCTURES["two atoms"], TOLERANCES["float64"])
    check_isolated_atoms(compute, 14, TOLERANCES["float64"])
    check_cutoff(compute, (14, 32, 6), 4.3)


def test_hot_silicon_in_float32(device, tmp_path):
    """64 atoms as far off their places as at some 1,500 K: 2e-5 eV/angstrom for forces of some eV/angstrom."""
    potential = random_potential(("Si",), 4.3)
    export_model(potential, tmp_path / "si.pt", {}, portable=True)
    hot = standard_structures(("Si",))["perfect diamond"]
    images = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = (hot.positions[None] + (images @ hot.cell)[:, None]).reshape(-1, 3)
    positions = positions + np.random.default_rng(5).normal(scale=0.17, size=positions.shape)
    hot = hot.replace(positions=positions, cell=2 * hot.cell, atomic_numbers=np.full(64, 14))
    exact = oracle_energy_forces_virial(potential, hot)["forces"]
    assert np.abs(exact).max() > 0.5
    forces = backend(tmp_path / "si.pt", device, "single")(hot)["forces"]
    np.testing.assert_allclose(forces, exact, rtol=0, atol=2e-5)


def test_edges_gradients_and_energies_alone(path, device):
    """Edge gradients add up to the forces and the virial; energies without forces are the same; twice is the same."""
    engine = _core.Engine(str(path), precision="double", device=device)
    s = STRUCTURES["skewed"]
    species = [engine.species_of(int(z)) for z in s.atomic_numbers]
    edges, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, engine.cutoff)
    result = engine.compute_edges(species, edges, vectors, edge_gradients=True)
    forces = np.zeros_like(result["forces"])
    np.add.at(forces, edges[1], result["edge_gradients"])
    np.add.at(forces, edges[0], -result["edge_gradients"])
    np.testing.assert_allclose(forces, result["forces"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(-result["edge_gradients"].T @ vectors, result["virial"], rtol=0, atol=1e-11)
    alone = engine.compute_edges(species, edges, vectors, forces=False)
    assert alone["energy"] == result["energy"] and "forces" not in alone
    for _ in range(3):  # on a GPU the second and later calls replay a recording
        again = engine.compute_edges(species, edges, vectors)
        assert np.array_equal(again["forces"], result["forces"]) and again["energy"] == result["energy"]


def test_the_cpu_engine_agrees_on_a_larger_crystal(path, device):
    """216 atoms, both precisions: more than one tile of every kind."""
    s = STRUCTURES["perfect diamond"]
    images = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = (s.positions[None] + (images @ s.cell)[:, None]).reshape(-1, 3)
    positions = positions + np.random.default_rng(3).normal(scale=0.15, size=positions.shape)
    numbers = np.random.default_rng(4).choice([14, 32, 6], len(positions))
    big = s.replace(positions=positions, cell=3 * s.cell, atomic_numbers=numbers)
    for precision, dtype in DTYPES.items():
        check_same(backend(path, device, precision)(big), backend(path, "cpu")(big), TOLERANCES[dtype])


def test_empty_and_bad_input(path, device):
    engine = _core.Engine(str(path), device=device)
    empty = engine.compute(np.zeros(0, int), np.zeros((0, 3)), np.eye(3), [False] * 3)
    assert empty["energy"] == 0.0 and empty["forces"].shape == (0, 3) and not empty["virial"].any()
    with pytest.raises(RuntimeError, match="species number 7"):
        engine.compute([7], np.zeros((1, 3)), np.eye(3), [False] * 3)
    with pytest.raises(RuntimeError, match="device must be"):
        _core.Engine(str(path), device="gpu")
    if not _core.built_with_cuda():
        with pytest.raises(RuntimeError, match="TLMLP_CUDA=ON"):
            _core.Engine(str(path), device="cuda")
