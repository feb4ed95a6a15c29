"""A run whose folder moved, whose data moved, whose config.yaml was edited, or whose settings change on the way."""

import shutil
from pathlib import Path

import pytest
import yaml

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.train import fit, resume, transfer, transfer_frames
from tlmlp.train.model.modelfile import load_run, weights_sha256
from tlmlp.train.report.run_page import report_run


def digest(run: Path) -> str:
    return weights_sha256(load_run(run, "last", route="plain")[0])


@pytest.fixture
def tree(config, lj, tmp_path):
    """Folder d with data beside the run, stopped after 8 of 12 updates; and the hash of the whole training."""
    folder = tmp_path / "d"
    (folder / "data").mkdir(parents=True)
    write_frames(folder / "train.extxyz", lj(8, 0))
    write_frames(folder / "data" / "val.extxyz", lj(4, 1))
    content = config()
    content["data"] = {"train": str(folder / "train.extxyz"), "val": str(folder / "data" / "val.extxyz")}
    (folder / "c.yaml").write_text(
        yaml.safe_dump({**content, "data": {"train": "train.extxyz", "val": "data/val.extxyz"}})
    )
    fit(folder / "c.yaml", folder / "run")
    whole = digest(folder / "run")
    stop(folder / "run")
    return folder, whole


def stop(run: Path) -> None:
    """As a kill before the last checkpoint would have left it."""
    (run / "checkpoints" / "00000012.pt").unlink()
    (run / "last.pt").unlink()


def test_a_folder_that_moved_goes_on_to_the_same_weights(tree):
    folder, whole = tree
    moved = folder.rename(folder.with_name("e"))
    assert resume(moved / "run").finished and digest(moved / "run") == whole
    again = moved.rename(folder.with_name("f"))
    report_run(again / "run", route="plain")  # its page reads the data too
    assert (again / "run" / "report.html").is_file()
    again.rename(moved)
    assert str(moved / "train.extxyz") in (moved / "run" / "config.yaml").read_text()


def test_a_copy_goes_on_beside_a_changed_original(tree, lj):
    """The old place still has files of that name, with other frames: the hash decides for those beside the run."""
    folder, whole = tree
    copy = Path(shutil.copytree(folder, folder.with_name("copy")))
    write_frames(folder / "train.extxyz", lj(8, 7))
    assert resume(copy / "run").finished and digest(copy / "run") == whole


def test_the_same_command_goes_on_in_a_moved_folder(tree):
    folder, whole = tree
    moved = folder.rename(folder.with_name("e"))
    assert fit(moved / "c.yaml", moved / "run").finished and digest(moved / "run") == whole


@pytest.mark.parametrize("whole_folder", [True, False])
def test_data_elsewhere_are_named(tree, tmp_path, whole_folder):
    folder, whole = tree
    (folder / "train.extxyz").rename(tmp_path / "t.extxyz")
    with pytest.raises(TlmlpError, match="no such file; say where it is now with --data OLD=NEW"):
        resume(folder / "run")
    places = [f"{folder / 'train.extxyz'}={tmp_path / 't.extxyz'}"]
    if whole_folder:
        (folder / "data").rename(tmp_path / "elsewhere")
        places.append(f"{folder / 'data'}={tmp_path / 'elsewhere'}")
    assert resume(folder / "run", places=places).finished and digest(folder / "run") == whole
    stop(folder / "run")
    assert resume(folder / "run").finished  # the new places are kept


def test_other_data_are_refused_wherever_they_are(tree, lj, tmp_path):
    folder, _ = tree
    write_frames(tmp_path / "other.extxyz", lj(8, 9))
    place = f"{folder / 'train.extxyz'}={tmp_path / 'other.extxyz'}"
    (folder / "train.extxyz").unlink()
    with pytest.raises(TlmlpError, match="the train data are not those that the training began with"):
        resume(folder / "run", places=[place])


PLACES = {
    "nothing": "--data expects OLD=NEW",
    "=x": "--data expects OLD=NEW",
    "/nowhere=/x": "the training has no file /nowhere; it has ",
}


def test_places_that_make_no_sense(tree):
    for place, expected in PLACES.items():
        with pytest.raises(TlmlpError, match=expected) as caught:
            resume(tree[0] / "run", places=[place])
        assert "\n" not in str(caught.value)


def edit(run: Path, section: str, **entries) -> None:
    content = yaml.safe_load((run / "config.yaml").read_text())
    content[section].update(entries)
    (run / "config.yaml").write_text(yaml.safe_dump(content))


def test_an_edited_config_is_refused_with_its_keys(tree):
    run = tree[0] / "run"
    edit(run, "training", learning_rate=1e-5, patience=3)
    edit(run, "loss", forces=2.0)
    with pytest.raises(TlmlpError) as caught:
        resume(run)
    for part in (
        "config.yaml was changed",
        "loss.forces is 2.0 there and 1.0 in the checkpoint",
        "training.learning_rate is 1e-05 there and 0.004",
        "say --set training.learning_rate=1e-05 --set training.patience=3",
    ):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edit_is_taken_by_set_and_recorded(tree, capfd):
    folder, whole = tree
    run = folder / "run"
    edit(run, "training", learning_rate=1e-5)
    result = resume(run, changes=["training.learning_rate=1e-5"])
    said = " ".join(capfd.readouterr().err.split())
    assert "from update 8 on: training.learning_rate is 1e-05, was 0.004" in said
    assert result.finished and digest(run) != whole
    assert result.metadata["provenance"]["changes"] == [{"update": 8, "set": {"training.learning_rate": 1e-5}}]
    assert yaml.safe_load((run / "config.yaml").read_text())["training"]["learning_rate"] == 1e-5


def test_paths_edited_in_the_config_are_taken(tree, tmp_path):
    folder, whole = tree
    (folder / "train.extxyz").rename(tmp_path / "t.extxyz")
    edit(folder / "run", "data", train=[str(tmp_path / "t.extxyz")])
    assert resume(folder / "run").finished and digest(folder / "run") == whole


def test_a_finished_run_is_made_longer(tree):
    run = tree[0] / "run"
    resume(run)
    assert resume(run, changes=["training.updates=16"]).finished
    assert (run / "checkpoints" / "00000016.pt").is_file()


CHANGES = {
    # change: None where it is taken, else words of the refusal
    "training.validate_every=2": None,
    "training.keep_checkpoints=5": None,
    "training.schedule=constant": None,
    "model.cutoff=5": "model.cutoff cannot change in a training that has begun; --set takes updates, learning_rate",
    "data.n_train=3": "data.n_train cannot change",
    "loss.energy=1": "loss.energy cannot change",
    "training.batch_size=2": "training.batch_size cannot change",
    "training.seed=7": "training.seed cannot change",
    "training.dtype=float64": "training.dtype cannot change",
    "training.ema=0.9": "training.ema cannot change",
    "training.keep=last": "training.keep cannot change",
    "training.threads=1000000": "threads",
    "training.learning_rat=1": "learning_rat",
    "updates": "--set expects a.b=c",
}


def test_what_may_not_change_on_the_way(tree):
    run = tree[0] / "run"
    for change, expected in CHANGES.items():
        if expected is not None:
            with pytest.raises(TlmlpError, match=expected) as caught:
                resume(run, changes=[change])
            assert "\n" not in str(caught.value)
    assert resume(run).finished and digest(run) == tree[1]  # nothing was spoilt


@pytest.mark.parametrize("change", [change for change, expected in CHANGES.items() if expected is None])
def test_what_may_change_on_the_way(tree, change):
    assert resume(tree[0] / "run", changes=[change]).finished


# --- a run that was stopped in its cross-validation ------------------------------------------------------------------


def stop_in_folds(run: Path) -> None:
    """As a kill in the last fold would have left it: the final training was not begun."""
    for path in run.iterdir():
        if path.name not in ("folds", "begun.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    *_, last = sorted((run / "folds").rglob("checkpoints"))
    shutil.rmtree(last.parent)


def folded(method: str, config, lj, folder: Path):
    """Data, source and run of a training with folds in ``folder``, begun by ``method``; the stopped run, and the hash."""
    content = config(updates=2, keep="last")
    folder.mkdir()
    source = None
    if method != "train":
        source = folder / "si"
        fit({**content, "data": {"train": str(config()["data"]["train"])}}, source)
    write_frames(folder / "train.extxyz", lj(6, 3))
    content["data"] = {"train": str(folder / "train.extxyz"), "validation": "folds"}
    content["folds"] = {"number": 2, "choices": {"training.learning_rate": [1e-3, 4e-3]}}
    run = folder / "run"
    if method == "train":
        fit(content, run)
    elif method == "transfer":
        transfer(source, content, "Si:Si", run)
    else:
        changes = ["training.updates=2", "training.threads=1", "training.route=plain"]
        transfer_frames(source, folder / "train.extxyz", "Si:Si", run, overrides=changes, folds=2)
    whole = digest(run)
    stop_in_folds(run)
    return run, whole


@pytest.mark.parametrize("method", ["train", "transfer", "transfer_frames"])
def test_a_moved_run_goes_on_in_its_cross_validation(method, config, lj, tmp_path):
    """Data and source moved with it, and nothing is left where they were."""
    run, whole = folded(method, config, lj, tmp_path / "d")
    moved = run.parent.rename(tmp_path / "e") / run.name
    assert resume(moved).finished and digest(moved) == whole
    assert (moved / "folds.json").is_file() or (moved / "cross-validation.json").is_file()


def test_places_of_a_cross_validation(config, lj, tmp_path):
    run, whole = folded("transfer", config, lj, tmp_path / "d")
    (tmp_path / "d" / "train.extxyz").rename(tmp_path / "frames.extxyz")
    (tmp_path / "d" / "si").rename(tmp_path / "silicon")
    with pytest.raises(TlmlpError, match="si: no such file; say where it is now with --data OLD=NEW"):
        resume(run)
    places = [f"{tmp_path}/d/si={tmp_path}/silicon"]
    with pytest.raises(TlmlpError, match="no such file; say where it is now with --data OLD=NEW"):
        resume(run, places=places)
    places.append(f"{tmp_path}/d/train.extxyz={tmp_path}/frames.extxyz")
    with pytest.raises(TlmlpError, match="goes on as it began: leave out --set and --device"):
        resume(run, places=places, changes=["training.updates=9"])
    assert resume(run, places=places).finished and digest(run) == whole


def test_other_data_or_a_damaged_beginning_are_refused(config, lj, tmp_path):
    run, _ = folded("train", config, lj, tmp_path / "d")
    write_frames(tmp_path / "d" / "train.extxyz", lj(6, 4))
    with pytest.raises(TlmlpError, match="the train data are not those that the training began with"):
        resume(run)
    (run / "begun.json").write_text('{"method": "x"')
    with pytest.raises(TlmlpError, match=r"begun.json: is damaged; give the command that began the training again"):
        resume(run)
    (run / "begun.json").unlink()
    with pytest.raises(TlmlpError, match="give the command that began it again"):
        resume(run)


def test_a_resumed_transfer_of_frames_ends_with_its_model_and_report(config, lj, tmp_path):
    """As a kill in the final training would have left it, with a cross-validation and without."""
    for folds in (2, 0):
        folder = tmp_path / str(folds)
        folder.mkdir()
        fit(config(updates=2), folder / "si")
        write_frames(folder / "train.extxyz", lj(4, 3))
        changes = ["training.updates=4", "training.checkpoint_every=2", "training.threads=1", "training.route=plain"]
        run = folder / "run"
        transfer_frames(folder / "si", folder / "train.extxyz", "Si:Si", run, overrides=changes, folds=folds)
        whole = digest(run)
        assert (run / "model.pt").is_file()
        for name in ("model.pt", "report.html", "last.pt"):
            (run / name).unlink()
        last = max((run / "checkpoints").iterdir())
        last.unlink()
        assert resume(run).finished and digest(run) == whole
        assert (run / "model.pt").is_file() and (run / "report.html").is_file()
        for name in ("model.pt", "report.html"):
            (run / name).unlink()
        assert resume(run, changes=["training.updates=6"]).finished
        assert (run / "model.pt").is_file() and not (run / "report.html").is_file()
        assert resume(run).finished  # a training that was changed is not that of the recipe any more


def test_a_refused_cross_validation_leaves_nothing(config, lj, tmp_path):
    write_frames(tmp_path / "train.extxyz", lj(2, 3))
    content = config(updates=2, keep="last")
    content["data"] = {"train": str(tmp_path / "train.extxyz"), "validation": "folds"}
    content["folds"] = {"number": 3, "choices": {"training.learning_rate": [1e-3, 4e-3]}}
    with pytest.raises(TlmlpError):
        fit(content, tmp_path / "run")
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").rglob("*.json"))
