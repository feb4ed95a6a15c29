"""Torch's operators on a GPU, against the CPU to second order (tests/python/ops holds the same functions, run on the CPU,
against their definitions), and the three sums for numpy."""

import numpy as np
import pytest
import torch

from tlmlp import _core, ops
from tlmlp.cuda import why_no_gpu
from tlmlp.data import neighbour_list

ops.load()
gpu = [pytest.mark.gpu, pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))]


def on_a_gpu(test):
    """Marks of a test that needs one."""
    for mark in gpu:
        test = mark(test)
    return test


DEGREES, RADIAL, CHANNELS, CUTOFF, EXPONENT = 5, 4, 6, 0.4, 6


def graph(lack: int = 0, atoms: int = 9, seed: int = 0):
    """A random periodic structure as (edge_index, edge_vector in nm, offsets, edges, reverse); of ``lack`` pairs one
    direction is missing."""
    random = np.random.default_rng(seed)
    cell = np.array([[0.6, 0.0, 0.0], [0.1, 0.55, 0.0], [-0.05, 0.1, 0.62]])
    positions = random.uniform(size=(atoms, 3)) @ cell
    index, vector, _ = neighbour_list(positions, cell, [True] * 3, CUTOFF)
    keep = np.ones(index.shape[1], bool)
    keep[random.choice(len(keep), lack, replace=False)] = False
    index, vector = torch.from_numpy(index[:, keep]), torch.from_numpy(vector[keep])
    return index, vector, *torch.ops.tlmlp.topology(index, vector, atoms)


def close(got, expected, dtype):
    limit = 1e-11 if dtype == torch.float64 else 2e-4
    for one, other in zip(got, expected, strict=True):
        assert one.shape == other.shape
        scale = float(other.abs().max()) if other.numel() else 1.0
        torch.testing.assert_close(one, other, rtol=0.0, atol=limit * max(scale, 1e-12))


def both(name, *arguments):
    """The results on the GPU, and on the CPU."""
    operator = getattr(torch.ops.tlmlp, ("_" if name.endswith(("_backward", "_second")) else "") + name)
    placed = [a.cuda() if isinstance(a, torch.Tensor) else a for a in arguments]
    results = [r if isinstance(r, (tuple, list)) else (r,) for r in (operator(*placed), operator(*arguments))]
    return [[t.cpu() for t in r] for r in results]


def random_like(*tensors, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, generator=generator, dtype=t.dtype) for t in tensors]


@on_a_gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("absent", [None, 0, 1])
def test_harmonics(dtype, absent):
    vector = graph()[1].to(dtype)
    forward = both("spherical_harmonics", vector, DEGREES)
    close(*forward, dtype)
    grads = random_like(*forward[1])
    if absent is not None:
        grads[absent] = None
    close(*both("spherical_harmonics_backward", vector, *grads, DEGREES), dtype)
    close(*both("spherical_harmonics_second", *random_like(vector, seed=6), vector, *grads, DEGREES), dtype)


@on_a_gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_radial_basis(dtype, wanted):
    distance = torch.cat([graph()[1].norm(dim=1), torch.tensor([CUTOFF, 1.2 * CUTOFF])]).to(dtype)
    frequencies = torch.pi * torch.arange(1, RADIAL + 1, dtype=dtype)
    forward = both("radial_basis", distance, frequencies, CUTOFF, EXPONENT)
    close(*forward, dtype)
    (grad,) = random_like(forward[1][0])
    close(*both("radial_basis_backward", distance, frequencies, grad, CUTOFF, EXPONENT, wanted), dtype)
    v = random_like(distance, frequencies, seed=7)
    v = [v[0] if wanted & 1 else None, v[1] if wanted & 2 else None]
    close(*both("radial_basis_second", *v, distance, frequencies, grad, CUTOFF, EXPONENT), dtype)


@on_a_gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_bessel_basis(dtype):
    distance = torch.cat([graph()[1].norm(dim=1), torch.tensor([CUTOFF, 1.2 * CUTOFF])]).to(dtype)
    sizes = (CUTOFF, EXPONENT, DEGREES, RADIAL)
    forward = both("spherical_bessel_basis", distance, *sizes)
    close(*forward, dtype)
    (grad,), (v,) = random_like(forward[1][0]), random_like(distance, seed=8)
    close(*both("spherical_bessel_basis_backward", distance, grad, *sizes), dtype)
    close(*both("spherical_bessel_basis_second", v, distance, grad, *sizes), dtype)


def directional_inputs(made, dtype):
    index, vector, *rest = made
    n = index.shape[1]
    generator = torch.Generator().manual_seed(3)
    harmonics = torch.ops.tlmlp.spherical_harmonics(vector.to(dtype), DEGREES)[1]
    y, sbf, weight = (
        torch.randn(shape, generator=generator, dtype=dtype)
        for shape in ((n, CHANNELS), (n, DEGREES * RADIAL), (DEGREES, RADIAL, CHANNELS))
    )
    return [y, sbf, weight, harmonics], [index, *rest]


@on_a_gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("lack", [0, 5])
@pytest.mark.parametrize("wanted", [31, 0b01010, 0b10101])
def test_directional_sum(dtype, lack, wanted):
    made = graph(lack)
    assert (made[4] < 0).sum() == lack
    arrays, topology = directional_inputs(made, dtype)
    forward = both("directional_sum", *arrays, *topology)
    close(*forward, dtype)
    (grad,) = random_like(forward[1][0])
    close(*both("directional_sum_backward", *arrays, grad, *topology, wanted & 15), dtype)
    v = [t if wanted >> k & 1 else None for k, t in enumerate(random_like(*arrays, seed=9))]
    close(*both("directional_sum_second", *v, *arrays, grad, *topology, wanted), dtype)


@on_a_gpu
def test_no_edges():
    made = (torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, 3, dtype=torch.float64))
    made = (*made, *torch.ops.tlmlp.topology(*made, 3))
    arrays, topology = directional_inputs(made, torch.float64)
    close(*both("directional_sum", *arrays, *topology), torch.float64)
    (grad,) = random_like(arrays[0])
    close(*both("directional_sum_backward", *arrays, grad, *topology, 15), torch.float64)
    close(*both("directional_sum_second", *random_like(*arrays), *arrays, grad, *topology, 31), torch.float64)


@pytest.mark.parametrize("device", ["cuda-on-cpu", pytest.param("cuda", marks=gpu)])
def test_contractions_for_numpy(device):
    """The three kernels of the directional sum, bound for numpy, against einsum."""
    random = np.random.default_rng(2)
    atoms, edges, degrees, channels = 4, 11, 3, 5
    ends = random.integers(0, atoms, edges)
    order = np.argsort(ends, kind="stable")
    offsets = np.searchsorted(ends[order], np.arange(atoms + 1))
    of = np.repeat(np.arange(degrees), 2 * np.arange(degrees) + 1)  # degree of each harmonic
    harmonics, values = random.normal(size=(edges, degrees**2)), random.normal(size=(edges, degrees, channels))
    centres = random.normal(size=(atoms, degrees**2, channels))
    expected = np.zeros((atoms, degrees**2, channels))
    np.add.at(expected, ends, harmonics[:, :, None] * values[:, of])
    np.testing.assert_allclose(_core.centre_sums(harmonics, values, offsets, order, device), expected, atol=1e-13)
    products = harmonics[:, :, None] * centres[ends]
    sums = np.stack([products[:, of == degree].sum(axis=1) for degree in range(degrees)], axis=1)
    np.testing.assert_allclose(_core.edge_sums(harmonics, centres, ends, device), sums, atol=1e-13)
    overlaps = (values[:, of] * centres[ends]).sum(axis=2)
    np.testing.assert_allclose(_core.edge_overlaps(values, centres, ends, device), overlaps, atol=1e-13)
    with pytest.raises(ValueError, match=r"`ends` must lie in 0\.\.3, got 9"):
        _core.edge_sums(harmonics, centres, np.full(edges, 9), device)


@pytest.mark.parametrize("dtype", [pytest.param(torch.float64, marks=gpu), pytest.param(torch.float32, marks=gpu)])
def test_the_network_on_a_gpu_agrees_with_the_cpu(dtype):
    """Energies, forces and the gradient of a loss of both by all weights."""
    from tlmlp.models import EdgeGraph, build_potential, edge_forces

    index, vector, *topology = graph()
    results = []
    for device in ("cpu", "cuda"):
        potential = build_potential(["Si"], cutoff=10 * CUTOFF, seed=1, dtype=dtype).to(device)
        species = torch.zeros(9, dtype=torch.int64)
        placed = EdgeGraph(*(t.to(device) for t in (species, index, 10.0 * vector, *topology)))
        energies, derivatives = potential.energies_and_edge_derivatives(placed)
        forces = edge_forces(9, placed.edge_index, derivatives)
        (energies.sum() + forces.square().sum()).backward()
        gradients = [p.grad.cpu() for p in potential.parameters() if p.grad is not None]
        results.append([energies.detach().cpu(), forces.detach().cpu(), *gradients])
    close(*results, dtype)


@pytest.mark.parametrize("which", [pytest.param(name, marks=gpu) for name in ("harmonics", "radial", "bessel", "sum")])
def test_derivatives_on_a_gpu_by_finite_differences(which):
    made = [t.cuda() for t in graph(atoms=4)]
    arrays, topology = directional_inputs([t.cpu() for t in made], torch.float64)
    distance = made[1].norm(dim=1)
    frequencies = torch.pi * torch.arange(1, RADIAL + 1, dtype=torch.float64, device="cuda")
    function, inputs = {
        "harmonics": (lambda v: torch.ops.tlmlp.spherical_harmonics(v, 3), [made[1]]),
        "radial": (lambda d, f: torch.ops.tlmlp.radial_basis(d, f, CUTOFF, EXPONENT), [distance, frequencies]),
        "bessel": (lambda d: torch.ops.tlmlp.spherical_bessel_basis(d, CUTOFF, EXPONENT, 3, 2), [distance]),
        "sum": (
            lambda *a: torch.ops.tlmlp.directional_sum(*a, *[t.cuda() for t in topology]),
            [t.cuda() for t in arrays],
        ),
    }[which]
    inputs = [t.detach().requires_grad_() for t in inputs]
    assert torch.autograd.gradcheck(function, inputs, atol=1e-6)
    assert torch.autograd.gradgradcheck(function, inputs, atol=1e-5)
