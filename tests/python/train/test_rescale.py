"""Length and energy scale fitted to the frames: known ones are found, what cannot be fitted is refused with a reason."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tlmlp.data import Frame, write_frames
from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.train import load_run, transfer, transferred
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.element_transfer.rescale import _best_energy_scale, _best_minimum, _Moments, _moments, fit_rescaling
from tlmlp.train.evaluation.predictions import predict
from tlmlp.train.optimise.losses import VOIGT
from tlmlp.units import EV_PER_ANG3_IN_GPA

SIZES = {"embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3}


def source(species=("Si",), dtype=torch.float64):
    """A random network, with energies as large as those of a material."""
    new = build_potential(species, 4.0, seed=4, dtype=dtype, route="plain", **SIZES)
    return transferred(new, {}, species, route="plain", energy_scale=30.0)


def labelled(frames, teacher, shift=(-3.0,), numbers=None):
    """``frames`` with energies, forces and stresses of ``teacher``."""
    found = []
    for frame in frames:
        numbers_here = frame.atomic_numbers if numbers is None else np.array(numbers)
        frame = dataclasses.replace(frame, atomic_numbers=numbers_here)
        graph = build_graph(teacher, frame)
        got = predict(teacher, [graph], virials=True)
        energy = got.energies[0] + sum(shift[s] for s in graph.species.tolist())
        found.append(
            dataclasses.replace(frame, energy=energy, forces=got.forces, stress=-got.virials[0] / frame.volume)
        )
    return found


@pytest.mark.parametrize(("length", "energy", "n"), [(1.0522, 0.8281, 1), (0.9, 1.6, 4), (1.3, 0.5, 2)])
def test_the_scales_of_a_scaled_source_are_found(lj, length, energy, n):
    silicon = source()
    teacher = transferred(silicon, {"Si": "Ge"}, ["Ge"], route="plain", length_scale=length, energy_scale=energy)
    frames = [scaled(f, length) for f in lj(n, 3, 32)]
    fit = fit_rescaling(transferred(silicon, {"Si": "Ge"}, ["Ge"], route="plain"), labelled(frames, teacher))
    assert fit.length_scale == pytest.approx(length, abs=1e-6)
    assert fit.energy_scale == pytest.approx(energy, abs=1e-6)
    assert fit.shift[0] == pytest.approx(-3.0, abs=1e-5)
    assert all(fit.after[name] < 1e-3 * before for name, before in fit.before.items())


def scaled(frame, length):
    return dataclasses.replace(frame, positions=frame.positions * length, cell=frame.cell * length)


def test_forces_alone_and_two_species_are_enough(lj):
    alloy = source(("Si", "C"))
    new = {"Si": "Ge", "C": "Sn"}
    teacher = transferred(alloy, new, ["Ge", "Sn"], route="plain", length_scale=1.06, energy_scale=0.7)
    frames = labelled([scaled(f, 1.06) for f in lj(4, 1)], teacher, (-3.0, -5.0), [32, 50, 50, 32])
    frames += labelled([scaled(f, 1.06) for f in lj(2, 2)], teacher, (-3.0, -5.0), [32, 32, 50, 32])
    start = transferred(alloy, new, ["Ge", "Sn"], route="plain")
    fit = fit_rescaling(start, frames)
    assert (fit.length_scale, fit.energy_scale) == pytest.approx((1.06, 0.7), abs=1e-6)
    assert fit.shift == pytest.approx((-3.0, -5.0), abs=1e-4)
    alone = fit_rescaling(start, [dataclasses.replace(f, energy=None, stress=None) for f in frames])
    assert (alone.length_scale, alone.energy_scale) == pytest.approx((1.06, 0.7), abs=1e-6)
    assert list(alone.before) == ["force_rmse_ev_per_ang"] and alone.shift == (0.0, 0.0)


def refused(lj):
    """Name to frames and the reason that must be given."""
    crystal = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]) * 4.2
    still = Frame(crystal, np.eye(3) * 4.2, [True] * 3, [32] * 4, energy=-12.0, forces=np.zeros((4, 3)))
    own = labelled(lj(2, 3, 32), transferred(source(), {"Si": "Ge"}, ["Ge"], route="plain"))
    return {
        "nothing moves": ([still], "the labels of the frames say nothing about the scales"),
        "as it is": (own, "the fitted scales do not bring the source closer"),
    }


@pytest.mark.parametrize("case", ["nothing moves", "as it is"])
def test_what_has_no_minimum_is_refused_with_the_reason(lj, tmp_path, case, capsys):
    frames, reason = refused(lj)[case]
    write_frames(tmp_path / "ge.extxyz", frames)
    training = {"updates": 1, "route": "plain", "keep": "last"}
    config = {"data": {"train": str(tmp_path / "ge.extxyz")}, "training": training}
    with pytest.raises(TlmlpError, match=f"transfer.rescale: .*{reason}"):
        transfer(source(), {**config, "transfer": {"rescale": "fit"}}, "Si:Ge", tmp_path / "fit")
    result = transfer(source(), config, "Si:Ge", tmp_path / "auto")
    assert f"not rescaled: {reason}" in capsys.readouterr().err
    assert result.metadata["provenance"]["rescaling"] is None
    assert result.potential.cutoff == 4.0


@pytest.mark.parametrize(
    ("moments", "best"),
    [
        ({"forces": (1.0, -0.5, 1.0)}, math.inf),  # the other direction: no positive scale
        ({"forces": (4.0, 2.0, 1.0)}, 0.5),  # exactly half of the source
        ({"forces": (1.0, 0.6, 1.0), "stress": (1.0, 0.6, 1.0)}, 0.6),
    ],
)
def test_the_energy_scale_is_that_of_least_squares(moments, best):
    scale, score = _best_energy_scale(_Moments(moments, np.empty((0, 1)), (np.empty(0), np.empty(0))))
    if best is math.inf:
        assert score == math.inf
    else:
        assert scale == pytest.approx(best, abs=1e-9)


def test_few_energies_and_stresses_weigh_less_than_forces(lj):
    """The sum that docs/howto/transfer.md states, written down anew and searched over a fine mesh of energy scales."""
    silicon = transferred(source(), {"Si": "Ge"}, ["Ge"], route="plain")
    teacher = transferred(source(), {"Si": "Ge"}, ["Ge"], route="plain", length_scale=1.05, energy_scale=0.8)
    for n in (1, 3):
        frames = [dataclasses.replace(f, stress=1.5 * f.stress) for f in labelled(lj(n, 3, 32), teacher)]
        got = [predict(silicon, [build_graph(silicon, f)], virials=True) for f in frames]
        stress = [-g.virials[0] / f.volume for g, f in zip(got, frames, strict=True)]
        kinds = {
            "forces": (1.0, 0.01, [(g.forces, f.forces) for g, f in zip(got, frames, strict=True)]),
            "stress": (n / (n + 3), 0.1, [(s[VOIGT], f.stress[VOIGT]) for s, f in zip(stress, frames, strict=True)]),
            "energy": (
                (n - 1) / (n + 2),
                0.001,
                [(g.energies / 4, [f.energy / 4]) for g, f in zip(got, frames, strict=True)],
            ),
        }
        mesh, total = np.linspace(0.2, 2.0, 36001), 0.0
        for kind, (weight, resolution, pairs) in kinds.items():
            unit = EV_PER_ANG3_IN_GPA if kind == "stress" else 1.0
            model, reference = (unit * np.concatenate([np.ravel(p[k]) for p in pairs]) for k in (0, 1))
            if kind == "energy":
                model, reference = model - model.mean(), reference - reference.mean()
            square = np.square(mesh[:, None] * model - reference).mean(1)
            total = total + weight * np.log(square + resolution**2 + 0.01 * np.square(reference).mean())
        found, score = _best_energy_scale(_moments(silicon, frames, 1.0))
        assert found == pytest.approx(mesh[total.argmin()], abs=1e-4)
        assert score == pytest.approx(total.min(), abs=1e-6)


@pytest.mark.parametrize(("force", "preferred"), [(0.0, True), (0.5, False)])
def test_stresses_that_stand_alone_come_with_a_preference_for_energies_as_they_are(force, preferred):
    """Six stresses 1.8 times the model's, beside forces that vanish in a crystal or are the model's own in another."""
    forces = (force**2, force**2, force**2)
    found, _ = _best_energy_scale(
        _Moments({"forces": forces, "stress": (1.0, 1.8, 3.24)}, np.empty((0, 1)), (np.empty(0),) * 2)
    )
    mesh = np.linspace(0.5, 2.5, 40001)
    total = np.log(np.square(mesh - 1.8) + 0.1**2 + 0.01 * 3.24)
    total += np.log(force**2 * np.square(mesh - 1.0) + 0.01**2 + 0.01 * force**2)
    if preferred:
        total += np.log(np.square(mesh - 1.0) + 0.5**2)
    assert found == pytest.approx(mesh[total.argmin()], abs=1e-4)
    assert found < 1.79 or not preferred


def test_of_several_minima_the_likely_one_is_taken_unless_another_fits_far_better():
    lengths = np.linspace(-0.5, 0.5, 11)  # minima at -0.1 and 0.1, at a positive energy scale of one
    scores = [3.0, 3.0, 2.0, 1.0, 0.0, 1.0, 0.1, 1.0, 2.0, 3.0, 3.0]
    found = [(1.0, score) for score in scores]
    assert _best_minimum(lengths, found) == 4
    assert _best_minimum(lengths - 0.1, found) == 6  # the elements say that the new one is larger
    found[4] = (1.0, -9.0)
    assert _best_minimum(lengths - 0.1, found) == 4


@pytest.fixture
def few(lj, tmp_path):
    """A config on four frames of a scaled source, that source, and the scales."""
    silicon = source(dtype=torch.float32)
    teacher = transferred(
        silicon, {"Si": "Ge"}, ["Ge"], dtype=torch.float64, route="plain", length_scale=1.06, energy_scale=0.7
    )
    write_frames(tmp_path / "ge.extxyz", labelled([scaled(f, 1.06) for f in lj(4, 3, 32)], teacher))
    training = {"updates": 1, "route": "plain", "keep": "last", "keep_checkpoints": 3}
    return {"data": {"train": str(tmp_path / "ge.extxyz")}, "training": training}, silicon


def test_a_transfer_begins_as_the_rescaled_source(few, lj, tmp_path):
    config, silicon = few
    result = transfer(silicon, {**config, "model": {"cutoff": 4.0}}, "Si:Ge", tmp_path / "run")
    about = result.metadata["provenance"]
    length, energy = about["transfer"]["length_scale"], about["transfer"]["energy_scale"]
    assert (length, energy) == pytest.approx((1.06, 0.7), abs=1e-6)
    assert about["rescaling"]["after"]["force_rmse_ev_per_ang"] < 1e-5
    assert about["rescaling"]["before"]["force_rmse_ev_per_ang"] > 1e-3
    first = torch.load(tmp_path / "run" / "checkpoints" / "00000000.pt", weights_only=True)["model"]["state"]
    start = transferred(silicon, {"Si": "Ge"}, ["Ge"], route="plain", length_scale=length, energy_scale=energy)
    start.load_state_dict(first)
    frames = lj(2, 8)
    ours = predict(start, [build_graph(start, dataclasses.replace(f, atomic_numbers=np.full(4, 32))) for f in frames])
    theirs = predict(silicon, [build_graph(silicon, scaled(f, 1.0 / length)) for f in frames])
    np.testing.assert_allclose(ours.energies, energy * theirs.energies, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.forces, energy / length * theirs.forces, rtol=1e-4, atol=1e-5)
    # trained again from what was written, with nothing to fit, it is the same
    again = transfer(silicon, tmp_path / "run" / "config.yaml", "Si:Ge", tmp_path / "again")
    assert all(
        torch.equal(a, b) for a, b in zip(result.potential.parameters(), again.potential.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("section", "element_map", "expected"),
    [
        ({"length_scale": 1.02}, "Si:Ge", (1.02, 1.0)),
        ({"energy_scale": 0.9, "rescale": "fit"}, "Si:Ge", (1.0, 0.9)),
        ({"rescale": "none"}, "Si:Ge", (1.0, 1.0)),
        ({}, "random:Ge", (1.0, 1.0)),
        ({}, "Si:Ge", (1.06, 0.7)),
    ],
)
def test_given_scales_win_and_nothing_is_fitted_where_it_makes_no_sense(few, tmp_path, section, element_map, expected):
    config, silicon = few
    result = transfer(silicon, {**config, "transfer": section}, element_map, tmp_path / "run")
    stored = load_run(tmp_path / "run", route="plain")[1]["provenance"]["transfer"]
    assert (stored["length_scale"], stored["energy_scale"]) == pytest.approx(expected, abs=1e-6)
    assert math.isclose(result.potential.cutoff, 4.0 * stored["length_scale"])
