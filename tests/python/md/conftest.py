"""A small model and a relaxed crystal, so that short runs stay near a minimum."""

from collections.abc import Callable
from pathlib import Path

import ase
import ase.build
import pytest

pytest.importorskip("torch", reason="models for the tests are made with torch")

from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from tlmlp.calculators import TlmlpCalculator
from tlmlp.export import export_model
from tlmlp.md.settings import MDSettings, make_settings
from tlmlp.md.simulation import engine_missing
from tlmlp.testing.random_models import SMALL, random_potential

#: Under which the crystal is relaxed, eV/Å^3: 16 GPa.
PRESSURE = 0.1


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "si.pt"
    export_model(random_potential(["Si"], 4.3, **SMALL), path, {"min_distance": 0.5}, portable=True)
    return path


@pytest.fixture(scope="session")
def crystal(model, tmp_path_factory) -> Path:
    """Eight atoms at a minimum of enthalpy under PRESSURE, in a skewed, left-handed cell that no engine takes as it is."""
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True)
    atoms.rattle(0.05, seed=1)
    atoms.calc = TlmlpCalculator(model, precision="double")
    cell = FrechetCellFilter(atoms, hydrostatic_strain=True, scalar_pressure=PRESSURE)
    assert BFGS(cell, logfile=None, maxstep=0.1).run(fmax=0.01, steps=400)
    rows = atoms.cell.array.copy()
    atoms.set_cell([rows[1], rows[0], rows[2] + rows[0]], scale_atoms=False)
    atoms.rotate(35, (1, 2, 3), rotate_cell=True)
    path = tmp_path_factory.mktemp("structure") / "si8.traj"
    atoms.calc = None
    atoms.write(path)
    return path


@pytest.fixture(params=["ase", "lammps", "openmm"])
def engine(request) -> str:
    reason = engine_missing(request.param)
    if reason is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def settings(model, crystal) -> Callable[..., MDSettings]:
    """Settings of a run of this model and crystal."""

    def make(**values) -> MDSettings:
        return make_settings(**{"model": model, "structure": crystal, "precision": "double", **values})

    return make


@pytest.fixture
def pressure() -> float:
    """GPa, of the relaxed crystal."""
    return PRESSURE * 160.2176634
