"""Calculators in several threads, as copies, and in other processes: the same numbers to the last bit."""

import copy
import multiprocessing
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ase.build import bulk
from ase.mep import NEB

import tlmlp
from tlmlp.calculators import TlmlpCalculator, TlmlpCommittee
from tlmlp.shipped import model_path

SI = tlmlp.pretrained("si-dft")
BACKENDS = ["engine", "torch", "torch-plain"]


def silicon(seed, n=1):
    atoms = bulk("Si", cubic=True) * (1, 1, n)
    atoms.rattle(0.05, seed=seed)
    return atoms


def need(backend):
    if backend != "engine":
        pytest.importorskip("torch", reason="this backend needs torch")


def numbers(atoms):
    calc = atoms.calc
    return calc.get_potential_energy(atoms), calc.get_forces(atoms), calc.get_stresses(atoms)


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_may_share_a_calculator(backend):
    """ASE keeps the results of the last structure: without a lock the threads read each other's."""
    need(backend)
    count = 8 if backend == "engine" else 3
    frames = [silicon(seed, 1 + seed % 2) for seed in range(count)]
    alone = [TlmlpCalculator(SI, backend=backend).get_potential_energy(a) for a in frames]
    shared = TlmlpCalculator(SI, backend=backend)

    def work(k):
        return [(shared.get_potential_energy(frames[k]), shared.get_forces(frames[k]).shape) for _ in range(2)]

    with ThreadPoolExecutor(count) as pool:
        for k, results in enumerate(pool.map(work, range(count))):
            assert results == [(alone[k], (len(frames[k]), 3))] * 2


def test_threads_may_share_a_committee():
    frames = [silicon(seed) for seed in range(4)]
    shared = TlmlpCommittee([SI, SI])
    with ThreadPoolExecutor(4) as pool:
        energies = list(pool.map(shared.get_potential_energy, frames))
    assert energies == [TlmlpCalculator(SI).get_potential_energy(a) for a in frames]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("kind", [*BACKENDS, "committee", "double"])
def test_a_copy_is_a_calculator_of_its_own(kind, copied, tmp_path):
    """Made of the model's bytes: the file may be gone by then."""
    need(kind if kind in BACKENDS else "engine")
    file = tmp_path / "model.pt"
    shutil.copy(model_path(SI), file)
    make = {
        "committee": lambda: TlmlpCommittee([file, SI], precision="double"),
        "double": lambda: TlmlpCalculator(file, precision="double", skin=0.3),
    }.get(kind, lambda: TlmlpCalculator(file, backend=kind))
    atoms = silicon(1)
    atoms.calc = make()
    atoms.get_potential_energy()  # with results, edges and a list to carry over
    file.unlink()
    other = copied(atoms)
    assert other.calc is not atoms.calc and other.calc.results["energy"] == atoms.calc.results["energy"]
    assert_same(numbers(other), numbers(atoms))
    for one in (atoms, other):
        one.positions[0, 0] += 0.1
    assert_same(numbers(other), numbers(atoms))
    other.positions[1, 1] += 0.1
    assert other.get_potential_energy() != atoms.get_potential_energy()


def forces(atoms):
    return atoms.get_forces()


def test_processes_made_by_spawn_and_fork():
    """Atoms with a calculator go to processes of either kind; the parent has used its own with two threads before."""
    frames = [silicon(seed) for seed in range(3)]
    calc = TlmlpCalculator(SI, threads=2)
    expected = [calc.get_forces(atoms) for atoms in frames]
    for atoms in frames:
        atoms.calc = calc
    for method in ("spawn", "fork"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert_same(pool.map_async(forces, frames).get(timeout=120), expected)


@pytest.mark.parametrize("shared", [False, True])
def test_a_band_of_images(shared):
    """NEB with deep copies of one calculator, in parallel threads, and with one calculator for all images."""
    start, end = silicon(1), silicon(2)
    images = [start, *(start.copy() for _ in range(3)), end]
    calc = TlmlpCalculator(SI)
    for image in images:
        image.calc = calc if shared else copy.deepcopy(calc)
    band = NEB(images, allow_shared_calculator=shared, parallel=False if shared else True)
    band.interpolate()
    got = band.get_forces()
    reference = [image.copy() for image in images]
    for image in reference:
        image.calc = TlmlpCalculator(SI)
    np.testing.assert_array_equal(got, NEB(reference).get_forces())
