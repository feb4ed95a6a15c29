"""Energies, forces and their derivatives through OpenMM, in OpenMM's own units, against the oracle."""

import numpy as np
import openmm
import pytest

from tlmlp.errors import TlmlpError
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.openmm import create_system, evaluate, from_ase
from tlmlp.testing import standard_structures

KJ_PER_MOL = 96.48533212331  # 1 eV
STRUCTURES = {
    name: structure
    for name, structure in standard_structures(["Si", "Ge"]).items()
    if structure.pbc.all() or not structure.pbc.any()
}
# eV per atom and eV/Å, as every route of the package is held to.
LIMITS = {"double": (1e-8, 1e-8), "single": (1e-5, 2e-5)}


@pytest.fixture(scope="module")
def expected(alloy):
    return {name: oracle_energy_forces_virial(alloy[0], structure) for name, structure in STRUCTURES.items()}


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("route", ["native", "python"])
def test_every_structure_agrees_with_the_oracle(alloy, expected, route, precision, platform):
    energy, forces = LIMITS[precision]
    for name, structure in STRUCTURES.items():
        result = evaluate(alloy[1], structure, route=route, platform=platform, precision=precision)
        scale = max(1.0, np.abs(expected[name]["forces"]).max(initial=0.0))
        assert abs(result["energy"] - expected[name]["energy"]) < energy * len(structure) * scale, name
        np.testing.assert_allclose(
            result["forces"], expected[name]["forces"], rtol=0, atol=forces * scale, err_msg=name
        )


def context_of(path, structure, **options):
    system = create_system(path, structure, precision="double", **options)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(from_ase(structure).positions)
    return context


def energy_at(context, positions):
    context.setPositions(positions)
    return context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)


@pytest.mark.parametrize("route", ["native", "python"])
def test_forces_are_the_derivative_of_the_energy_in_kj_per_mol_and_nm(alloy, route):
    structure = STRUCTURES["random"]
    context = context_of(alloy[1], structure, route=route)
    state = context.getState(getForces=True, getPositions=True)
    forces = state.getForces(asNumpy=True).value_in_unit(openmm.unit.kilojoule_per_mole / openmm.unit.nanometer)
    positions = state.getPositions(asNumpy=True).value_in_unit(openmm.unit.nanometer)
    step = 1e-5  # nm
    for atom, axis in ((0, 0), (5, 1), (13, 2)):
        moved = [positions.copy(), positions.copy()]
        moved[0][atom, axis] += step
        moved[1][atom, axis] -= step
        slope = -(energy_at(context, moved[0]) - energy_at(context, moved[1])) / (2 * step)
        assert abs(slope - forces[atom, axis]) < 1e-6 * np.abs(forces).max()


@pytest.mark.parametrize("route", ["native", "python"])
def test_box_vectors_are_rows_in_nm(alloy, expected, route):
    """dE/dV of a growing box, by differences in OpenMM, is the trace of the oracle's virial."""
    for name in ("random", "skewed", "one atom in a small cell"):
        made = from_ase(STRUCTURES[name])
        context = context_of(alloy[1], STRUCTURES[name], route=route)
        energies = []
        for strain in (1e-5, -1e-5):
            context.setPeriodicBoxVectors(*(made.box * (1.0 + strain)))
            energies.append(energy_at(context, made.positions * (1.0 + strain)))
        trace = -(energies[0] - energies[1]) / 2e-5 / KJ_PER_MOL
        assert abs(trace - np.trace(expected[name]["virial"])) < 1e-5 * max(1.0, abs(trace)), name


def test_one_atom_and_no_neighbours(germanium):
    potential, path = germanium
    for name in ("isolated atom", "no edges", "dimer and isolated atom"):
        structure = standard_structures(["Ge"])[name]
        result, oracle = evaluate(path, structure), oracle_energy_forces_virial(potential, structure)
        assert abs(result["energy"] - oracle["energy"]) < 1e-4
        np.testing.assert_allclose(result["forces"], oracle["forces"], atol=1e-4)


def test_a_slab_is_refused(germanium):
    with pytest.raises(TlmlpError, match="periodic in all directions or in none"):
        evaluate(germanium[1], standard_structures(["Ge"])["slab"])
