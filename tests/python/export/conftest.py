"""Exported models with random weights."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def torch_is_here() -> None:
    pytest.importorskip("torch", reason="models are exported with torch")


@pytest.fixture(scope="session")
def potential():
    """Two species, small network, float32."""
    import torch

    from tlmlp.testing.random_models import SMALL, random_potential

    return random_potential(["Si", "Ge"], dtype=torch.float32, **SMALL)


@pytest.fixture(scope="session")
def model_path(potential, tmp_path_factory):
    """``potential`` as a portable file."""
    from tlmlp.export import export_model

    path = tmp_path_factory.mktemp("export") / "alloy.pt"
    export_model(
        potential, path, {"min_distance": 2.1, "provenance": {"seed": 1, "element_map": {"Si": "Ge"}}}, portable=True
    )
    return path


@pytest.fixture(scope="session")
def germanium_path(tmp_path_factory):
    """One species, default sizes, float32, on the compiled operators."""
    import torch

    from tlmlp.export import export_model
    from tlmlp.testing.random_models import random_potential

    path = tmp_path_factory.mktemp("export") / "ge.pt"
    export_model(random_potential(["Ge"], dtype=torch.float32), path, {"min_distance": 2.0})
    return path
