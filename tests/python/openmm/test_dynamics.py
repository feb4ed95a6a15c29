"""Moving systems in OpenMM: conserved energy, temperature, pressure, and a neighbour list that is kept."""

import numpy as np
import openmm
import pytest
from openmm import unit

from tlmlp.openmm import create_system, evaluate, from_ase, statistics

BOLTZMANN = 0.00831446261815324  # kJ/mol/K
CPU = {"Threads": "1"}


def start(system, made, integrator, temperature=None, minimise=True):
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"), CPU)
    context.setPositions(made.positions)
    if minimise:
        openmm.LocalEnergyMinimizer.minimize(context, 5.0, 60)
    if temperature is not None:
        context.setVelocitiesToTemperature(temperature, 5)
    return context


def energies(context):
    state = context.getState(getEnergy=True)
    return state.getPotentialEnergy()._value, state.getKineticEnergy()._value


def test_nve_conserves_energy_and_keeps_its_list(germanium, crystal):
    made = from_ase(crystal)
    system = create_system(germanium[1], made)
    integrator = openmm.VerletIntegrator(0.0005)
    context = start(system, made, integrator, 600.0)
    integrator.step(100)
    rows = []
    for _ in range(50):
        integrator.step(10)
        rows.append(energies(context))
    potential, kinetic = np.array(rows).T
    total = potential + kinetic
    assert np.ptp(potential) > 50.0, "nothing moved"
    # Verlet with half a step between positions and velocities: the error goes as the square of the step.
    assert np.ptp(total) < 1e-2 * np.ptp(potential)
    slope = np.polyfit(0.005 * np.arange(50), total, 1)[0] / 96.48533212331  # eV/ps
    assert abs(slope) * 10.0 / 64 < 1e-3, "drift of 1 meV/atom in 10 ps"

    done = statistics(system.getForce(0), context)
    assert done["evaluations"] > 600 and 1 < done["neighbour_builds"] < 0.2 * done["evaluations"]
    # The list that was kept gives what a new one gives.
    fresh = crystal.copy()
    state = context.getState(getPositions=True, getForces=True, getEnergy=True)
    fresh.positions = made.positions_to_ase(state.getPositions(asNumpy=True)._value)
    expected = evaluate(germanium[1], fresh, skin=0.0)
    got = made.vectors_to_ase(state.getForces(asNumpy=True)._value) / 964.8533212331
    np.testing.assert_allclose(got, expected["forces"], atol=2e-5 * np.abs(got).max())


def test_langevin_temperature(germanium, crystal):
    small = crystal[:32]
    small.set_cell(crystal.cell.array * [0.5, 1, 1])
    made = from_ase(small)
    integrator = openmm.LangevinMiddleIntegrator(600.0, 20.0, 0.001)
    integrator.setRandomNumberSeed(3)
    context = start(create_system(germanium[1], made), made, integrator, 600.0)
    integrator.step(300)
    temperatures = []
    for _ in range(400):
        integrator.step(5)
        temperatures.append(2.0 * energies(context)[1] / (3 * len(small) * BOLTZMANN))
    # 2 ps with 20/ps: some 40 to 80 independent samples of relative spread sqrt(2 / 96).
    assert abs(np.mean(temperatures) / 600.0 - 1.0) < 0.07


@pytest.mark.parametrize("route", ["native", "python"])
def test_a_barostat_on_a_gas_that_is_switched_off(germanium, route):
    """With the scale at 0 the atoms are an ideal gas: <V> = (N + 1) kT / P. Switched on in the last, changed box, the
    energy is that of a new evaluation."""
    import ase

    edge = 8.0
    grid = np.stack(np.meshgrid(*[[0.0, 0.5]] * 3), axis=-1).reshape(-1, 3)
    gas = ase.Atoms("Ge8", positions=grid * edge, cell=[edge] * 3, pbc=True)
    made = from_ase(gas)
    volume = 0.001 * edge**3
    temperature = 300.0
    pressure = 9 * BOLTZMANN * temperature / volume * unit.kilojoule_per_mole / unit.nanometer**3
    bar = (pressure / unit.AVOGADRO_CONSTANT_NA).value_in_unit(unit.bar)
    system = create_system(germanium[1], made, route=route, scale="on", precision="double", skin=0.6)
    barostat = openmm.MonteCarloBarostat(bar, temperature, 1)
    barostat.setRandomNumberSeed(11)
    system.addForce(barostat)
    integrator = openmm.LangevinMiddleIntegrator(temperature, 5.0, 0.004)
    integrator.setRandomNumberSeed(7)
    context = start(system, made, integrator, temperature, minimise=False)
    context.setParameter("on", 0.0)
    integrator.step(300)
    volumes = []
    for _ in range(1200):
        integrator.step(2)
        volumes.append(context.getState().getPeriodicBoxVolume()._value)
    assert np.std(volumes) / np.mean(volumes) > 0.15, "the box does not change"
    # Relative spread 1/3, correlated over some ten samples.
    assert abs(np.mean(volumes) / volume - 1.0) < 0.12

    context.setParameter("on", 1.0)
    state = context.getState(getEnergy=True, getPositions=True)
    gas.positions = made.positions_to_ase(state.getPositions(asNumpy=True)._value)
    gas.set_cell(made.lattice_to_ase(state.getPeriodicBoxVectors(asNumpy=True)._value))
    expected = evaluate(germanium[1], gas, precision="double", skin=0.0)["energy"] * 96.48533212331
    assert abs(state.getPotentialEnergy()._value - expected) < 1e-6 * abs(expected)
