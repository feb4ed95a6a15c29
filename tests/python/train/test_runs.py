"""Training runs: they learn, they repeat themselves, they refuse what cannot work."""

import dataclasses
import errno
import fcntl
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, evaluate, fit, load_run, open_model, resume, weights_sha256
from tlmlp.train.model import modelfile


def digest(run: Path) -> str:
    return weights_sha256(load_run(run, "last", route="plain")[0])


def metrics(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_training_learns_and_leaves_a_whole_run_directory(config, tmp_path):
    result = fit(config(updates=60, validate_every=20, learning_rate=5e-3), tmp_path / "run")
    rows = metrics(result.run)
    assert [row["update"] for row in rows] == [0, 20, 40, 60]
    forces = [row["val_force_rmse_ev_per_ang"] for row in rows]
    assert min(forces[1:]) < 0.5 * forces[0]
    assert rows[-1]["learning_rate"] == pytest.approx(5e-5)
    potential, metadata = load_run(result.run, route="plain")
    assert metadata["model"]["best_val_force_rmse_ev_per_ang"] == pytest.approx(min(forces), rel=1e-12)
    assert metadata["model"]["update"] == rows[int(np.argmin(forces))]["update"]
    assert metadata["errors"]["validation"]["force_rmse_ev_per_ang"] == pytest.approx(min(forces), rel=1e-6)
    assert result.finished and weights_sha256(potential) == weights_sha256(result.potential)
    assert metadata["provenance"]["data"]["train"]["frames"] == 12
    resolved = yaml.safe_load((result.run / "config.yaml").read_text())
    assert resolved["model"]["species"] == ["Si"] and resolved["model"]["out_size"] == 16
    assert resolved["training"]["dtype"] == "float32" and resolved["training"]["checkpoint_every"] == 20
    assert as_config(result.run / "config.yaml").to_dict() == resolved
    assert len(list((result.run / "checkpoints").iterdir())) == 2


def test_energy_shift_is_the_mean_difference_per_atom_and_the_shortest_distance_is_kept(config, tmp_path, lj):
    result = fit(config(), tmp_path / "run")
    potential, metadata = load_run(result.run, route="plain")
    frames = lj(12, 0)
    from tlmlp.models.oracle import oracle_energy_forces_virial

    potential = potential.double()
    shift = float(potential.energy_shift[0])
    network = [oracle_energy_forces_virial(potential, f)["energy"] - 4 * shift for f in frames]
    expected = np.mean([(f.energy - e) / 4 for f, e in zip(frames, network, strict=True)])
    assert shift == pytest.approx(expected, abs=1e-5)
    assert metadata["model"]["energy_shift_from"] == "training"
    assert metadata["min_distance"] == pytest.approx(2.4, abs=0.3)


def test_the_saved_config_repeats_the_training(config, tmp_path):
    first = fit(config(seed=3, dtype="float64"), tmp_path / "first").run
    potential = load_run(first, route="plain")[0]
    assert potential.dtype == torch.float64
    assert digest(fit(first / "config.yaml", tmp_path / "again").run) == digest(first)


def test_equal_seeds_give_equal_weights_and_others_do_not(config, tmp_path):
    hashes = {
        name: digest(fit(config(**settings), tmp_path / name).run)
        for name, settings in {
            "first": {"seed": 1},
            "again": {"seed": 1},
            "shuffled": {"seed": 1, "shuffle_seed": 2},
            "other": {"seed": 2},
        }.items()
    }
    assert hashes["first"] == hashes["again"]
    assert len(set(hashes.values())) == 3


def test_a_second_call_goes_on_or_says_no(config, tmp_path, capfd):
    first = fit(config(), tmp_path / "run")
    before = digest(first.run)
    again = fit(config(), tmp_path / "run")
    assert again.finished and digest(again.run) == before
    assert "going on from update 12 of 12" in " ".join(capfd.readouterr().err.split())
    with pytest.raises(TlmlpError, match="holds a training with other settings"):
        fit(config(seed=5), tmp_path / "run")


def test_a_damaged_newest_checkpoint_is_skipped_with_a_word(config, tmp_path, capfd):
    run = fit(config(), tmp_path / "run").run
    before = digest(run)
    newest = sorted((run / "checkpoints").iterdir())[-1]
    content = newest.read_bytes()
    for damaged in (content[: len(content) // 2], b"", _flip(content, newest)):
        newest.write_bytes(damaged)
        (run / "last.pt").unlink()
        resume(run)
        said = " ".join(capfd.readouterr().err.split())
        assert "00000012.pt: damaged" in said and "going on from update 8 of 12" in said
        assert digest(run) == before and [row["update"] for row in metrics(run)] == [0, 4, 8, 12]


def _flip(content: bytes, path: Path) -> bytes:
    """``content`` with one bit of one weight changed."""
    state = torch.load(path, weights_only=True)
    weight = state["model"]["state"]["network.embedding.dense.weight"].numpy().tobytes()
    place = content.index(weight) + 5
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def test_only_damaged_checkpoints_are_an_error(config, tmp_path):
    run = fit(config(), tmp_path / "run").run
    for file in (run / "checkpoints").iterdir():
        file.write_bytes(b"junk")
    with pytest.raises(TlmlpError, match="all 2 checkpoints are damaged"):
        resume(run)


def test_a_run_in_use_is_refused(config, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with (run / ".lock").open("w") as other:
        other.write("process 1 on moon")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TlmlpError, match="in use by process 1 on moon"):
            fit(config(), run)


@pytest.mark.parametrize(("victim", "good"), [("00000008.pt", 4), ("best.pt", 8), ("last.pt", 12)])
def test_a_full_disk_names_the_last_good_state(config, tmp_path, monkeypatch, victim, good):
    real = modelfile.atomic_write_bytes

    def full(path, content):
        if path.name == victim and (tmp_path / "run" / "checkpoints" / f"{good:08d}.pt").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, content)

    whole = digest(fit(config(), tmp_path / "whole").run)
    monkeypatch.setattr(modelfile, "atomic_write_bytes", full)
    with pytest.raises(TlmlpError, match=rf"\(No space left on device\); the last good state is update {good}, go on"):
        fit(config(), tmp_path / "run")
    monkeypatch.undo()
    resume(tmp_path / "run")
    assert digest(tmp_path / "run") == whole


def test_changed_data_stop_a_resume(config, tmp_path, lj):
    content = config()
    content["data"]["train"] = str(tmp_path / "t.extxyz")
    write_frames(tmp_path / "t.extxyz", lj(6, 0))
    fit(content, tmp_path / "run")
    write_frames(tmp_path / "t.extxyz", lj(6, 9))
    with pytest.raises(TlmlpError, match="the train data are not those that the training began with"):
        resume(tmp_path / "run")


def test_resume_needs_a_run(tmp_path):
    with pytest.raises(TlmlpError, match="no checkpoints"):
        resume(tmp_path / "nothing")
    (tmp_path / "run" / "folds" / "0" / "checkpoints").mkdir(parents=True)
    with pytest.raises(TlmlpError, match="stopped in its cross-validation; give the command that began it again"):
        resume(tmp_path / "run")


def test_a_run_without_checkpoint_but_with_other_files_is_left_alone(config, tmp_path):
    (tmp_path / "metrics.jsonl").write_text("mine")
    with pytest.raises(TlmlpError, match=r"holds metrics\.jsonl of another training"):
        fit(config(), tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == "mine"


def test_frames_without_neighbours_do_no_harm(config, tmp_path, lj):
    lone = dataclasses.replace(
        lj(1, 0)[0],
        positions=[[0.0, 0, 0]],
        cell=np.eye(3) * 5,  # beyond the cutoff, and nearer than an isolated atom's images
        atomic_numbers=[14],
        forces=np.zeros((1, 3)),
        energy=-3.0,
    )
    content = config(batch_size=1, updates=14)
    content["data"]["train"] = str(tmp_path / "t.extxyz")
    write_frames(tmp_path / "t.extxyz", [*lj(6, 0), lone])
    result = fit(content, tmp_path / "run")
    assert np.isfinite(list(result.errors["training"].values())).all()
    assert evaluate(result.potential, [lone])["force_mae_ev_per_ang"] == 0.0


def test_a_cutoff_is_needed_and_must_reach_a_neighbour(config, tmp_path):
    content = config()
    content["model"]["cutoff"] = 1.0
    with pytest.raises(TlmlpError, match="no two atoms of the training frames are closer than the cutoff"):
        fit(content, tmp_path / "a")
    del content["model"]["cutoff"]
    with pytest.raises(TlmlpError, match=r"lacks model\.cutoff"):
        fit(content, tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a model at all"])
def test_files_that_are_no_model_are_refused(tmp_path, content):
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(TlmlpError, match=r"m\.pt: damaged or not a file of this package"):
        open_model(tmp_path / "m.pt", route="plain")
    with pytest.raises(TlmlpError, match="no such model"):
        open_model(tmp_path / "none.pt", route="plain")
    with pytest.raises(TlmlpError, match=r"no best\.pt"):
        open_model(tmp_path, route="plain")


def test_a_torch_file_of_another_kind_is_refused_and_runs_no_code(tmp_path):
    torch.save({"format": "something"}, tmp_path / "m.pt")
    with pytest.raises(TlmlpError, match="expected the format"):
        open_model(tmp_path / "m.pt", route="plain")
    torch.save({"format": "tlmlp-run-model/2", "x": Path}, tmp_path / "n.pt")
    with pytest.raises(TlmlpError, match="refused: it holds more than tensors"):
        open_model(tmp_path / "n.pt", route="plain")
