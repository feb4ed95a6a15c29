"""Options of the optimisation, each against its definition; all of them together survive an interruption."""

import itertools
import math

import numpy as np
import pytest
import torch
import yaml

from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, fit, load_run, resume, weights_sha256
from tlmlp.train.optimise.averages import RunningMean, TailMean
from tlmlp.train.optimise.schedule import Schedule


def weights(run, which="last"):
    potential = load_run(run, which, route="plain")[0]
    return torch.cat([p.detach().reshape(-1) for p in potential.parameters()])


def rows(run):
    return [yaml.safe_load(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_schedules_begin_and_end_where_they_should():
    rates = {kind: Schedule(kind, 0.1, 0.01, 100) for kind in ("exponential", "cosine", "linear", "steps", "constant")}
    for kind, rate in rates.items():
        values = [rate(k) for k in range(101)]
        assert values[0] == pytest.approx(0.1)
        assert values[-1] == pytest.approx(0.1 if kind == "constant" else 0.001)
        assert all(a >= b for a, b in itertools.pairwise(values))
    assert rates["exponential"](50) == pytest.approx(0.1 * 0.01**0.5)
    assert rates["cosine"](50) == pytest.approx(0.5 * (0.1 + 0.001))
    assert rates["linear"](50) == pytest.approx(0.5 * (0.1 + 0.001))
    assert len({rates["steps"](k) for k in range(101)}) == 4
    warm = Schedule("exponential", 0.1, 0.01, 110, warmup=10)
    assert [warm(k) for k in (0, 4, 9)] == pytest.approx([0.1 / 11, 0.5 / 11, 1.0 / 11])
    assert warm(10) == 0.1 and warm(110) == pytest.approx(0.001)


def test_means_of_the_parameters_are_those_made_by_hand():
    random = np.random.default_rng(0)
    vectors = [torch.from_numpy(random.normal(size=4)) for _ in range(30)]
    ema, tail = RunningMean(0.8, vectors[0]), TailMean(20, vectors[0])
    expected = vectors[0].clone()
    for k, vector in enumerate(vectors[1:], start=1):
        ema.add(vector)
        tail.add(k, vector)
        decay = min(0.8, (1 + k) / (10 + k))
        expected = decay * expected + (1 - decay) * vector
    torch.testing.assert_close(ema.mean, expected)
    torch.testing.assert_close(tail.mean(), torch.stack(vectors[21:]).mean(0))


def test_the_running_mean_is_what_is_validated_and_kept(config, tmp_path):
    plain = fit(config(dtype="float64"), tmp_path / "plain").run
    mean = fit(config(dtype="float64", ema=0.9), tmp_path / "mean").run
    states = [torch.load(run / "checkpoints" / "00000012.pt", weights_only=True) for run in (plain, mean)]
    for name, value in states[0]["model"]["state"].items():  # the training itself is the same
        if name != "energy_shift":
            assert torch.equal(value, states[1]["model"]["state"][name])
    torch.testing.assert_close(weights(mean), states[1]["ema"]["mean"], rtol=0, atol=0)
    assert not torch.equal(weights(mean), weights(plain))
    assert rows(mean)[-1]["val_force_rmse_ev_per_ang"] != rows(plain)[-1]["val_force_rmse_ev_per_ang"]


def test_a_training_without_validation_keeps_the_last_or_the_mean(config, tmp_path):
    settings = config(dtype="float64", keep="last", checkpoint_every=1, keep_checkpoints=20)
    del settings["data"]["val"]
    last = fit(settings, tmp_path / "last")
    assert set(last.errors) == {"training"}
    assert torch.equal(weights(last.run, "best"), weights(last.run, "last"))
    assert rows(last.run)[-1]["val_force_rmse_ev_per_ang"] is None
    settings["training"] |= {"keep": "average", "average_share": 0.25}
    average = fit(settings, tmp_path / "average").run
    states = [torch.load(average / "checkpoints" / f"{k:08d}.pt", weights_only=True) for k in (10, 11, 12)]
    mean = torch.stack([state["model"]["state"]["network.embedding.dense.weight"] for state in states]).mean(0)
    kept = load_run(average, "best", route="plain")[0].network.embedding.dense.weight
    torch.testing.assert_close(kept.detach(), mean, rtol=1e-12, atol=1e-14)
    del settings["training"]["keep"]
    with pytest.raises(TlmlpError, match=r"set training\.keep to last or average"):
        as_config(settings)


def test_clipping_bounds_the_gradient_that_adam_sees(lj):
    from tlmlp.models import build_potential
    from tlmlp.train.data.dataset import build_graph
    from tlmlp.train.optimise.step import TrainingStep

    moments = []
    for clip in (None, 1e-3):
        sizes = {"embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3}
        potential = build_potential(["Si"], 4.0, dtype=torch.float64, route="plain", **sizes)
        step = TrainingStep(potential, clip=clip)
        step([build_graph(potential, f) for f in lj(2, 0)], 1e-3)
        moments.append(step.optimizer.mean / 0.1)
    assert float(moments[0].norm()) > 1e-2
    assert float(moments[1].norm()) == pytest.approx(1e-3)
    torch.testing.assert_close(moments[1] / 1e-3, moments[0] / moments[0].norm())


def test_patience_ends_a_training_that_does_not_get_better(config, tmp_path, capfd):
    settings = config(updates=400, validate_every=2, patience=3, learning_rate=0.3, final_rate_factor=1.0)
    result = fit(settings, tmp_path / "run")
    best = result.metadata["provenance"] and load_run(result.run, route="plain")[1]["model"]["update"]
    assert result.finished and rows(result.run)[-1]["update"] == best + 6 < 400
    assert "no better model in 3 validations" in " ".join(capfd.readouterr().err.split())
    again = resume(result.run)
    assert weights_sha256(again.potential) == weights_sha256(result.potential)


def test_position_noise_has_its_size_and_its_seed(lj):
    from tlmlp.models import build_potential
    from tlmlp.train.data.dataset import build_graph, displaced

    potential = build_potential(["Si"], 4.0, route="plain", embed_size=8, n_blocks=1)
    graph = build_graph(potential, lj(1, 0)[0])
    move = torch.from_numpy(np.random.default_rng(0).normal(scale=0.1, size=(4, 3)))
    source, target = graph.edge_index
    expected = graph.edge_vector + move[source] - move[target]
    torch.testing.assert_close(displaced(graph, move).edge_vector, expected)


def test_seeds_are_apart(config, tmp_path):
    def first(**seeds):
        return fit(config(**{"updates": 2, "position_noise": 0.05, "seed": 1, **seeds}), tmp_path / str(seeds)).run

    hashes = [
        weights_sha256(load_run(run, "last", route="plain")[0])
        for run in (first(), first(noise_seed=2), first(shuffle_seed=2))
    ]
    assert len(set(hashes)) == 3


def test_everything_at_once_is_gone_on_with_bitwise(config, tmp_path, monkeypatch):
    settings = config(
        updates=20,
        validate_every=5,
        checkpoint_every=4,
        ema=0.9,
        clip_gradient=0.5,
        warmup=3,
        schedule="cosine",
        keep="average",
        average_share=0.5,
        position_noise=0.02,
    )
    settings["loss"] = {"energy": [[0.0, 0.0], [1.0, 5.0]], "huber_forces": 0.5}
    settings["data"]["extra"] = [{"files": settings["data"]["train"], "weight": 0.5, "per_batch": 2}]
    whole = fit(settings, tmp_path / "whole")
    import tlmlp.train.loop.trainer as module

    real, count = module.Trainer._one_update, [0]

    def stop(self):
        real(self)
        count[0] += 1
        if count[0] in (7, 12):
            raise KeyboardInterrupt

    monkeypatch.setattr(module.Trainer, "_one_update", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fit(settings, tmp_path / "run")
    result = fit(settings, tmp_path / "run")
    assert weights_sha256(result.potential) == weights_sha256(whole.potential)
    assert torch.equal(weights(result.run), weights(whole.run))

    def without_time(run):
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(run)]

    assert without_time(result.run) == without_time(whole.run)
    assert math.isfinite(result.errors["validation"]["force_rmse_ev_per_ang"])


def test_sets_with_weights_make_the_batches(config, lj, tmp_path):
    from tlmlp.train.data.batches import Batches
    from tlmlp.train.data.selection import load_data

    settings = config()
    settings["data"]["extra"] = [
        {"files": settings["data"]["val"], "weight": 0.5},
        {"files": [settings["data"]["val"] + "@:3"], "weight": 2.0, "per_batch": 2},
    ]
    made = as_config(settings)
    data = load_data(made.data, made.loss)
    assert data.weights() == [1.0] * 12 + [0.5] * 4 + [2.0] * 3
    batches = Batches(data, 4, 0)
    drawn = [batches.next() for _ in range(12)]
    assert all(len(batch) == 6 and sum(k >= 16 for k in batch) == 2 for batch in drawn)
    together = [k for batch in drawn for k in batch if k < 16]
    assert all(together.count(k) == 3 for k in range(16))


def test_tensorboard_has_the_metrics(config, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = fit(config(tensorboard=True), tmp_path / "run").run
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("val_force_rmse_ev_per_ang")]
    expected = [(row["update"], row["val_force_rmse_ev_per_ang"]) for row in rows(run)]
    assert [step for step, _ in found] == [step for step, _ in expected]
    np.testing.assert_allclose([v for _, v in found], [v for _, v in expected], rtol=1e-6)


def test_members_differ_in_their_seeds_alone(config, tmp_path):
    from tlmlp.train import fit_members

    results = fit_members(config(seed=3), tmp_path / "c", 2)
    assert [result.run.name for result in results] == ["member-0", "member-1"]
    alone = fit(config(seed=4), tmp_path / "alone")
    assert weights_sha256(results[1].potential) == weights_sha256(alone.potential)
    assert weights_sha256(results[0].potential) != weights_sha256(alone.potential)
    assert "member-1" in (tmp_path / "c" / "committee.json").read_text()


def test_a_best_model_in_the_first_tenth_is_remarked_upon(config, tmp_path, capsys):
    fit(config(updates=12, learning_rate=1e-15), tmp_path / "still")  # too small a rate to move a parameter
    assert "the best of 12 updates was number 0" in capsys.readouterr().err
    fit(config(updates=12), tmp_path / "moves")
    assert "the best of 12 updates" not in capsys.readouterr().err
