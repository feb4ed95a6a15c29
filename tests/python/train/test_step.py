"""The loss and its gradient, against finite differences and the oracle."""

import numpy as np
import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.models.oracle import Oracle, brute_force_edges
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.optimise import step as step_module
from tlmlp.train.optimise.adam import Adam
from tlmlp.train.optimise.losses import Weights
from tlmlp.train.optimise.step import TrainingStep, model_derivatives

SIZES = {"embed_size": 8, "n_blocks": 2, "num_spherical": 4, "num_radial": 3}


@pytest.fixture(params=["plain", "ops"])
def potential(request):
    try:
        potential = build_potential(["Si", "Ge"], 4.0, seed=1, dtype=torch.float64, route=request.param, **SIZES)
    except (TlmlpError, ImportError) as error:
        pytest.skip(f"no compiled operators: {error}")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in potential.parameters():  # biases too
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return potential


def gradient_of(potential, frames, weights=Weights()):
    """Loss and, in the parameters, its gradient."""
    return TrainingStep(potential).backward([build_graph(potential, f) for f in frames], weights).total


def frames_of(lj):
    frames = lj(3, 0)
    for frame in frames:
        frame.atomic_numbers[1] = 32
    return frames


def test_the_loss_is_the_mean_square_over_components(lj, potential):
    from tlmlp.models.oracle import oracle_energy_forces_virial

    frames = frames_of(lj)[:2]
    loss = gradient_of(potential, frames)
    squares = [(oracle_energy_forces_virial(potential, f)["forces"] - f.forces) ** 2 for f in frames]
    assert loss == pytest.approx(sum(s.sum() for s in squares) / (3 * 4 * 2), rel=1e-10)


def test_gradient_equals_the_model_derivatives_of_the_oracle(lj, potential):
    frames = frames_of(lj)[:2]
    gradient_of(potential, frames)
    names = [name for name, _ in potential.network.named_parameters()]
    weights = {n: p.detach().clone().requires_grad_(True) for n, p in potential.network.named_parameters()}
    oracle = Oracle(weights, potential.config)
    loss = torch.zeros((), dtype=torch.float64)
    for frame in frames:
        positions = torch.tensor(frame.positions, requires_grad=True)
        species = torch.tensor([[14, 32].index(z) for z in frame.atomic_numbers])
        edges = brute_force_edges(frame.positions, frame.cell, frame.pbc, 4.0)
        energy = oracle.energy(species, edges, positions, torch.tensor(frame.cell))
        (gradient,) = torch.autograd.grad(energy, positions, create_graph=True)
        loss = loss + (-gradient - torch.tensor(frame.forces)).square().sum() / (3 * 4 * len(frames))
    expected = torch.autograd.grad(loss, [weights[name] for name in names], allow_unused=True, materialize_grads=True)
    scale = max(float(e.abs().max()) for e in expected)
    for (name, parameter), e in zip(potential.network.named_parameters(), expected, strict=True):
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert float((found - e).abs().max()) < 1e-10 * scale, name


@pytest.mark.parametrize(
    "weights",
    [
        Weights(),
        Weights(forces=0.3, energy=50.0, stress=0.02),
        Weights(forces=0.0, energy=1.0),
        Weights(energy=2.0, stress=0.1, huber_forces=0.2, huber_energy=0.3, huber_stress=2.0),
    ],
)
def test_gradient_equals_finite_differences(lj, potential, weights):
    frames = frames_of(lj)
    gradient_of(potential, frames, weights)
    random = np.random.default_rng(0)
    direction = [torch.tensor(random.normal(size=p.shape)) for p in potential.parameters()]
    slope = sum(
        float((p.grad * d).sum()) for p, d in zip(potential.parameters(), direction, strict=True) if p.grad is not None
    )
    values = []
    for factor in (-1.0, 2.0, -1.0):  # to -h, to +h, back
        with torch.no_grad():
            for p, d in zip(potential.parameters(), direction, strict=True):
                p.add_(1e-6 * factor * d)
        values.append(gradient_of(potential, frames, weights))
    assert (values[1] - values[0]) / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_is_that_of_torch(decay):
    generator = torch.Generator().manual_seed(0)

    def parameters():
        generator.manual_seed(0)
        return [
            torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
            for shape in ((3, 4), (5,), ())
        ]

    mine, theirs = parameters(), parameters()
    adam, reference = Adam(mine, decay=decay), torch.optim.AdamW(theirs, lr=1.0, weight_decay=decay)
    for k in range(30):
        rate = 0.1 * 0.9**k
        for group in reference.param_groups:
            group["lr"] = rate
        for p, q in zip(mine, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64) * 10.0 ** (k % 5)
            q.grad = p.grad.clone()
        adam.step(rate)
        reference.step()
    for p, q in zip(mine, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-13)


def test_an_infinite_loss_stops_before_the_parameters_change(lj, potential):
    batch = [build_graph(potential, frame) for frame in frames_of(lj)]

    def broken(potential, graph):
        energies, gradient = model_derivatives(potential, graph)
        return energies, gradient * float("nan")

    step = TrainingStep(potential, broken)
    before = [p.detach().clone() for p in potential.parameters()]
    with pytest.raises(TlmlpError, match=r"the loss became nan; lower training\.learning_rate"):
        step(batch, 1e-3)
    assert all(torch.equal(a, b) for a, b in zip(before, potential.parameters(), strict=True))


def test_a_batch_that_is_cut_up_gives_the_same_loss_and_gradient(lj, potential, monkeypatch):
    frames = frames_of(lj)
    expected = gradient_of(potential, frames)
    gradients = [p.grad.clone() for p in potential.parameters()]
    monkeypatch.setattr(step_module, "MAX_EDGES", 300)
    step = TrainingStep(potential)
    assert step([build_graph(potential, f) for f in frames], 0.0).total == pytest.approx(expected, rel=1e-12)
    for parameter, gradient in zip(potential.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=1e-12)
