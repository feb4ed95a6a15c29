"""Replicas in the canonical ensemble have LAMMPS' distribution of temperature and of distances.

The reference (reference/silicon-1200K.json) comes from LAMMPS with the same model, silicon si-dft at 1200 K; make.py beside
it made it. Replicas start from moments of that run, so that they are in equilibrium from the first step.
"""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tlmlp
from tlmlp.cuda import Replicas, why_no_gpu
from tlmlp.export import read_header

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="module")
def reference() -> dict:
    found = json.loads((REFERENCE / "silicon-1200K.json").read_text())
    if found["weights_sha256"] != read_header("si-dft")["weights"]["sha256"]:
        pytest.fail("si-dft is another model now: make the reference again with tests/cuda/reference/make.py")
    return found


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_reference", REFERENCE / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sampled(reference, make, device: str, count: int, samples: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Temperatures (count, samples) and g(r) (count, bins), a sample every ``steps`` steps of 1 fs."""
    side = reference["cell_angstrom"]
    starts = [reference["starts"][k % len(reference["starts"])] for k in range(count)]
    structures = [
        SimpleNamespace(
            positions=np.array(s["positions"]), cell=side * np.eye(3), pbc=[True] * 3, atomic_numbers=[14] * 64
        )
        for s in starts
    ]
    replicas = Replicas(
        tlmlp.pretrained("si-dft"),
        structures,
        temperature=make.TEMPERATURE,
        time_step=1.0,
        friction=make.FRICTION,
        velocities=[np.array(s["velocities"]) for s in starts],
        device=device,
    )
    temperatures, g = [], []
    for _ in range(samples):
        replicas.run(steps)
        state = replicas.state()
        temperatures.append(state.temperatures)
        g.append(make.pair_distribution(np.array(state.positions)))
    return np.array(temperatures).T, np.mean(g, axis=0)


def deviations(sample: np.ndarray, reference: dict) -> np.ndarray:
    """Mean over independent rows minus the reference, in standard errors of the difference."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    expected, uncertain = np.array(reference["mean"]), np.array(reference["error"])
    total = np.sqrt(error**2 + uncertain**2)
    empty = (total == 0.0) & (sample.mean(axis=0) == expected)  # distances that neither ever saw
    return np.where(empty, 0.0, (sample.mean(axis=0) - expected) / np.where(total > 0.0, total, 1e-9))


def check(temperatures: np.ndarray, g: np.ndarray, reference: dict) -> None:
    assert abs(deviations(temperatures.mean(axis=1), reference["temperature_K"])) < 4.0
    z = deviations(g, reference["g"])
    seen = np.array(reference["g"]["mean"]) > 0.05  # elsewhere too few pairs for a normal distribution
    assert np.sqrt((z[seen] ** 2).mean()) < 2.0 and np.abs(z[seen]).max() < 6.0


def test_replicas_on_the_cpu_stay_in_the_ensemble(reference, make):
    """32 steps from moments of the reference itself: wrong forces or a wrong clock show, a slightly wrong bath does not."""
    temperatures, g = sampled(reference, make, "cuda-on-cpu", count=8, samples=4, steps=8)
    check(temperatures, g, reference)


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))
def test_replicas_on_a_gpu_have_the_distribution_of_lammps(reference, make):
    """64 replicas, 5 ps after 2 ps: temperature, its variance, g(r)."""
    temperatures, g = sampled(reference, make, "cuda", count=64, samples=70, steps=100)
    temperatures = temperatures[:, 20:]
    check(temperatures, g, reference)
    variance = (temperatures - temperatures.mean()) ** 2
    assert abs(deviations(variance.mean(axis=1), reference["temperature_variance_K2"])) < 4.0
