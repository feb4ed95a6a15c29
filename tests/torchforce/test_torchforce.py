"""TorchForce in a real OpenMM: the exported file as it is, and what tlmlp.openmm.torch_force makes of it."""

import subprocess
import sys

import numpy as np
import pytest

from tlmlp.testing import standard_structures
from tlmlp.testing.structures import Structure

KJ_PER_MOL = 96.48533212331  # 1 eV
STRUCTURES = {
    name: structure
    for name, structure in standard_structures(["Si", "Ge"]).items()
    if structure.pbc.all() or not structure.pbc.any()
}
LIMITS = {"double": (1e-8, 1e-8), "single": (1e-5, 2e-5)}  # eV per atom, eV/Å


def oracle(potential, structure):
    from tlmlp.models.oracle import oracle_energy_forces_virial

    return oracle_energy_forces_virial(potential, structure)


def start(system, positions, platform="Reference"):
    import openmm

    context = openmm.Context(system, openmm.VerletIntegrator(0.0005), openmm.Platform.getPlatformByName(platform))
    context.setPositions(positions)
    return context


def measure(context):
    state = context.getState(getEnergy=True, getForces=True)
    return state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("portable", [False, True], ids=["operators", "portable"])
def test_every_structure_agrees_with_the_oracle(alloy, portable, precision, platform):
    from tlmlp.openmm import evaluate

    energy, forces = LIMITS[precision]
    names = ["random", "skewed", "dimer"] if portable or platform == "CPU" else list(STRUCTURES)
    for name in names:
        structure, expected = STRUCTURES[name], oracle(alloy[0], STRUCTURES[name])
        result = evaluate(alloy[1], structure, route="torch", platform=platform, precision=precision, portable=portable)
        scale = max(1.0, np.abs(expected["forces"]).max(initial=0.0))
        assert abs(result["energy"] - expected["energy"]) < energy * len(structure) * scale, name
        np.testing.assert_allclose(result["forces"], expected["forces"], rtol=0, atol=forces * scale, err_msg=name)


def test_the_exported_file_runs_as_it_is(germanium, crystal):
    import openmmtorch

    from tlmlp import ops
    from tlmlp.openmm import create_system, from_ase

    ops.load()
    made = from_ase(crystal)
    system = create_system(germanium[1], made, precision="double")
    expected = measure(start(system, made.positions))
    system.removeForce(0)
    force = openmmtorch.TorchForce(str(germanium[1]))
    force.setOutputsForces(True)
    force.setUsesPeriodicBoundaryConditions(True)
    system.addForce(force)
    energy, forces = measure(start(system, made.positions))
    assert abs(energy - expected[0]) < 64 * 1e-8 * KJ_PER_MOL
    np.testing.assert_allclose(forces, expected[1], rtol=0, atol=1e-7 * 10 * KJ_PER_MOL)


def test_forces_are_the_derivative_of_the_energy_in_kj_per_mol_and_nm(germanium, crystal):
    from tlmlp.openmm import create_system, from_ase

    made = from_ase(crystal)
    context = start(create_system(germanium[1], made, route="torch", precision="double"), made.positions)
    forces, step = measure(context)[1], 1e-5
    for atom, axis in ((0, 0), (33, 2)):
        energies = []
        for sign in (1.0, -1.0):
            positions = made.positions.copy()
            positions[atom, axis] += sign * step
            context.setPositions(positions)
            energies.append(measure(context)[0])
        slope = -(energies[0] - energies[1]) / (2 * step)
        assert abs(slope - forces[atom, axis]) < 1e-5 * np.abs(forces).max()


@pytest.mark.parametrize("name", ["random", "cluster"])
def test_a_subset_of_two_species_scaled_with_its_derivative(alloy, name):
    from tlmlp.openmm import create_system, from_ase

    structure, chosen = STRUCTURES[name], [7, 2, 0, 5]
    part = Structure(structure.positions[chosen], structure.cell, structure.pbc, structure.atomic_numbers[chosen])
    expected = oracle(alloy[0], part)
    made = from_ase(structure)
    system = create_system(alloy[1], made, route="torch", atoms=chosen, precision="double", scale="lambda_ml")
    context = start(system, made.positions)
    for value in (1.0, 0.25):
        context.setParameter("lambda_ml", value)
        energy, forces = measure(context)
        assert abs(energy / KJ_PER_MOL - value * expected["energy"]) < 1e-7
        forces = made.vectors_to_ase(forces) / (10 * KJ_PER_MOL)
        np.testing.assert_allclose(forces[chosen], value * expected["forces"], atol=1e-8)
        np.testing.assert_array_equal(forces[np.setdiff1d(np.arange(len(structure)), chosen)], 0.0)
        slopes = context.getState(getParameterDerivatives=True).getEnergyParameterDerivatives()
        assert abs(slopes["lambda_ml"] / KJ_PER_MOL - expected["energy"]) < 1e-7


READ = """
import sys
import openmm
import openmmtorch
from tlmlp import ops
ops.load()
system = openmm.XmlSerializer.deserialize(open(sys.argv[1]).read())
state = openmm.XmlSerializer.deserialize(open(sys.argv[2]).read())
context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))
context.setState(state)
print(repr(context.getState(getEnergy=True).getPotentialEnergy()._value))
"""


def test_xml_in_a_new_process(germanium, crystal, tmp_path):
    import openmm

    from tlmlp.openmm import create_system, from_ase

    made = from_ase(crystal)
    system = create_system(germanium[1], made, route="torch", precision="double", scale="lam", portable=False)
    context = start(system, made.positions)
    (tmp_path / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    (tmp_path / "state.xml").write_text(openmm.XmlSerializer.serialize(context.getState(getPositions=True)))
    command = [sys.executable, "-c", READ, str(tmp_path / "system.xml"), str(tmp_path / "state.xml")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    energy = measure(context)[0]
    assert abs(float(result.stdout) - energy) < 1e-9 * abs(energy)


def test_dynamics_with_a_barostat(alloy, germanium, crystal):
    """Energy is conserved; after moves of a barostat the box is the one that the energy belongs to."""
    import openmm

    from tlmlp.openmm import create_system, evaluate, from_ase

    made = from_ase(crystal[:32])
    made.box[0] *= 0.5
    system = create_system(germanium[1], made, route="torch")
    context = start(system, made.positions, "CPU")
    openmm.LocalEnergyMinimizer.minimize(context, 10.0, 20)
    context.setVelocitiesToTemperature(300.0, 5)
    totals = []
    for _ in range(10):
        context.getIntegrator().step(10)
        state = context.getState(getEnergy=True)
        totals.append(state.getPotentialEnergy()._value + state.getKineticEnergy()._value)
    kinetic = 1.5 * 32 * 0.0083145 * 300.0
    assert np.ptp(totals) < 0.05 * kinetic

    system.addForce(openmm.MonteCarloBarostat(10000.0, 300.0, 1))
    positions = context.getState(getPositions=True).getPositions(asNumpy=True)
    context = start(system, positions, "CPU")
    context.setVelocitiesToTemperature(300.0, 6)
    context.getIntegrator().step(30)
    state = context.getState(getEnergy=True, getPositions=True)
    box = state.getPeriodicBoxVectors(asNumpy=True)._value
    assert np.abs(np.diag(box) / np.diag(made.box) - 1.0).max() > 1e-4, "the box did not change"
    moved = crystal[:32]
    moved.positions = state.getPositions(asNumpy=True)._value * 10.0
    moved.set_cell(box * 10.0)
    expected = evaluate(germanium[1], moved, precision="double")["energy"] * KJ_PER_MOL
    assert abs(state.getPotentialEnergy()._value - expected) < 32 * 1e-5 * KJ_PER_MOL
