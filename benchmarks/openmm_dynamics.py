"""Dynamics of a model in OpenMM over times that tests cannot spend: energy drift, temperature, pressure.

usage: python benchmarks/openmm_dynamics.py MODEL SYMBOL LATTICE_CONSTANT [--picoseconds 10] [--platform CPU] [--threads 1]
           [--only nve langevin barostat]

64 atoms of the diamond lattice. NVE at 300 K with steps of 0.5 fs: slope of the total energy. Langevin at 1200 K, friction
10/ps: mean temperature with its standard error. A barostat at 300 K and zero pressure: mean lattice constant, beside the
one of least energy. Each run is as long as --picoseconds says, its first tenth not counted.
"""

import argparse
import json

import numpy as np
import openmm
from ase.build import bulk
from openmm import unit

from tlmlp.openmm import create_system, evaluate, from_ase, statistics

BOLTZMANN = unit.MOLAR_GAS_CONSTANT_R.value_in_unit(unit.kilojoule_per_mole / unit.kelvin)
EV = 96.48533212331  # kJ/mol
SAMPLES = 200


def context_of(arguments, integrator, temperature, *forces):
    """The crystal with velocities, and its structure."""
    atoms = bulk(arguments.symbol, "diamond", arguments.lattice, cubic=True) * (2, 2, 2)
    made = from_ase(atoms)
    system = create_system(arguments.model, made, threads=arguments.threads)
    for force in forces:
        system.addForce(force)
    properties = {"Threads": str(arguments.threads)} if arguments.platform == "CPU" else {}
    platform = openmm.Platform.getPlatformByName(arguments.platform)
    context = openmm.Context(system, integrator, platform, properties)
    context.setPositions(made.positions)
    context.setVelocitiesToTemperature(2 * temperature, 1)  # half of it goes into the potential energy
    return context


def sample(arguments, integrator, step_fs, read):
    """``read()`` at SAMPLES times after the first tenth."""
    steps = round(arguments.picoseconds * 1000.0 / step_fs)
    integrator.step(steps // 10)
    rows = []
    for _ in range(SAMPLES):
        integrator.step(max(1, (steps - steps // 10) // SAMPLES))
        rows.append(read())
    return np.array(rows)


def nve(arguments):
    """Slope of the total energy, meV per atom in 10 ps."""
    integrator = openmm.VerletIntegrator(0.0005)
    context = context_of(arguments, integrator, 300.0)

    def read():
        state = context.getState(getEnergy=True)
        return state.getTime()._value, state.getPotentialEnergy()._value + state.getKineticEnergy()._value

    time, energy = sample(arguments, integrator, 0.5, read).T
    done = statistics(context.getSystem().getForce(0), context)
    slope = np.polyfit(time, energy, 1)[0] / EV / 64
    return {"drift_mev_per_atom_10ps": 1e4 * slope, "spread_mev_per_atom": 1e3 * np.ptp(energy) / EV / 64, **done}


def langevin(arguments):
    """Mean temperature and its standard error from ten blocks, K."""
    integrator = openmm.LangevinMiddleIntegrator(1200.0, 10.0, 0.001)
    integrator.setRandomNumberSeed(1)
    context = context_of(arguments, integrator, 1200.0)

    def read():
        return 2.0 * context.getState(getEnergy=True).getKineticEnergy()._value / (3 * 64 * BOLTZMANN)

    temperatures = sample(arguments, integrator, 1.0, read)
    blocks = temperatures.reshape(10, -1).mean(axis=1)
    return {"temperature_k": temperatures.mean(), "standard_error_k": blocks.std(ddof=1) / np.sqrt(10)}


def barostat(arguments):
    """Mean lattice constant at 300 K and no pressure, and that of least energy, Å."""
    integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.001)
    integrator.setRandomNumberSeed(1)
    force = openmm.MonteCarloBarostat(0.0, 300.0, 25)
    force.setRandomNumberSeed(1)
    context = context_of(arguments, integrator, 300.0, force)
    volumes = sample(arguments, integrator, 1.0, lambda: context.getState().getPeriodicBoxVolume()._value)
    constants = np.linspace(0.97, 1.03, 25) * arguments.lattice
    cells = [bulk(arguments.symbol, "diamond", a, cubic=True) for a in constants]
    energies = [evaluate(arguments.model, cell)["energy"] for cell in cells]
    a, b, _ = np.polyfit(constants, energies, 2)
    return {
        "lattice_constant_angstrom": 10.0 * np.cbrt(volumes.mean()) / 2,
        "standard_error_angstrom": np.std(10.0 * np.cbrt(volumes.reshape(10, -1).mean(axis=1)) / 2, ddof=1)
        / np.sqrt(10),
        "lattice_constant_of_least_energy": -b / (2 * a),
    }


RUNS = {"nve": nve, "langevin": langevin, "barostat": barostat}


def main():
    """Print one JSON object per run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("symbol")
    parser.add_argument("lattice", type=float)
    parser.add_argument("--picoseconds", type=float, default=10.0)
    parser.add_argument("--platform", default="CPU")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS))
    arguments = parser.parse_args()
    for name in arguments.only:
        result = {key: round(float(value), 5) for key, value in RUNS[name](arguments).items()}
        print(json.dumps({"run": name, "picoseconds": arguments.picoseconds, **result}), flush=True)


if __name__ == "__main__":
    main()
