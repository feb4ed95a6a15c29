"""Dynamics on a device: lists, integrator, thermostat; against ASE, the CPU's engine and statistics."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made with torch")

from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from tlmlp import _core
from tlmlp.calculators import TlmlpCalculator
from tlmlp.cuda import Replicas
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.testing import standard_structures
from tlmlp.testing.random_models import SMALL, random_potential

SPECIES = ("Si", "Ge", "C")
STRUCTURES = standard_structures(SPECIES)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("replicas") / "alloy.pt"
    export_model(random_potential(SPECIES, 4.3, scale=20.0, **SMALL), file, {}, portable=True)
    return file


@pytest.fixture(scope="module")
def weak(tmp_path_factory):
    """A model that hardly acts, so that the thermostat alone decides."""
    file = tmp_path_factory.mktemp("replicas") / "weak.pt"
    export_model(random_potential(("Si",), 4.3, scale=1e-3, embed_size=8, n_blocks=0), file, {}, portable=True)
    return file


def test_lists_made_on_the_device_find_every_neighbour(path, device):
    """Energies and forces of all standard structures side by side, as with neighbours found by vesin."""
    replicas = Replicas(path, list(STRUCTURES.values()), temperature=0.0, precision="double", device=device)
    engine = _core.Engine(str(path), precision="double")
    state = replicas.state()
    for k, (name, s) in enumerate(STRUCTURES.items()):
        species = [engine.species_of(int(z)) for z in s.atomic_numbers]
        expected = engine.compute(species, np.reshape(s.positions, (-1, 3)), s.cell, s.pbc)
        assert abs(state.energies[k] - expected["energy"]) < 1e-9, name
        np.testing.assert_allclose(state.forces[k], expected["forces"], rtol=0, atol=1e-9, err_msg=name)


def test_a_repulsion_of_the_model_is_added(tmp_path, device):
    """Energies and forces with the ZBL term of the model, one that acts at the distances of a crystal."""
    file = tmp_path / "zbl.pt"
    repulsion = {"inner": 1.5, "outer": 3.0}
    export_model(random_potential(SPECIES, 4.3, scale=20.0, zbl=repulsion, **SMALL), file, {}, portable=True)
    test_lists_made_on_the_device_find_every_neighbour(file, device)


def test_threads_may_share_replicas(path, device):
    """Four threads that run and look: together the steps of one, to the last bit."""
    together, alone = (
        Replicas(path, [STRUCTURES["random"]], temperature=300.0, precision="double", device=device) for _ in range(2)
    )

    def work(_):
        for _ in range(2):
            together.run(1)
            assert np.isfinite(together.state().positions[0]).all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    alone.run(8)
    np.testing.assert_array_equal(together.state().positions[0], alone.state().positions[0])


@pytest.mark.parametrize("name", ["cpu", "", "gpu", "cuda:x"])
def test_a_device_that_replicas_do_not_run_on(path, name):
    with pytest.raises(TlmlpError, match="`device` must be cuda, cuda:N or cuda-on-cpu, got"):
        Replicas(path, [STRUCTURES["random"]], temperature=300.0, device=name)


def test_constant_energy_follows_ase(path, device):
    """Velocity Verlet: the same path as ASE's, on the CPU's engine, for three structures at once."""
    names = ["random", "slab", "one atom in a small cell"]
    structures = [STRUCTURES[name] for name in names]
    replicas = Replicas(
        path, structures, temperature=600.0, friction=0.0, time_step=1.0, precision="double", device=device
    )
    start = replicas.state()
    replicas.run(25)
    end = replicas.state()
    assert end.steps == 25
    for k, s in enumerate(structures):
        atoms = Atoms(s.atomic_numbers, s.positions, cell=s.cell, pbc=s.pbc)
        atoms.calc = TlmlpCalculator(path, precision="double")
        atoms.set_velocities(start.velocities[k] / units.fs)
        VelocityVerlet(atoms, 1.0 * units.fs).run(25)
        np.testing.assert_allclose(end.positions[k], atoms.positions, rtol=0, atol=1e-6)
        total = end.energies[k] + end.kinetic[k]
        assert abs(total - start.energies[k] - start.kinetic[k]) < 2e-3 * max(len(s), 1)


def test_a_replica_does_not_depend_on_its_company(path, device):
    """The same bits alone, beside others and in another order."""
    structures = [STRUCTURES[name] for name in ("random", "cluster", "wire")]
    options = dict(temperature=500.0, precision="single", device=device)
    together = Replicas(path, structures, seeds=[5, 6, 7], **options)
    alone = Replicas(path, structures[1:2], seeds=[6], **options)
    for replicas in (together, alone):
        replicas.run(15)
    assert np.array_equal(together.state().positions[1], alone.state().positions[0])
    assert np.array_equal(together.state().velocities[1], alone.state().velocities[0])
    assert not np.array_equal(together.state().velocities[1], together.state().velocities[0][:8])


def test_a_replica_that_breaks_up_is_named_and_leaves_the_others_alone(path, device):
    """One atom without a number, one that flies off: both are found, the third replica moves as it does alone."""
    structures = [STRUCTURES["random"]] * 3
    rest = np.zeros_like(STRUCTURES["random"].positions)
    broken, flying = rest.copy(), rest.copy()
    broken[1] = 1e200, 1e200, -1e200
    flying[2, 0] = 1e5
    options = dict(temperature=500.0, seeds=[5, 6, 7], precision="single", device=device)
    replicas = Replicas(path, structures, velocities=[broken, flying, rest], **options)
    replicas.run(0)
    assert list(replicas.state().lost) == [-1, -1, -1]
    with pytest.warns(UserWarning, match=r"2 of 3 replicas \(number 0, 1\) broke up by step 15"):
        replicas.run(15)
    assert list(replicas.state().lost) == [15, 15, -1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replicas.run(5)  # said once
    whole = Replicas(path, structures[2:], velocities=[rest], **{**options, "seeds": [7]})
    whole.run(20)
    assert np.array_equal(replicas.state().positions[2], whole.state().positions[0])


def test_lists_that_outgrow_their_room_are_made_again(path, device):
    """Atoms that fly together: more neighbours than there was room for; one long run equals single steps."""
    gas = STRUCTURES["cluster"]
    centre = gas.positions.mean(axis=0)
    gas = gas.replace(positions=centre + 2.6 * (gas.positions - centre))
    inwards = [-(gas.positions - centre) * 0.004]
    options = dict(temperature=0.0, friction=0.0, time_step=2.0, velocities=inwards, precision="double", device=device)
    long, short = Replicas(path, [gas], **options), Replicas(path, [gas], **options)
    before = long._core.edges
    long.run(60)
    for _ in range(60):
        short.run(1)
    assert long._core.edges > 2 * before
    np.testing.assert_array_equal(long.state().positions[0], short.state().positions[0])


def test_temperature_of_the_thermostat(weak, device):
    """Free atoms: from rest, the mean square velocity relaxes as 1 - exp(-2 friction t) to that of the temperature."""
    box = STRUCTURES["no edges"].replace(
        positions=np.random.default_rng(0).random((60, 3)) * 900.0,
        cell=np.eye(3) * 900.0,
        atomic_numbers=np.full(60, 14),
    )
    replicas = Replicas(
        weak,
        [box] * 20,
        temperature=np.repeat([300.0, 1200.0], 10),
        friction=0.02,
        time_step=2.0,
        velocities=[np.zeros((60, 3))] * 20,
        device=device,
    )
    for steps in (10, 90):
        replicas.run(steps)
        state = replicas.state()
        share = 1.0 - np.exp(-2.0 * 0.02 * 2.0 * state.steps)
        for part, temperature in ((slice(0, 10), 300.0), (slice(10, 20), 1200.0)):
            expected = temperature * share
            # The mean over 1,800 components scatters by sqrt(2 / 1800) = 3.3 %: four times that.
            assert abs(state.temperatures[part].mean() - expected) < 0.133 * expected
    components = np.concatenate([v.ravel() for v in state.velocities[:10]])
    kurtosis = (components**4).mean() / (components**2).mean() ** 2
    assert abs(kurtosis - 3.0) < 0.5 and abs(components.mean()) < 0.1 * components.std()
    assert abs(np.corrcoef(components[:-1], components[1:])[0, 1]) < 0.1


def test_bad_input(path):
    with pytest.raises(TlmlpError, match="time step must be from"):
        Replicas(path, [STRUCTURES["wire"]], temperature=300.0, time_step=0.0, device="cuda-on-cpu")
    with pytest.raises(TlmlpError, match="one entry for each"):
        Replicas(path, [STRUCTURES["wire"]], temperature=300.0, seeds=[1, 2], device="cuda-on-cpu")
    with pytest.raises(TlmlpError, match="must have a volume"):
        flat = STRUCTURES["random"].replace(cell=np.zeros((3, 3)))
        Replicas(path, [flat], temperature=300.0, device="cuda-on-cpu")
    assert len(Replicas(path, [], temperature=300.0, device="cuda-on-cpu")) == 0
