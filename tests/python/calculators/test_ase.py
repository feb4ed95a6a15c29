"""The ASE calculator against finite differences, the oracle, and the ways ASE uses a calculator."""

import subprocess
import sys
import warnings
from pathlib import Path

import ase
import ase.build
import numpy as np
import pytest

pytest.importorskip("torch", reason="the calculator's backend needs torch")

import torch
from ase.optimize import BFGS

import tlmlp
from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.testing import TOLERANCES, check_all, standard_structures
from tlmlp.testing.random_models import SMALL, random_potential

PACKAGE_ROOT = Path(tlmlp.__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def potential():
    return random_potential(["Si", "Ge"], **SMALL)


@pytest.fixture(scope="module")
def path(potential, tmp_path_factory):
    file = tmp_path_factory.mktemp("calculator") / "alloy.pt"
    export_model(potential, file, {"min_distance": 1.2}, portable=True)
    return file


def calculator(path, precision: str = "double", **kwargs) -> TlmlpCalculator:
    return TlmlpCalculator(path, precision=precision, **kwargs)


def to_atoms(structure) -> ase.Atoms:
    return ase.Atoms(
        numbers=structure.atomic_numbers, positions=structure.positions, cell=structure.cell, pbc=structure.pbc
    )


def backend(path, **kwargs):
    """The calculator as the checks want it; the virial from the stress."""
    calc = calculator(path, **kwargs)

    def compute(structure):
        atoms = to_atoms(structure)
        calc.calculate(atoms)
        stress = calc.results["stress"][[0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(3, 3)
        return {
            "energy": calc.results["energy"],
            "forces": calc.results["forces"],
            "atomic_energies": calc.results["energies"],
            "virial": -stress * atoms.get_volume(),
        }

    return compute


@pytest.mark.parametrize("name", ["random", "skewed", "two atoms", "one atom in a small cell"])
def test_finite_differences_and_invariances(path, name):
    check_all(backend(path), standard_structures(["Si", "Ge"])[name], TOLERANCES["float64"])


@pytest.mark.parametrize("which", ["engine", "torch", "torch-plain"])
def test_equals_the_oracle(path, potential, which):
    calc = calculator(path, backend=which)
    for name, structure in standard_structures(["Si", "Ge"]).items():
        atoms = to_atoms(structure)
        atoms.calc = calc
        expected = oracle_energy_forces_virial(potential, structure)
        n = len(atoms)
        assert abs(atoms.get_potential_energy() - expected["energy"]) < 1e-9 * n, name
        np.testing.assert_allclose(atoms.get_forces(), expected["forces"], rtol=0, atol=1e-8, err_msg=name)
        np.testing.assert_allclose(atoms.get_potential_energies(), expected["atomic_energies"], atol=1e-8, err_msg=name)
        assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
        if abs(np.linalg.det(structure.cell)) > 0:
            stress = -np.asarray(expected["virial"]) / atoms.get_volume()
            np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, rtol=0, atol=1e-9, err_msg=name)
        else:
            with pytest.raises(NotImplementedError):
                atoms.get_stress()


def test_single_precision_is_close_to_double_and_the_default(path):
    atoms = to_atoms(standard_structures(["Si", "Ge"])["random"])
    atoms.calc = calculator(path)
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    atoms.calc = TlmlpCalculator(path)
    assert 0 < np.abs(atoms.get_forces() - forces).max() < 1e-4
    assert abs(atoms.get_potential_energy() - energy) < 1e-4


@pytest.mark.parametrize("which", ["FrechetCellFilter", "StrainFilter"])
def test_relaxation_of_positions_and_cell(path, which):
    import ase.filters

    atoms = ase.build.bulk("Ge", "diamond", 5.7)
    atoms.rattle(0.05, seed=1)
    atoms.calc = calculator(path)
    before, stress = atoms.get_potential_energy(), np.abs(atoms.get_stress()).max()
    with BFGS(getattr(ase.filters, which)(atoms), logfile=None, maxstep=0.05) as optimiser:
        optimiser.run(fmax=2e-3, steps=120)
    assert atoms.get_potential_energy() < before
    assert np.abs(atoms.get_stress()).max() < 0.05 * stress


@pytest.mark.parametrize("which", ["FIRE", "LBFGS", "BFGSLineSearch"])
def test_optimisers_end_where_the_forces_vanish(path, which):
    import ase.optimize

    atoms = ase.build.bulk("Ge", "diamond", 5.7)
    atoms.rattle(0.05, seed=1)
    atoms.calc = calculator(path)
    before = atoms.get_potential_energy()
    assert getattr(ase.optimize, which)(atoms, logfile=None).run(fmax=1e-3, steps=200)
    assert atoms.get_potential_energy() < before and np.abs(atoms.get_forces()).max() < 1e-3
    assert atoms.calc.neighbour_list.reuses > atoms.calc.neighbour_list.builds


def test_constant_energy_dynamics_do_not_depend_on_the_skin(path):
    """Velocity Verlet: energy kept, and the same trajectory to the last bit with a kept list and with a new one."""
    import ase.units
    from ase.md.verlet import VelocityVerlet

    ends, builds = [], []
    for skin in (0.0, 0.6):
        atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
        atoms.calc = calculator(path, skin=skin)
        BFGS(atoms, logfile=None).run(fmax=0.01, steps=50)
        spread = np.sqrt(atoms.get_masses()[:, None] * ase.units.kB * 600.0)
        atoms.set_momenta(spread * np.random.default_rng(5).normal(size=(len(atoms), 3)))
        energies = []
        dynamics = VelocityVerlet(atoms, 0.5 * ase.units.fs)
        dynamics.attach(lambda a=atoms, e=energies: e.append(a.get_total_energy()))
        dynamics.run(150)
        assert np.ptp(energies) < 1e-3 * 8  # 1 meV/atom
        ends.append(atoms.positions.copy())
        builds.append(atoms.calc.neighbour_list.builds)
    assert np.array_equal(ends[0], ends[1]) and builds[1] < builds[0] / 10


def test_stresses_of_atoms(path):
    """They sum to the stress, and over each of two groups out of each other's reach to the virial of the group alone."""
    s = standard_structures(["Si", "Ge"])["cluster"]
    one = to_atoms(s)
    one.set_cell(np.eye(3) * 40.0)
    two = one.copy()
    two.rotate(40, "x")
    two.positions[:, 2] += 20.0
    both = one + two
    expected = []
    for group in (one, two):
        group.calc = calculator(path)
        expected.append(group.get_stress() * 40.0**3)
    both.calc = calculator(path)
    both.get_potential_energy()
    stresses = both.get_stresses()
    assert stresses.shape == (16, 6)
    np.testing.assert_allclose(stresses.sum(axis=0), both.get_stress(), rtol=0, atol=1e-13)
    for rows, one_group in zip((stresses[:8], stresses[8:]), expected, strict=True):
        np.testing.assert_allclose(rows.sum(axis=0) * 40.0**3, one_group, rtol=0, atol=1e-9)
    assert np.ptp(stresses, axis=0).max() > 0


def test_the_engine_needs_no_torch_and_threads_do_not_matter(path):
    code = f"""
import sys
sys.modules["torch"] = None  # as if it were not installed
import ase.build
from tlmlp.calculators import TlmlpCalculator
atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
atoms.rattle(0.1, seed=1)
energies = set()
for threads in (1, 2):
    atoms.calc = TlmlpCalculator({str(path)!r}, threads=threads)
    energies.add(atoms.get_potential_energy())
assert len(energies) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(PACKAGE_ROOT)})


def test_results_are_kept_until_something_changes(path, monkeypatch):
    atoms = ase.build.bulk("Ge", "diamond", 5.7)
    atoms.calc = calculator(path)
    calls = []
    compute = atoms.calc._backend.compute
    monkeypatch.setattr(atoms.calc._backend, "compute", lambda *a: calls.append(1) or compute(*a))
    atoms.get_forces()
    atoms.get_stress()
    atoms.get_stresses()
    assert len(calls) == 1
    atoms.positions[0, 0] += 0.01
    atoms.get_potential_energy()
    assert len(calls) == 2


def test_close_atoms_are_warned_of_once(path):
    atoms = ase.Atoms("Ge2", [[0, 0, 0], [0, 0, 1.1]])
    atoms.calc = calculator(path)
    with pytest.warns(UserWarning, match=r"atoms \d and \d are 1\.100 Å apart.*\(1\.200 Å\)"):
        atoms.get_forces()
    atoms.positions[1, 2] = 1.15
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        atoms.get_forces()


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (ase.Atoms("C2", [[0, 0, 0], [0, 0, 2]]), "the structure has C, the model knows Si, Ge"),
        (ase.Atoms("Ge2", [[1, 2, 3], [np.nan, 0, 0]]), r"must be finite, atom 1 is at \(nan 0 0\)"),
        (ase.Atoms("Ge", [[0, 0, 0]], cell=[[np.inf, 0, 0], [0, 9, 0], [0, 0, 9]], pbc=True), "`cell` must be finite"),
        (ase.Atoms("Ge", [[0, 0, 0]], pbc=True), "zero volume"),
        (ase.Atoms("Ge2", [[1, 1, 1], [1, 1, 1]]), r"atoms \d and \d coincide"),
    ],
)
def test_bad_structures_give_one_line(path, atoms, message):
    atoms.calc = calculator(path)
    with pytest.raises(TlmlpError, match=message):
        atoms.get_potential_energy()


def test_bad_arguments(path, tmp_path):
    with pytest.raises(TlmlpError, match="must be single or double, got 'float16'"):
        TlmlpCalculator(path, precision="float16")
    with pytest.raises(TlmlpError, match="`backend` must be"):
        TlmlpCalculator(path, backend="gpu")
    with pytest.raises(TlmlpError, match="`skin` must be a length"):
        TlmlpCalculator(path, skin=float("nan"))
    with pytest.raises(TlmlpError, match="does not exist"):
        TlmlpCalculator(tmp_path / "none.pt")


def test_importing_calculators_loads_no_torch():
    code = "import sys, tlmlp.calculators; from tlmlp.calculators import TlmlpCalculator; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(PACKAGE_ROOT)})


def test_random_forces_have_the_size_of_real_ones(path):
    """Guards the tests themselves: forces too small would hide errors."""
    atoms = to_atoms(standard_structures(["Si", "Ge"])["random"])
    atoms.calc = calculator(path)
    assert 0.1 < np.abs(atoms.get_forces()).max() < 100.0
    assert torch.get_default_dtype() is torch.float32
