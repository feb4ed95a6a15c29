"""Subsets of atoms, several species, scaling, serialisation, and what is refused, for both forces on the engine."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import openmm
import pytest

import tlmlp.openmm as forces
from tlmlp.errors import TlmlpError
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.openmm import library
from tlmlp.testing import standard_structures
from tlmlp.testing.structures import Structure

ROUTES = ["native", "python"]
PLATFORMS = ["Reference", "CPU"]


def start(system, positions, platform="Reference"):
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName(platform))
    context.setPositions(positions)
    return context


def measure(context):
    state = context.getState(getEnergy=True, getForces=True)
    return state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value


@pytest.fixture(scope="module")
def mixed(alloy):
    """A structure of 14 atoms in OpenMM, and the oracle's result for five of them, in disorder."""
    structure = standard_structures(["Si", "Ge"])["random"]
    chosen = [11, 2, 7, 0, 5]
    part = Structure(structure.positions[chosen], structure.cell, structure.pbc, structure.atomic_numbers[chosen])
    return forces.from_ase(structure), chosen, oracle_energy_forces_virial(alloy[0], part)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_subset_of_atoms_in_any_order(alloy, mixed, route, platform):
    made, chosen, oracle = mixed
    system = forces.create_system(alloy[1], made, route=route, atoms=chosen, precision="double")
    # Another force must not see ours: the array that OpenMM hands over is not zeroed.
    other = openmm.CustomExternalForce("x")
    other.addParticle(3)
    system.addForce(other)
    context = start(system, made.positions, platform)
    measure(context)
    energy, got = measure(context)
    assert abs(energy - made.positions[3, 0] - oracle["energy"] * 96.48533212331) < 1e-5
    got = made.vectors_to_ase(got) / 964.8533212331
    np.testing.assert_allclose(got[chosen], oracle["forces"], atol=1e-8)
    others = np.setdiff1d(np.arange(14), [*chosen, 3])
    np.testing.assert_array_equal(got[others], 0.0)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("route", ROUTES)
def test_scaling_by_a_global_parameter(germanium, crystal, route, platform):
    made = forces.from_ase(crystal)
    system = forces.create_system(germanium[1], made, route=route, scale="lambda_ml", precision="double")
    context = start(system, made.positions, platform)
    energy, force = measure(context)
    for value in (0.25, 0.0, -1.0):
        context.setParameter("lambda_ml", value)
        scaled, got = measure(context)
        assert abs(scaled - value * energy) < 1e-9 * abs(energy)
        np.testing.assert_allclose(got, value * force, atol=1e-9 * np.abs(force).max())
        if route == "native":
            slopes = context.getState(getParameterDerivatives=True).getEnergyParameterDerivatives()
            assert abs(slopes["lambda_ml"] - energy) < 1e-9 * abs(energy)


@pytest.mark.parametrize("route", ROUTES)
def test_the_engine_runs_on_another_device(germanium, crystal, route):
    """The kernels of a GPU, here on the CPU, give what the engine gives; XML keeps the device."""
    made = forces.from_ase(crystal[:12])
    results = []
    for device in ("cpu", "cuda-on-cpu"):
        system = forces.create_system(germanium[1], made, route=route, precision="double", device=device)
        system = openmm.XmlSerializer.clone(system)
        assert route == "python" or f'device="{device}"' in openmm.XmlSerializer.serialize(system.getForce(0))
        results.append(measure(start(system, made.positions)))
    (energy, force), (other_energy, other_force) = results
    assert abs(energy - other_energy) < 1e-9 * abs(energy)
    np.testing.assert_allclose(other_force, force, atol=1e-9 * np.abs(force).max())
    with pytest.raises(TlmlpError, match="`device` must be cpu, cuda, cuda:N or cuda-on-cpu, got 'tpu'"):
        getattr(forces, f"{route}_force")(germanium[1], device="tpu")


def test_a_device_that_is_not_there_is_one_line(germanium, crystal):
    made = forces.from_ase(crystal[:2])
    with pytest.raises(openmm.OpenMMException, match=r"TLMLPForce: .*(CUDA|GPU)") as caught:
        start(forces.create_system(germanium[1], made, device="cuda:99"), made.positions)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_energies_alone_are_not_paid_as_forces(alloy, mixed, platform):
    """A CustomIntegrator that uses `energy` and no `f` asks for no forces; then none are computed, and none left behind."""
    made, _, _ = mixed
    system = forces.create_system(alloy[1], made, precision="double")
    integrator = openmm.CustomIntegrator(0.001)
    integrator.addGlobalVariable("seen", 0.0)
    integrator.addComputePerDof("x", "x + 0.001")
    integrator.addComputeGlobal("seen", "energy")
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform))
    context.setPositions(made.positions)
    integrator.step(5)
    done = forces.statistics(system.getForce(0), context)
    assert done["energies_alone"] == done["evaluations"] == 5
    energy, force = measure(context)
    assert forces.statistics(system.getForce(0), context)["energies_alone"] == 5
    assert abs(integrator.getGlobalVariableByName("seen") - energy) < 1e-12 * abs(energy)
    expected_energy, expected = measure(start(system, made.positions, platform))
    assert abs(energy - expected_energy) < 1e-9 * abs(energy)  # all atoms were moved by the same
    np.testing.assert_allclose(force, expected, atol=1e-7 * np.abs(expected).max())


def test_two_forces_share_a_parameter(germanium, crystal):
    made = forces.from_ase(crystal)
    system = forces.create_system(germanium[1], made, scale="lam", precision="double", atoms=range(32))
    system.addForce(
        forces.native_force(germanium[1], elements=made.numbers, atoms=range(32, 64), scale="lam", precision="double")
    )
    context = start(system, made.positions)
    energy = measure(context)[0]
    for _ in range(2):  # it must not add up from one evaluation to the next
        slopes = context.getState(getParameterDerivatives=True).getEnergyParameterDerivatives()
        assert abs(slopes["lam"] - energy) < 1e-9 * abs(energy)


def test_a_model_of_one_species_needs_no_elements(germanium, crystal):
    made = forces.from_ase(crystal)
    expected = measure(start(forces.create_system(germanium[1], made), made.positions))[0]
    for make in (forces.native_force, forces.python_force):
        system = forces.create_system(germanium[1], made)
        system.removeForce(0)
        system.addForce(make(germanium[1]))
        assert abs(measure(start(system, made.positions))[0] - expected) < 1e-9 * abs(expected)


READ = """
import sys
import openmm
import tlmlp.openmm
system = openmm.XmlSerializer.deserialize(open(sys.argv[1]).read())
state = openmm.XmlSerializer.deserialize(open(sys.argv[2]).read())
context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))
context.setState(state)
now = context.getState(getEnergy=True, getParameterDerivatives=True)
assert "torch" not in sys.modules
print(repr(now.getPotentialEnergy()._value), context.getParameter("lam"))
"""


@pytest.mark.parametrize("route", ROUTES)
def test_xml_in_a_new_process_without_the_model_file(alloy, mixed, tmp_path, route):
    made, chosen, _ = mixed
    model = tmp_path / 'a "quoted" <name> & more.pt'
    model.write_bytes(alloy[1].read_bytes())
    system = forces.create_system(model, made, route=route, atoms=chosen, scale="lam", precision="double", skin=0.7)
    system.getForce(0).setForceGroup(3)
    context = start(system, made.positions)
    context.setParameter("lam", 0.5)
    energy = measure(context)[0]
    (tmp_path / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    state = context.getState(getPositions=True, getParameters=True)
    (tmp_path / "state.xml").write_text(openmm.XmlSerializer.serialize(state))
    model.unlink()
    command = [sys.executable, "-c", READ, str(tmp_path / "system.xml"), str(tmp_path / "state.xml")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    got, scale = map(float, result.stdout.split())
    assert abs(got - energy) < 1e-9 * abs(energy) and scale == 0.5


def test_copies_are_the_same(germanium, crystal):
    force = forces.native_force(
        germanium[1], elements=crystal.numbers, atoms=[3, 1], periodic=False, threads=2, skin=0.25, scale="lam"
    )
    force.setForceGroup(7)
    force.setName("mine")
    text = openmm.XmlSerializer.serialize(force)
    for other in (copy.copy(force), copy.deepcopy(force), pickle.loads(pickle.dumps(force))):
        assert openmm.XmlSerializer.serialize(other) == text
        assert other.getForceGroup() == 7 and other.getName() == "mine"
        assert not other.usesPeriodicBoundaryConditions()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"elements": ["Si", "C"]}, "particle 1 is C, the model knows Si, Ge"),
        ({"elements": ["Si", "Xy"]}, "chemical symbols or atomic numbers, got 'Xy'"),
        ({"elements": [14.7, 32]}, "chemical symbols or atomic numbers, got 14.7"),
        ({"elements": [True, 32]}, "chemical symbols or atomic numbers, got True"),
        ({"elements": [-14, 32]}, "chemical symbols or atomic numbers, got -14"),
        ({"elements": [500]}, "chemical symbols or atomic numbers, got 500"),
        ({"elements": ["Si"], "atoms": [0.5]}, "`atoms` must hold indices, got 0.5"),
        ({}, "give `topology` or `elements`"),
        ({"elements": ["Si"], "atoms": [1]}, "indices from 0 to 0, got 1"),
        ({"elements": ["Si"], "atoms": [-1]}, "got -1"),
        ({"elements": ["Si", "Si"], "atoms": [1, 1]}, "names a particle twice"),
        ({"elements": ["Si"], "atoms": []}, "no atoms"),
        ({"elements": ["Si"], "precision": "half"}, "`precision` must be single or double, got 'half'"),
        ({"elements": ["Si"], "threads": 0}, "`threads` must be 1 or more"),
        ({"elements": ["Si"], "skin": -0.1}, "`skin` must be from 0 to 10 Å"),
        ({"elements": ["Si"], "skin": float("nan")}, "`skin` must be from 0 to 10 Å"),
        ({"elements": ["Si"], "scale": "a b"}, "`scale` must be the name of a global parameter"),
    ],
)
@pytest.mark.parametrize("route", ROUTES)
def test_wrong_options_are_refused_in_one_line(alloy, route, options, message):
    with pytest.raises(TlmlpError) as error:
        getattr(forces, f"{route}_force")(alloy[1], **options)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("nothing", [None, 0, "X"])
@pytest.mark.parametrize("route", ("native", "python"))
def test_particles_without_element_are_left_out(germanium, crystal, route, nothing):
    """As the virtual sites of a topology are."""
    elements = [*crystal.numbers.tolist(), *[nothing] * 3]
    system = openmm.System()
    for _ in elements:
        system.addParticle(1.0)
    made = forces.from_ase(crystal)
    system.setDefaultPeriodicBoxVectors(*made.box.tolist())
    system.addForce(getattr(forces, f"{route}_force")(germanium[1], elements=elements))
    energy, got = measure(start(system, np.concatenate([made.positions, np.zeros((3, 3))])))[:2]
    alone = measure(start(forces.create_system(germanium[1], made, route=route), made.positions))
    assert energy == alone[0]
    np.testing.assert_array_equal(got[-3:], 0.0)
    np.testing.assert_array_equal(got[:-3], alone[1])


@pytest.mark.parametrize("route", ROUTES)
def test_bad_files_are_refused_in_one_line(alloy, tmp_path, route):
    make = getattr(forces, f"{route}_force")
    with pytest.raises(TlmlpError, match="does not exist"):
        make(tmp_path / "none.pt")
    cut = tmp_path / "cut.pt"
    cut.write_bytes(alloy[1].read_bytes()[:-500])
    with pytest.raises(TlmlpError, match="cannot use the model file"):
        make(cut)


def test_what_only_a_context_can_see_is_one_line(alloy, germanium, crystal):
    def failing(system, positions):
        with pytest.raises(openmm.OpenMMException) as error:
            measure(start(system, positions))
        assert "\n" not in str(error.value)
        return str(error.value)

    made = forces.from_ase(crystal)
    small = forces.from_ase(crystal[:2])
    system = forces.create_system(germanium[1], small)
    system.addForce(forces.native_force(germanium[1], elements=["Ge"] * 9, atoms=[8]))
    assert "no particle 8, the System has 2" in failing(system, small.positions)

    positions = made.positions.copy()
    positions[5] = positions[4]
    assert "same place" in failing(forces.create_system(germanium[1], made), positions)
    positions[5, 2] = np.nan
    assert "position of atom 5 is not finite" in failing(forces.create_system(germanium[1], made), positions)

    text = openmm.XmlSerializer.serialize(forces.native_force(germanium[1]))
    with pytest.raises(openmm.OpenMMException, match="version 9, this tlmlp reads version 1"):
        openmm.XmlSerializer.deserialize(
            text.replace('version="1"', 'version="9"', 1).replace('<Force version="1"', '<Force version="9"')
        )


def test_a_context_survives_a_failed_evaluation(germanium, crystal):
    made = forces.from_ase(crystal)
    context = start(forces.create_system(germanium[1], made), made.positions)
    energy = measure(context)[0]
    bad = made.positions.copy()
    bad[0] = np.nan
    context.setPositions(bad)
    with pytest.raises(openmm.OpenMMException):
        measure(context)
    context.setPositions(made.positions)
    assert abs(measure(context)[0] - energy) < 1e-6 * abs(energy)


def test_another_series_of_openmm_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(library, "built_for", lambda: "7.7")
    with pytest.raises(
        TlmlpError, match=r"built for OpenMM 7\.7, but OpenMM .* is installed: run `tlmlp openmm build`"
    ):
        library.check()


def test_a_missing_library_is_named_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "library_path", lambda: tmp_path / "libtlmlp_openmm.so")
    with pytest.raises(TlmlpError, match=r"is not built .*: run `tlmlp openmm build`"):
        library.check()


def test_torch_force_says_what_it_needs():
    if forces.available_routes()["torch"] is None:
        pytest.skip("TorchForce works here")
    with pytest.raises(TlmlpError, match=r"TorchForce needs openmmtorch 1\.5 with torch 2\.9 and openmm 8\.5"):
        forces.torch_force("any.pt")


def test_the_library_needs_no_torch_and_no_python():
    result = subprocess.run(["ldd", str(library.library_path())], capture_output=True, text=True)
    assert "libOpenMM.so" in result.stdout
    for other in ("libtorch", "libc10", "libpython"):
        assert other not in result.stdout
