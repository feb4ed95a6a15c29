"""The mean of several models and their disagreement, against numbers made by hand."""

import ase
import numpy as np
import pytest

pytest.importorskip("torch", reason="models for the tests are made with torch")

from tlmlp.calculators import TlmlpCalculator, TlmlpCommittee
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.testing import standard_structures
from tlmlp.testing.random_models import SMALL, random_potential


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("committee")
    for seed in (1, 2, 3):
        export_model(random_potential(["Si"], seed=seed, **SMALL), folder / f"{seed}.pt", portable=True)
    return [folder / f"{seed}.pt" for seed in (1, 2, 3)]


def atoms_of(name: str) -> ase.Atoms:
    s = standard_structures()[name]
    return ase.Atoms(numbers=s.atomic_numbers, positions=s.positions, cell=s.cell, pbc=s.pbc)


def test_mean_and_deviation(paths):
    atoms = atoms_of("random")
    members = []
    for path in paths:
        atoms.calc = TlmlpCalculator(path, precision="double")
        members.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(), atoms.get_stresses()))
    atoms.calc = TlmlpCommittee(paths, precision="double")
    energies = [member[0] for member in members]
    assert atoms.get_potential_energy() == pytest.approx(sum(energies) / 3, abs=1e-12)
    mean = sum(member[1] for member in members) / 3
    np.testing.assert_allclose(atoms.get_forces(), mean, atol=1e-12)
    np.testing.assert_allclose(atoms.get_stress(), sum(member[2] for member in members) / 3, atol=1e-12)
    np.testing.assert_allclose(atoms.get_stresses(), sum(member[3] for member in members) / 3, atol=1e-12)
    results = atoms.calc.results
    for n in range(len(atoms)):
        squares = [np.linalg.norm(member[1][n] - mean[n]) ** 2 for member in members]
        assert results["force_deviation"][n] == pytest.approx(np.sqrt(sum(squares) / 3), rel=1e-10)
    assert results["energy_deviation"] == pytest.approx(np.std(energies), rel=1e-10)
    assert results["committee_forces"].shape == (3, len(atoms), 3) and results["force_deviation"].max() > 1e-3


def test_equal_members_agree_and_moves_are_followed(paths):
    atoms = atoms_of("cluster")
    atoms.calc = TlmlpCommittee([paths[0], paths[0]])
    before = atoms.get_forces()
    assert not atoms.calc.results["force_deviation"].any() and "stress" not in atoms.calc.results
    atoms.positions[0] += 0.1
    assert np.abs(atoms.get_forces() - before).max() > 1e-3


def test_one_model_is_no_committee(paths):
    for wrong in (paths[:1], str(paths[0])):
        with pytest.raises(TlmlpError, match="two models or more"):
            TlmlpCommittee(wrong)
