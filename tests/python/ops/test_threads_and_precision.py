"""Same bits on any number of threads; float32 close to float64."""

import os
import subprocess
import sys

import pytest
import torch

from .conftest import GRAPHS, make_graph, random_inputs

OPS = torch.ops.tlmlp

#: Largest relative difference of a float32 result from float64, by quantity (max norm of the difference / max norm).
FLOAT32 = {"energy": 2e-6, "gradient": 5e-6, "parameter gradient": 3e-5}


def network_like(dtype: torch.dtype, cells: int = 3) -> dict[str, torch.Tensor]:
    """A basis, a layer, the directional sum and a layer; energy, force-like gradient, and a force-loss gradient."""
    generator = torch.Generator().manual_seed(0)
    a = 0.5431
    basis = torch.tensor([[0, 0, 0], [2, 2, 0], [2, 0, 2], [0, 2, 2], [1, 1, 1], [3, 3, 1], [3, 1, 3], [1, 3, 3]])
    grid = torch.cartesian_prod(*[torch.arange(cells)] * 3).double() * a
    positions = (grid[:, None, :] + basis.double() * a / 4).reshape(-1, 3)
    positions += 0.005 * torch.randn(positions.shape, generator=generator, dtype=torch.float64)
    cell = torch.eye(3, dtype=torch.float64) * a * cells
    index, shifts = OPS.neighbour_list(positions, cell, torch.ones(3, dtype=torch.bool), 0.5)
    vectors = positions[index[0]] - positions[index[1]] + shifts.double() @ cell
    topology = OPS.topology(index, vectors, len(positions))

    def draw(*shape):
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) / shape[-1] ** 0.5).to(dtype)

    leaves = [draw(32, 6), draw(32), draw(16, 32), draw(7, 6, 16), draw(16, 16)]
    frequencies = (torch.pi * torch.arange(1, 7, dtype=torch.float64)).to(dtype)
    leaves = [leaf.requires_grad_(True) for leaf in [*leaves, frequencies]]
    first, shift, down, weight, last, frequencies = leaves
    vectors = vectors.to(dtype).requires_grad_(True)
    distance, harmonics = OPS.spherical_harmonics(vectors, 7)
    rbf = OPS.radial_basis(distance, frequencies, 0.5, 6)
    sbf = OPS.spherical_bessel_basis(distance, 0.5, 6, 7, 6)
    silu, linear = torch.nn.functional.silu, torch.nn.functional.linear
    y = silu(linear(silu(linear(rbf, first, shift)), down))
    z = OPS.directional_sum(y, sbf, weight, harmonics, index, *topology)
    energy = silu(linear(z, last)).sum()
    (gradient,) = torch.autograd.grad(energy, vectors, create_graph=True)
    parameters = torch.autograd.grad(gradient.square().mean() + energy / len(vectors), leaves)
    return {"energy": energy.detach(), "gradient": gradient.detach(),
            "parameter gradient": torch.cat([p.flatten() for p in parameters])}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_number_of_threads_changes_no_bit_of_the_three_sums(dtype):
    """What is the operators' own; products of matrices are torch's, and their bits do depend on the threads."""
    graph = GRAPHS["skewed two-atom cell"]()
    inputs = [t.requires_grad_(True) for t in random_inputs(graph, 7, 6, 16, dtype=dtype)]
    threads, results = torch.get_num_threads(), []
    for number in (1, 3):
        torch.set_num_threads(number)
        try:
            z = OPS.directional_sum(*inputs, graph.edge_index, *graph.topology)
            results.append([z, *torch.autograd.grad(z.square().sum(), [inputs[0], inputs[3]])])
        finally:
            torch.set_num_threads(threads)
    assert all(torch.equal(one, three) for one, three in zip(*results, strict=True))


def test_float32_is_close_to_float64():
    single, double = network_like(torch.float32), network_like(torch.float64)
    for key, tolerance in FLOAT32.items():
        error = (single[key].double() - double[key]).abs().max() / double[key].abs().max()
        assert error < tolerance, f"{key}: {error:.1e}"


def test_float32_basis_close_to_the_nucleus_and_to_the_cutoff():
    distance = torch.cat([torch.logspace(-6, -1, 50), torch.linspace(0.1, 0.4999999, 200)]).double()
    exact = OPS.spherical_bessel_basis(distance, 0.5, 6, 7, 6)
    single = OPS.spherical_bessel_basis(distance.float(), 0.5, 6, 7, 6)
    assert (single - exact).abs().max() < 1e-5 * exact.abs().max()
    frequencies = torch.pi * torch.arange(1, 7).double()
    exact = OPS.radial_basis(distance, frequencies, 0.5, 6)
    single = OPS.radial_basis(distance.float(), frequencies.float(), 0.5, 6)
    assert (single - exact).abs().max() < 2e-6 * exact.abs().max()
    # Beyond the cutoff all is exactly zero.
    outside = torch.tensor([0.5, 0.7, 10.0])
    assert not OPS.spherical_bessel_basis(outside, 0.5, 6, 7, 6).any()
    assert not OPS.radial_basis(outside, frequencies.float(), 0.5, 6).any()


def test_graph_helper_agrees_with_the_neighbour_list():
    """The loop over images of these tests and the operator see the same edges."""
    positions = [[0, 0, 0], [0.9, 1.1, 0.8]]
    cell = [[2.0, 0, 0], [0.5, 2.2, 0], [0.3, -0.4, 1.9]]
    graph = make_graph(positions, cell, cutoff=2.4)
    index, _ = OPS.neighbour_list(
        torch.tensor(positions, dtype=torch.float64), torch.tensor(cell), torch.ones(3, dtype=torch.bool), 2.4
    )
    assert index.shape[1] == graph.edge_index.shape[1]


THREADS_AT_WORK = """
import os, torch
from tlmlp import ops
ops.load()
torch.set_num_threads(2)
tasks = lambda: len(os.listdir("/proc/self/task"))
before = tasks()
torch.ops.tlmlp.spherical_harmonics(torch.ones(4800, 3), 7)
print(tasks() - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_serial_ops_regression():
    """The ops start the threads they are given: compiled without OpenMP they ran on one, with the right numbers."""
    result = subprocess.run([sys.executable, "-c", THREADS_AT_WORK], capture_output=True, text=True, check=True)
    assert int(result.stdout) == 1
