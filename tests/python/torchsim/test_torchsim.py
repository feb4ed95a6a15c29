"""The torch-sim model: torch-sim's own checks, the oracle, batches, and dynamics of several replicas."""

import functools

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch-sim needs torch")
pytest.importorskip("torch_sim", reason="torch-sim is not installed: pip install 'tlmlp[torchsim]'")

import ase
import ase.build
import torch
import torch_sim as ts
from torch_sim.models.interface import validate_model_outputs

from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.testing import standard_structures
from tlmlp.testing.random_models import SMALL, random_potential
from tlmlp.torchsim import TlmlpModel


@pytest.fixture(scope="module")
def potential():
    return random_potential(["Si", "Fe", "Mg", "C", "H"], **SMALL)  # what torch-sim itself checks with


@pytest.fixture(scope="module")
def path(potential, tmp_path_factory):
    file = tmp_path_factory.mktemp("torchsim") / "alloy.pt"
    export_model(potential, file, portable=True)
    return file


def to_atoms(s) -> ase.Atoms:
    return ase.Atoms(numbers=s.atomic_numbers, positions=s.positions, cell=s.cell, pbc=s.pbc)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_checks_of_torch_sim(path, dtype):
    validate_model_outputs(TlmlpModel(path, dtype=dtype), torch.device("cpu"), dtype)


@pytest.mark.parametrize("route", ["ops", "plain"])
@pytest.mark.parametrize("periodic", [True, False])
def test_a_batch_equals_the_oracle(path, potential, route, periodic):
    structures = [s for s in standard_structures(["Si", "Fe"]).values() if (s.pbc == periodic).all()]
    assert len(structures) > 3
    model = TlmlpModel(path, dtype=torch.float64, route=route)
    state = ts.io.atoms_to_state([to_atoms(s) for s in structures], torch.device("cpu"), torch.float64)
    results = model(state)
    first = 0
    for k, s in enumerate(structures):
        expected = oracle_energy_forces_virial(potential, s)
        rows = slice(first, first + len(s))
        first += len(s)
        assert abs(float(results["energy"][k]) - expected["energy"]) < 1e-9 * len(s)
        np.testing.assert_allclose(results["forces"][rows], expected["forces"], rtol=0, atol=1e-8)
        np.testing.assert_allclose(results["energies"][rows], expected["atomic_energies"], rtol=0, atol=1e-9)
        volume = abs(np.linalg.det(s.cell)) if periodic else 1.0
        stress = -np.asarray(expected["virial"]) / volume if periodic else np.zeros((3, 3))
        np.testing.assert_allclose(results["stress"][k], stress, rtol=0, atol=1e-9)


def test_replicas_move_as_in_ase(path):
    """Two replicas of different temperature in one batch of torch-sim, and one after the other in ASE."""
    from ase import units
    from ase.md.verlet import VelocityVerlet

    atoms = ase.build.bulk("Si", "diamond", 5.5, cubic=True)
    atoms.rattle(0.03, seed=2)
    state = ts.io.atoms_to_state([atoms, atoms], torch.device("cpu"), torch.float64)
    timestep = torch.tensor(0.5e-3, dtype=torch.float64) * ts.units.MetalUnits.time
    kT = torch.tensor([200.0, 400.0], dtype=torch.float64) * ts.units.MetalUnits.temperature
    model = TlmlpModel(path, dtype=torch.float64)
    if hasattr(ts, "nve_init"):  # torch-sim 0.4 and later
        state.rng = 1
        state = ts.nve_init(state, model, kT=kT)
        step = functools.partial(ts.nve_step, model=model)
    else:
        init, step = ts.nve(model, dt=timestep, kT=kT, seed=1)
        state = init(state)
    momenta = state.momenta.clone().numpy()
    for _ in range(40):
        state = step(state, dt=timestep)
    for rows, positions in zip((slice(0, 8), slice(8, 16)), state.positions.numpy().reshape(2, 8, 3), strict=True):
        replica = atoms.copy()
        replica.calc = TlmlpCalculator(path, precision="double")
        replica.set_momenta(momenta[rows])
        VelocityVerlet(replica, 0.5 * units.fs).run(40)
        assert np.abs(replica.positions - atoms.positions).max() > 0.03
        difference = (positions - replica.positions + 2.75) % 5.5 - 2.75  # torch-sim keeps atoms in the cell
        np.testing.assert_allclose(difference, 0.0, atol=1e-6)


def test_a_wrong_element_is_one_line(path):
    state = ts.io.atoms_to_state([ase.build.bulk("Ge", "diamond", 5.7)], torch.device("cpu"), torch.float32)
    with pytest.raises(TlmlpError, match="the structure has Ge, the model knows Si, Fe, Mg, C, H"):
        TlmlpModel(path)(state)


def test_a_slab_keeps_its_open_direction(path, potential):
    """Periodicity along each lattice vector, where torch-sim's state has it; 0.3 makes an open cluster of a slab."""
    slab = ase.build.bulk("Si", "diamond", 5.43, cubic=True) * (2, 2, 1)
    slab.rattle(0.05, seed=4)
    slab.pbc = True, True, False
    state = ts.io.atoms_to_state([slab, slab], torch.device("cpu"), torch.float64)
    kept = np.broadcast_to(np.asarray(state.pbc), (3,)).tolist()
    results = TlmlpModel(path, dtype=torch.float64)(state)
    slab.pbc = kept
    calculator = TlmlpCalculator(path, precision="double")
    assert float(results["energy"][1]) == pytest.approx(calculator.get_potential_energy(slab), abs=1e-9)
    np.testing.assert_allclose(results["forces"][: len(slab)], calculator.get_forces(slab), rtol=0, atol=1e-8)
    if ts_keeps_axes():
        assert kept == [True, True, False]


def ts_keeps_axes() -> bool:
    from importlib.metadata import version

    return tuple(int(part) for part in version("torch-sim-atomistic").split(".")[:2]) >= (0, 4)


@pytest.mark.parametrize("pbc", [[True, True, False], [[True, True, False]] * 2, [[True] * 3, [False, True, False]]])
def test_periodicity_of_a_dictionary(path, pbc):
    """For the batch or for each system, whatever the release of torch-sim."""
    atoms = ase.build.bulk("Si", "diamond", 5.43, cubic=True)
    atoms.rattle(0.05, seed=5)
    fields = {
        "positions": torch.from_numpy(np.concatenate([atoms.positions] * 2)),
        "cell": torch.from_numpy(np.stack([atoms.cell.array.T] * 2)),
        "atomic_numbers": torch.full((16,), 14),
        "system_idx": torch.arange(2).repeat_interleave(8),
    }
    results = TlmlpModel(path, dtype=torch.float64)(fields | {"pbc": torch.tensor(pbc)})
    for k, along in enumerate(np.broadcast_to(pbc, (2, 3))):
        atoms.pbc = along
        calculator = TlmlpCalculator(path, precision="double")
        assert float(results["energy"][k]) == pytest.approx(calculator.get_potential_energy(atoms), abs=1e-9)
        stress = results["stress"][k].numpy()[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
        np.testing.assert_allclose(stress, calculator.get_stress(atoms), rtol=0, atol=1e-9)
    with pytest.raises(TlmlpError, match=r"`pbc` must have shape \(\), \(3,\) or \(2, 3\), got \(2,\)"):
        TlmlpModel(path)(fields | {"pbc": torch.tensor([True, False])})
