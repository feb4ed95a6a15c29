"""Tests of TorchForce, for the environment of scripts/torchforce-env.sh; elsewhere they are skipped with the reason."""

import importlib.util

import pytest


def pytest_collection_modifyitems(items) -> None:
    """Mark the tests as skipped before their fixtures make models."""
    if importlib.util.find_spec("openmm") is None:
        reason = "the package openmm is not installed"
    else:
        from tlmlp.openmm import available_routes

        reason = available_routes()["torch"]
    if reason is not None:
        for item in items:
            if item.path.parent.name == "torchforce":
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def alloy(tmp_path_factory):
    """Potential and file of two species, small network."""
    return _make(tmp_path_factory.mktemp("torchforce"), ["Si", "Ge"], True)


@pytest.fixture(scope="session", params=[False, True], ids=["operators", "portable"])
def germanium(request, tmp_path_factory):
    """Potential and file of one species, on the compiled operators and on those of torch."""
    return _make(tmp_path_factory.mktemp("torchforce"), ["Ge"], request.param)


def _make(folder, species, portable):
    from tlmlp.export import export_model
    from tlmlp.testing.random_models import SMALL, random_potential

    potential = random_potential(species, **SMALL)
    path = folder / f"{'-'.join(species)}.pt"
    export_model(potential, path, portable=portable)
    return potential, path


@pytest.fixture(scope="session")
def crystal():
    """64 atoms of germanium, displaced."""
    from ase.build import bulk

    atoms = bulk("Ge", "diamond", 5.7, cubic=True) * (2, 2, 2)
    atoms.rattle(0.05, seed=8)
    return atoms
