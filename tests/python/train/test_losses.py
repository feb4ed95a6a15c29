"""The terms of the loss against numbers made from the oracle's, and the weights over a training."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.train import as_config, fit
from tlmlp.train.config.sections import LossSection
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.optimise.losses import Weights, weights_at
from tlmlp.train.optimise.step import TrainingStep
from tlmlp.units import EV_PER_ANG3_IN_GPA


@pytest.fixture
def potential():
    sizes = {"embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3}
    return build_potential(["Si"], 4.0, dtype=torch.float64, route="plain", energy_shift=[-2.9], **sizes)


def residuals(potential, frames):
    """Forces (eV/Å), energies per atom (eV), stresses (GPa, six components) of the oracle minus the labels."""
    model = [oracle_energy_forces_virial(potential, f) for f in frames]
    forces = [(m["forces"] - f.forces).ravel() for m, f in zip(model, frames, strict=True)]
    energy = [np.array([(m["energy"] - f.energy) / len(f)]) for m, f in zip(model, frames, strict=True)]
    stress = [(-m["virial"] / f.volume - f.stress) * EV_PER_ANG3_IN_GPA for m, f in zip(model, frames, strict=True)]
    rows, columns = np.triu_indices(3)
    return forces, energy, [s[rows, columns] for s in stress]


def huber(x, threshold):
    return np.where(np.abs(x) < threshold, x**2, 2 * threshold * np.abs(x) - threshold**2)


@pytest.mark.parametrize("thresholds", [None, (0.2, 0.05, 1.0)])
def test_the_loss_is_the_weighted_sum_of_mean_squares_or_hubers(lj, potential, thresholds):
    frames, set_weights = lj(4, 0), [1.0, 0.25, 3.0, 1.0]
    weights = Weights(0.7, 30.0, 0.05, *(thresholds or (None, None, None)))
    graphs = [build_graph(potential, f, w) for f, w in zip(frames, set_weights, strict=True)]
    loss = TrainingStep(potential).backward(graphs, weights)
    terms, squares = [], []
    for k, parts in enumerate(residuals(potential, frames)):
        size = sum(len(p) for p in parts)
        of = (lambda x, k=k: huber(x, thresholds[k])) if thresholds else np.square
        terms.append(sum(w * of(p).sum() for w, p in zip(set_weights, parts, strict=True)) / size)
        squares.append(sum(w * (p**2).sum() for w, p in zip(set_weights, parts, strict=True)) / size)
    assert loss.total == pytest.approx(0.7 * terms[0] + 30.0 * terms[1] + 0.05 * terms[2], rel=1e-9)
    assert loss[1:] == pytest.approx(squares, rel=1e-9)


def test_frames_without_a_label_leave_its_term_alone(lj, potential):
    frames = lj(3, 0)
    bare = [
        dataclasses.replace(frames[0], forces=None),
        dataclasses.replace(frames[1], energy=None),
        dataclasses.replace(frames[2], stress=None),
    ]
    step = TrainingStep(potential)
    loss = step.backward([build_graph(potential, f) for f in bare], Weights(1.0, 1.0, 1.0))
    assert all(bool(p.grad.isfinite().all()) for p in potential.parameters() if p.grad is not None)
    forces, energy, stress = residuals(potential, frames)
    assert loss.forces == pytest.approx(np.mean(np.concatenate(forces[1:]) ** 2), rel=1e-9)
    assert loss.energy == pytest.approx((energy[0][0] ** 2 + energy[2][0] ** 2) / 2, rel=1e-9)
    assert loss.stress == pytest.approx(np.mean(np.concatenate(stress[:2]) ** 2), rel=1e-9)


def test_weights_follow_straight_lines_between_the_points():
    loss = LossSection(forces=2.0, energy=[[0.2, 1.0], [0.6, 5.0], [0.6001, 0.0]], stress=0.5)
    assert weights_at(loss, 0.0) == Weights(2.0, 1.0, 0.5)
    assert weights_at(loss, 0.4).energy == pytest.approx(3.0)
    assert weights_at(loss, 0.6).energy == pytest.approx(5.0)
    assert weights_at(loss, 1.0).energy == 0.0


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"forces": 0.0, "energy": 0.0, "stress": 0.0}, "all weights are zero"),
        ({"energy": -1.0}, "a weight must not be negative"),
        ({"energy": [[0.5, 1.0], [0.1, 2.0]]}, "must rise from 0 to 1"),
        ({"energy": "high"}, "expects a number or points"),
        ({"isolated_energies": {"Si": -1.0}}, "`isolated_energies` (eV per element) are for `energy_shift: isolated`"),
        ({"enrgy": 1.0}, "unknown key `loss.enrgy`; did you mean `energy`?"),
    ],
)
def test_mistakes_in_the_loss_are_explained(config, loss, message):
    with pytest.raises(TlmlpError) as caught:
        as_config({**config(), "loss": loss})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_label_that_the_loss_needs_and_the_data_lack_is_named(config, tmp_path, lj):
    from tlmlp.data import write_frames

    frames = lj(3, 0)
    write_frames(tmp_path / "t.extxyz", [frames[0], dataclasses.replace(frames[1], energy=None)])
    content = {**config(), "loss": {"energy": 1.0}}
    content["data"]["train"] = str(tmp_path / "t.extxyz")
    with pytest.raises(TlmlpError, match=r"t\.extxyz#1: no energy"):
        fit(content, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("loss", "key"), [({"energy": 100.0}, "val_energy_rmse_mev_per_atom"), ({"stress": 0.1}, "val_stress_rmse_gpa")]
)
def test_energies_or_stresses_alone_can_be_learnt(config, tmp_path, loss, key):
    settings = config(updates=50, batch_size=12, validate_every=50, learning_rate=5e-3, final_rate_factor=0.3)
    settings["loss"] = {"forces": 0.0, **loss}
    fit(settings, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1][key] < 0.6 * rows[0][key]
    assert "train_force_rmse_ev_per_ang" not in rows[0]
