"""Engine and training compute with subnormal numbers as zero; Python and torch, in all their threads, do not notice."""

import ctypes
import platform

import numpy as np
import pytest

pytest.importorskip("tlmlp._core", reason="the engine is not built")

from tlmlp._core import Engine
from tlmlp.bench.random_model import write_random_model

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64") or platform.libc_ver()[0] != "glibc",
    reason="reads the control register where glibc's fegetenv puts it",
)


def control_register() -> int:
    """MXCSR, status flags included, or FPCR of the calling thread."""
    environment = (ctypes.c_uint32 * 16)()
    assert ctypes.CDLL("libm.so.6").fegetenv(environment) == 0
    return environment[7] if platform.machine() == "x86_64" else environment[0]


@pytest.fixture
def engine(tmp_path):
    write_random_model(tmp_path / "random.pt", 4.3)
    return Engine(str(tmp_path / "random.pt"), threads=2)


def test_a_call_leaves_the_register_as_it_was(engine):
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.4], [2.0, 0.0, 1.0]])
    before = control_register()
    result = engine.compute([0, 0, 0], positions, np.eye(3), [False] * 3)
    assert control_register() == before
    assert np.isfinite(result["energy"])


def test_so_does_one_that_fails(engine):
    before = control_register()
    with pytest.raises(RuntimeError):
        engine.compute_edges([0, 0], np.array([[0], [1]]), np.array([[0.0, 0.0, 2.4]]))  # no reverse edge
    assert control_register() == before


def test_a_training_step_leaves_torch_its_subnormal_numbers():
    """In all threads: the sum over a large tensor is made by torch's pool, on which the operator has run before."""
    torch = pytest.importorskip("torch")
    from tlmlp.models import build_potential

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        potential = build_potential(("Si",), 4.3, seed=3)
        edge_index = torch.tensor([[0, 1], [1, 0]])
        edge_vector = torch.tensor([[0.0, 0.0, -2.4], [0.0, 0.0, 2.4]])
        before = control_register()
        graph = potential.edge_graph(torch.zeros(2, dtype=torch.int64), edge_index, edge_vector)
        energies, derivatives = potential.energies_and_edge_derivatives(graph)
        (energies.sum() + derivatives.square().sum()).backward()
        assert control_register() == before
        small = torch.full((1 << 20,), 1e-40)
        assert int((small * 0.5 != 0).sum()) == small.numel()
    finally:
        torch.set_num_threads(threads)
