"""Models with random weights for the forces of OpenMM."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def openmm_and_torch() -> None:
    """Without either there is nothing to test here."""
    pytest.importorskip("openmm", reason="the package openmm is not installed")
    pytest.importorskip("torch", reason="models are made with torch")


def make(folder, species, **sizes):
    from tlmlp.export import export_model
    from tlmlp.testing.random_models import random_potential

    potential = random_potential(species, **sizes)
    path = folder / f"{'-'.join(species)}.pt"
    export_model(potential, path, portable=True)
    return potential, path


@pytest.fixture(scope="session")
def alloy(tmp_path_factory):
    """Potential and file of two species, default sizes."""
    return make(tmp_path_factory.mktemp("openmm"), ["Si", "Ge"], scale=20.0)


@pytest.fixture(scope="session")
def germanium(tmp_path_factory):
    """Potential and file of one species, small network."""
    from tlmlp.testing.random_models import SMALL

    return make(tmp_path_factory.mktemp("openmm"), ["Ge"], **SMALL)


@pytest.fixture(scope="session")
def crystal():
    """64 atoms of germanium, displaced."""
    from ase.build import bulk

    atoms = bulk("Ge", "diamond", 5.7, cubic=True) * (2, 2, 2)
    atoms.rattle(0.05, seed=8)
    return atoms
