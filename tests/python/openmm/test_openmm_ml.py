"""openmm-ml: the entry point, whole systems and mixed ones."""

import subprocess
import sys

import numpy as np
import openmm
import pytest

import tlmlp.openmm as forces
from tlmlp.errors import TlmlpError


@pytest.fixture(scope="module")
def potential_class():
    mlpotential = pytest.importorskip("openmmml", reason="the package openmmml is not installed")
    from tlmlp.openmm.ml import TlmlpPotentialImplFactory

    # A checkout that is on the path without being installed has no entry point.
    mlpotential.MLPotential.registerImplFactory("tlmlp", TlmlpPotentialImplFactory())
    return mlpotential.MLPotential


def energy(system, positions):
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions)
    return context.getState(getEnergy=True).getPotentialEnergy()._value


def test_the_entry_point_is_declared_and_loads_nothing_heavy():
    pytest.importorskip("openmmml", reason="the package openmmml is not installed")
    code = (
        "import sys\n"
        "from tlmlp.openmm.ml import TlmlpPotentialImplFactory\n"
        "import openmmml\n"
        "heavy = {'torch', 'ase', 'scipy', 'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    from importlib.metadata import PackageNotFoundError, entry_points, version

    try:
        version("tlmlp")
    except PackageNotFoundError:
        pytest.skip("tlmlp is on the path without being installed: no entry points")
    names = [point.value for point in entry_points(group="openmmml.potentials") if point.name == "tlmlp"]
    assert names == ["tlmlp.openmm.ml:TlmlpPotentialImplFactory"]


def test_create_system(potential_class, germanium, crystal):
    made = forces.from_ase(crystal)
    expected = energy(forces.create_system(germanium[1], made, precision="double"), made.positions)
    for options in ({}, {"implementation": "native"}, {"implementation": "python"}):
        potential = potential_class("tlmlp", modelPath=str(germanium[1]), precision="double")
        system = potential.createSystem(made.topology(), **options)
        assert abs(energy(system, made.positions) - expected) < 1e-9 * abs(expected)


def test_create_mixed_system(potential_class, germanium, crystal):
    """Bonds between the atoms of the model go, those of the others stay; lambda_interpolate mixes the two."""
    made = forces.from_ase(crystal)
    mm = openmm.System()
    for mass in made.masses:
        mm.addParticle(mass)
    mm.setDefaultPeriodicBoxVectors(*made.box.tolist())
    bonds = openmm.HarmonicBondForce()
    for i, j in ((0, 1), (1, 2), (40, 41)):
        bonds.addBond(i, j, 0.2, 1000.0)
    bonds.setUsesPeriodicBoundaryConditions(True)
    mm.addForce(bonds)
    chosen = list(range(32))
    potential = potential_class("tlmlp", modelPath=str(germanium[1]))
    mixed = potential.createMixedSystem(made.topology(), mm, chosen, precision="double")

    ml_part = forces.create_system(germanium[1], made, atoms=chosen, precision="double")
    outside = openmm.XmlSerializer.clone(mm)
    outside.getForce(0).setBondParameters(0, 0, 1, 0.2, 0.0)
    outside.getForce(0).setBondParameters(1, 1, 2, 0.2, 0.0)
    expected = energy(ml_part, made.positions) + energy(outside, made.positions)
    assert abs(energy(mixed, made.positions) - expected) < 1e-9 * abs(expected)

    both = potential.createMixedSystem(made.topology(), mm, chosen, interpolate=True, precision="double")
    context = openmm.Context(both, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(made.positions)
    values = []
    for scale in (0.0, 0.5, 1.0):
        context.setParameter("lambda_interpolate", scale)
        values.append(context.getState(getEnergy=True).getPotentialEnergy()._value)
    np.testing.assert_allclose(values[2], expected, rtol=1e-9)
    np.testing.assert_allclose(values[0], energy(mm, made.positions), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(values[1], 0.5 * (values[0] + values[2]), rtol=1e-9)


def test_what_is_missing_or_unknown_is_named(potential_class, germanium, crystal):
    with pytest.raises(TlmlpError, match=r"modelPath='ge.pt'"):
        potential_class("tlmlp")
    potential = potential_class("tlmlp", modelPath=str(germanium[1]))
    with pytest.raises(TlmlpError, match="unknown option 'presicion'"):
        potential.createSystem(forces.from_ase(crystal).topology(), presicion="double")
