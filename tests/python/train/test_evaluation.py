"""Errors against numbers made by hand from the oracle, with and without labels; JSON, figure, table."""

import csv
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.models.oracle import oracle_energy_forces_virial
from tlmlp.train import evaluate
from tlmlp.train.evaluation.comparison import ERROR_KEYS, compare_potential
from tlmlp.train.evaluation.energy_shift import fit_energy_shift
from tlmlp.train.model.modelfile import model_payload, save_model
from tlmlp.train.report.evaluated_files import evaluate_files


@pytest.fixture(scope="module")
def potential():
    return build_potential(
        ["Si"],
        4.0,
        seed=3,
        dtype=torch.float64,
        route="plain",
        energy_shift=[-2.9],
        embed_size=8,
        n_blocks=2,
        num_spherical=3,
        num_radial=3,
    )


def by_hand(potential, frames):
    """The six numbers, straight from their definitions."""
    model = [oracle_energy_forces_virial(potential, f) for f in frames]
    energy = np.array([(m["energy"] - f.energy) / len(f) for m, f in zip(model, frames, strict=True)]) * 1e3
    force = np.concatenate([(m["forces"] - f.forces).ravel() for m, f in zip(model, frames, strict=True)])
    difference = [-m["virial"] / f.volume - f.stress for m, f in zip(model, frames, strict=True)]
    stress = np.array([[d[0, 0], d[1, 1], d[2, 2], d[1, 2], d[0, 2], d[0, 1]] for d in difference]) * 160.2176634
    return [
        np.abs(energy).mean(),
        np.sqrt((energy**2).mean()),
        np.abs(force).mean(),
        np.sqrt((force**2).mean()),
        np.abs(stress).mean(),
        np.sqrt((stress**2).mean()),
    ]


def test_errors_equal_those_made_by_hand_overall_and_by_group(lj, potential):
    frames = lj(5, 0)
    result = evaluate(potential, frames)
    assert [result[key] for key in ERROR_KEYS] == pytest.approx(by_hand(potential, frames), rel=1e-8)
    assert (result["frames"], result["atoms"]) == (5, 20)
    for group, start in (("even", 0), ("odd", 1)):
        part = result["groups"][group]
        assert [part[key] for key in ERROR_KEYS] == pytest.approx(by_hand(potential, frames[start::2]), rel=1e-8)
    assert result["groups"]["odd"]["frames"] == 2


def test_without_labels_the_errors_are_none(lj, potential):
    frames = [dataclasses.replace(f, energy=None, stress=None, group=None) for f in lj(2, 0)]
    result = evaluate(potential, frames)
    assert result["energy_mae_mev_per_atom"] is None and result["stress_mae_gpa"] is None
    assert result["force_mae_ev_per_ang"] == pytest.approx(by_hand(potential, lj(2, 0))[2], rel=1e-8)
    assert result["groups"] == {}


def test_some_labels_missing_leaves_the_others_in(lj, potential):
    frames = lj(4, 0)
    mixed = [dataclasses.replace(f, forces=None) if n < 2 else f for n, f in enumerate(frames)]
    assert evaluate(potential, mixed)["force_mae_ev_per_ang"] == pytest.approx(
        by_hand(potential, frames[2:])[2], rel=1e-8
    )


def test_json_figure_and_csv_are_written(lj, potential, tmp_path, capsys, monkeypatch):
    write_frames(tmp_path / "test.extxyz", lj(3, 0))
    save_model(tmp_path / "model.pt", model_payload(potential), {})
    evaluate_files(
        tmp_path / "model.pt", [tmp_path / "test.extxyz"], json_file=tmp_path / "out" / "e.json", route="plain"
    )
    found = json.loads((tmp_path / "out" / "e.json").read_text())
    assert [found[key] for key in ERROR_KEYS] == pytest.approx(by_hand(potential, lj(3, 0)), rel=1e-8)
    assert (tmp_path / "out" / "e.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "out" / "e.csv").open()))
    assert len(rows) == 3 * (1 + 12 + 6)
    forces = [float(r["model"]) - float(r["reference"]) for r in rows if r["quantity"] == "force"]
    assert np.abs(forces).mean() == pytest.approx(found["force_mae_ev_per_ang"], rel=1e-12)
    table = capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    evaluate_files(tmp_path / "model.pt", [tmp_path / "test.extxyz"], route="plain")
    assert (tmp_path / "model-parity-test.png").is_file() and (tmp_path / "model-parity-test.csv").is_file()
    assert "force MAE" in table and "meV/atom" in table and f"{found['force_mae_ev_per_ang']:.4f}" in table


def test_bad_calls_are_one_line_and_status_2(lj, potential, tmp_path, environment):
    write_frames(tmp_path / "ge.extxyz", lj(1, 0, 32))
    write_frames(tmp_path / "bare.extxyz", [dataclasses.replace(lj(1, 0)[0], energy=None, forces=None, stress=None)])
    save_model(tmp_path / "model.pt", model_payload(potential), {})
    for files, message in (
        ((tmp_path / "ge.extxyz",), "the model knows Si, but the frame holds Ge"),
        ((tmp_path / "bare.extxyz",), "no energies, forces or stresses to compare with"),
    ):
        with pytest.raises(TlmlpError, match=message):
            evaluate_files(tmp_path / "model.pt", files, route="plain")
    with pytest.raises(TlmlpError, match="no frames"):
        compare_potential(potential, [])
    done = subprocess.run(
        [sys.executable, "-m", "tlmlp", "evaluate", "none.pt", "ge.extxyz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr.strip()) == (2, "error: none.pt: no such model")


def test_energy_shift_of_several_species_is_the_least_squares_solution(lj):
    random = np.random.default_rng(0)
    counts = random.integers(1, 5, size=(6, 2)).astype(float)
    network = random.normal(size=6)
    frames = [dataclasses.replace(lj(1, 0)[0], energy=float(e)) for e in network + counts @ [-3.0, -7.0]]
    np.testing.assert_allclose(fit_energy_shift(counts, network, frames), [-3.0, -7.0], atol=1e-12)
    same = np.tile([[2.0, 2.0]], (6, 1))  # one composition does not tell the two apart: equal shifts
    frames = [dataclasses.replace(f, energy=float(e)) for f, e in zip(frames, network - 20.0, strict=True)]
    np.testing.assert_allclose(fit_energy_shift(same, network, frames), [-5.0, -5.0], atol=1e-12)
