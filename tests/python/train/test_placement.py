"""Losses on a copy of the potential: the same training, whatever device the copy is on."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tlmlp.cuda import why_no_gpu
from tlmlp.errors import TlmlpError
from tlmlp.models import edge_forces
from tlmlp.models.graph import with_vectors
from tlmlp.train import fit, load_run, resume
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.evaluation.predictions import predict
from tlmlp.train.optimise.losses import Weights
from tlmlp.train.optimise.placement import Placement, find_device
from tlmlp.train.optimise.step import TrainingStep

GPU = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))])


def potential():
    from tlmlp.testing.random_models import SMALL, random_potential

    return random_potential(("Si",), 4.0, route="ops", **SMALL)


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_steps_on_a_copy_are_those_without(lj, device):
    """A copy on the CPU is the machinery of a GPU without one; float64."""
    frames = lj(4, 0)
    alone, placed = potential(), potential()
    steps = TrainingStep(alone), TrainingStep(placed, device=torch.device(device))
    assert steps[1].placement.there is not placed
    graphs = [build_graph(alone, frame) for frame in frames]
    for _ in range(5):
        losses = [step(graphs, 1e-3).total for step in steps]
        assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    for one, other in zip(alone.parameters(), placed.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)
    mine, theirs = (
        predict(alone, graphs, virials=True),
        predict(placed, graphs, virials=True, device=torch.device(device)),
    )
    assert theirs.energies == pytest.approx(mine.energies, rel=1e-9)
    assert theirs.virials == pytest.approx(mine.virials, rel=1e-7, abs=1e-9)


def test_the_route_of_a_gpu_gives_what_the_operator_for_the_whole_network_gives(lj):
    """On a GPU the gradient of a loss goes twice backward through the operators; here on the CPU's, float64."""
    graph = build_graph(potential(), lj(1, 0)[0])
    edges = with_vectors(graph.edge_graph, 0.1 * graph.edge_vector)
    found = []
    for name in ("energies_and_derivatives", "derivatives_by_autograd"):
        model = potential()
        energies, derivatives = getattr(model.network, name)(edges)
        forces = edge_forces(graph.n_atoms, graph.edge_index, derivatives)
        (energies.sum() + forces.square().sum()).backward()
        found.append([energies, forces, *(p.grad for p in model.network.parameters() if p.grad is not None)])
    assert len(found[0]) == len(found[1]) > 20
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-10 * float(one.detach().abs().max()))


def test_a_copy_follows_the_potential():
    original = potential()
    placement = Placement(original, torch.device("cpu"))
    with torch.no_grad():
        for parameter in original.parameters():
            parameter.mul_(1.5)
        original.energy_shift.fill_(7.0)
    current = placement.current()
    for one, other in zip(original.parameters(), current.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(original.energy_shift, current.energy_shift)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line(config, tmp_path):
    assert find_device("cpu", "ops") is None
    with pytest.raises(TlmlpError, match=r"training\.device is cuda:1, but torch .* finds no NVIDIA GPU; use cpu"):
        fit(config(device="cuda:1"), tmp_path / "run")
    with pytest.raises(TlmlpError, match=r"training\.device"):
        fit(config(device="tpu"), tmp_path / "run")


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))
def test_a_run_goes_on_without_the_gpu_it_began_on(config, tmp_path):
    settings = config(device="cuda", dtype="float64", route="ops")

    class Stop(Exception):
        pass

    def stop(update, score):
        if update == 8:
            raise Stop

    with pytest.raises(Stop):
        fit(settings, tmp_path / "run", observe=stop)
    resume(tmp_path / "run", device="cpu")
    whole = fit(config(dtype="float64", route="ops"), tmp_path / "whole").run
    one, other = (load_run(run, "last")[0].state_dict() for run in (tmp_path / "run", whole))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-7, atol=1e-9)


@pytest.mark.gpu
@pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))
def test_equal_seeds_give_equal_bits_on_a_gpu(config, tmp_path):
    settings = config(updates=20, validate_every=10, device="cuda", deterministic=True)
    one, other = (load_run(fit(settings, tmp_path / name).run)[0].state_dict() for name in ("a", "b"))
    assert all(torch.equal(one[name], other[name]) for name in one)


#: What torch refuses on a GPU once its algorithms must be deterministic (of its documentation, what could come up here).
REFUSED = {"cumsum", "histc", "kthvalue", "median", "put_", "resize_", "scatter_reduce"}


def test_the_step_of_a_gpu_uses_no_sum_that_torch_cannot_order(lj):
    """The operators of a GPU's step, recorded on the CPU: for each there is a fixed order of summation on a GPU."""
    seen = set()

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.add(function.overloadpacket.__name__)
            return function(*args, **(kwargs or {}))

    def as_on_a_gpu(model, graph):
        edges = with_vectors(graph.edge_graph, 0.1 * graph.edge_vector)
        energies, derivatives = model.network.derivatives_by_autograd(edges)
        return energies, 0.1 * derivatives

    step = TrainingStep(potential(), as_on_a_gpu)
    graph = build_graph(potential(), lj(1, 0)[0])
    with Recorder():
        step([graph], 1e-3, Weights(energy=1.0, stress=1.0))
    assert {"index_add", "_directional_sum_second"} <= seen
    assert not seen & REFUSED
