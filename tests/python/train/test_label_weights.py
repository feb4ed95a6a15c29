"""Weights of energies and stresses from the data's scales, and what a training says about the labels it uses."""

import dataclasses

import numpy as np
import pytest
import torch

from tlmlp.data import Frame, write_frames
from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, fit, resume
from tlmlp.train.config.sections import LossSection
from tlmlp.train.optimise.label_weights import label_scales, weighted
from tlmlp.units import EV_PER_ANG3_IN_GPA


def frame(energy=None, force=None, pressure=None, n=4, numbers=None):
    """``n`` atoms with ``force`` (eV/Å) on every component, ``energy`` per atom, ``pressure`` (GPa) on the diagonal."""
    positions = np.arange(3 * n).reshape(n, 3) * 0.7
    stress = None if pressure is None else np.eye(3) * pressure / EV_PER_ANG3_IN_GPA
    forces = None if force is None else np.full((n, 3), float(force))
    numbers = np.full(n, 14) if numbers is None else numbers
    return Frame(positions, np.eye(3) * 9, [True] * 3, numbers, None if energy is None else energy * n, forces, stress)


@pytest.mark.parametrize(
    ("frames", "energy", "stress"),
    [
        # sigma_F 0.5; sigma_E 0.1 sqrt(2) with one degree of freedom; sigma_S sqrt(1/2) 2 GPa, half of the components zero
        ([frame(-3.1, 0.5, 2.0), frame(-2.9, -0.5, -2.0)], 2 * 0.25 / 0.02, 5e-3),
        ([frame(-3.1, 0.5), frame(-2.9, 0.5)], 2 * 0.25 / 0.02, 0.0),
        ([frame(None, 0.5), frame(None, 0.5)], 0.0, 0.0),
        ([frame(-3.0, 0.5, 2.0)], 5.0, 5e-3),  # one energy has no spread
        ([frame(-3.0, 0.0, 2.0), frame(-2.0, 0.0, 2.0)], 5.0, 1e-3),  # crystals at rest
        ([frame(-3.0, 0.5, 4.0)], 5.0, 0.05 * 0.25 / 8.0),
        ([frame(-3.0, 2.0, 0.1), frame(-3.01, 2.0, 0.1)], 50.0, 5e-3),  # the upper bounds
        ([frame(-3.1, 0.5, 2.0), frame(None, 0.5)], 5.0, 5e-3),  # labels of some frames
    ],
)
def test_the_weights_follow_the_scales_of_the_labels(frames, energy, stress):
    found = weighted(LossSection(), frames)
    assert (found.forces, found.energy, found.stress) == pytest.approx((1.0, energy, stress), rel=1e-3)
    given = weighted(LossSection(energy=3.0, stress=0.0), frames)
    assert (given.energy, given.stress) == (3.0, 0.0)


def test_energies_that_the_composition_explains_have_no_spread():
    numbers = ([14] * 4, [14, 14, 6, 6], [6] * 4, [14, 6, 6, 6])
    energies = [(-5.0 * n.count(14) - 9.0 * n.count(6)) / 4 for n in numbers]
    frames = [frame(e, 0.5, numbers=np.array(n)) for e, n in zip(energies, numbers, strict=True)]
    assert label_scales(frames)["energy"] == pytest.approx(0.0, abs=1e-12)


def test_forces_stands_for_forces_alone():
    loss = as_config({"data": {"train": "x", "val": "y"}, "loss": "forces"}).loss
    assert [loss.uses(term) for term in ("forces", "energy", "stress")] == [True, False, False]
    assert as_config({"data": {"train": "x", "val": "y"}}, ["loss=forces"]).loss == loss
    with pytest.raises(TlmlpError, match="`loss`: expects `forces`"):
        as_config({"data": {"train": "x", "val": "y"}, "loss": "energies"})
    with pytest.raises(TlmlpError, match="nothing to fit"):
        weighted(LossSection(forces=0.0), [frame(None, 0.5)])


def test_a_training_uses_all_labels_says_so_and_goes_on_with_them(config, lj, tmp_path, capsys):
    frames = lj(6, 0)
    frames[0] = dataclasses.replace(frames[0], stress=None)  # labels that some frames lack are no obstacle
    write_frames(tmp_path / "train.extxyz", frames)
    content = config(updates=6, validate_every=3)
    content["data"]["train"] = str(tmp_path / "train.extxyz")
    del content["loss"]
    result = fit(content, tmp_path / "all")
    said = capsys.readouterr().err
    used = result.metadata["provenance"]["loss"]
    assert used["energy"] >= 5.0 and used["stress"] >= 1e-3
    assert f"energy (weight {used['energy']:g})" in said and "unused" not in said
    (tmp_path / "all" / "checkpoints" / "00000006.pt").unlink()
    again = resume(tmp_path / "all")
    assert all(
        torch.equal(a, b) for a, b in zip(result.potential.parameters(), again.potential.parameters(), strict=True)
    )
    fit({**content, "loss": "forces"}, tmp_path / "forces")
    assert "fitted to forces (labels left unused: energy, stress)" in capsys.readouterr().err
