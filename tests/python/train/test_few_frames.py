"""A transfer from data files alone: the recipe, what it leaves behind, the choice of a source, the advice."""

import dataclasses
import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from tlmlp.cli.main import app
from tlmlp.data import read_frames, write_frames
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.models import build_potential
from tlmlp.train import evaluate, transfer_frames
from tlmlp.train.element_transfer.few_frames import run_transfer
from tlmlp.train.element_transfer.recipe import default_folds, few_frames_config
from tlmlp.train.evaluation.comparison import Comparison
from tlmlp.train.loop.folds import CrossValidation
from tlmlp.train.report.few_frames_page import advice

SIZES = {"embed_size": 8, "n_blocks": 1, "num_spherical": 3, "num_radial": 3}
QUICK = ["training.updates=4", "training.route=plain", "transfer.rescale=none"]


def call(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Two exported silicon models, a random one and the same with enormous energies."""
    folder = tmp_path_factory.mktemp("sources")
    silicon = build_potential(["Si"], 4.0, seed=4, route="plain", **SIZES)
    export_model(silicon, folder / "calm.pt", {"min_distance": 2.2}, portable=True)
    for name, parameter in silicon.network.named_parameters():
        if name.startswith("output.") and name.endswith("final.weight"):
            parameter.data.mul_(200.0)
    export_model(silicon, folder / "wild.pt", {"min_distance": 2.2}, portable=True)
    return folder


@pytest.mark.parametrize(
    ("n", "updates", "batch", "folds"), [(1, 100, 1, 0), (2, 200, 2, 2), (10, 1000, 2, 3), (217, 6000, 2, 0)]
)
def test_the_recipe_follows_the_number_of_frames(n, updates, batch, folds):
    training = few_frames_config(["x"], n)["training"]
    assert (training["updates"], training["batch_size"], default_folds(n)) == (updates, batch, folds)
    assert 3e-4 <= training["learning_rate"] <= 1e-3
    pull = few_frames_config(["x"], n)["transfer"]["l2_sp"]
    assert n**2 * pull == pytest.approx(few_frames_config(["x"], 1)["transfer"]["l2_sp"], rel=0.05)


def test_one_command_leaves_model_report_and_config(sources, lj, tmp_path):
    write_frames(tmp_path / "ge.extxyz", lj(5, 3, 32))
    options = [part for change in QUICK for part in ("--set", change)]
    arguments = (
        "transfer",
        sources / "calm.pt",
        tmp_path / "ge.extxyz",
        "--element-map",
        "Si:Ge",
        "--out",
        tmp_path / "run",
    )
    done = call(*arguments, *options)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "run" / "report.html").read_text()
    for heading in (
        "Errors",
        "Parity",
        "By group",
        "Learning curve",
        "Distances and volumes",
        "What to do next",
        "Config",
    ):
        assert f"<h2>{heading}</h2>" in page
    assert (tmp_path / "run" / "report" / "learning_curve.csv").read_text().startswith("fold,update,")
    found = json.loads((tmp_path / "run" / "cross-validation.json").read_text())
    assert (found["folds"], found["chosen"], found["sources"]["calm"]["frames"]) == (3, "calm", 5)
    used = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert used["training"]["keep"] == "last" and used["data"]["validation"] == "frames" and "val" not in used["data"]
    errors = evaluate(tmp_path / "run" / "model.pt", tmp_path / "ge.extxyz", route="plain")
    trained = evaluate(tmp_path / "run", tmp_path / "ge.extxyz", route="plain")
    assert errors["force_mae_ev_per_ang"] == pytest.approx(trained["force_mae_ev_per_ang"], rel=1e-5)
    assert (
        call("evaluate", tmp_path / "run", tmp_path / "ge.extxyz", "--which", "last", "--route", "plain").exit_code == 0
    )
    assert (
        call("export", tmp_path / "run", "--which", "last", "--out", tmp_path / "last.pt", "--portable").exit_code == 0
    )
    with pytest.raises(TlmlpError, match="--which takes best or last, got 'first'"):
        evaluate_which(tmp_path / "run")


def evaluate_which(run):
    from tlmlp.train import open_model

    open_model(run, "first")


def test_the_better_of_two_sources_is_taken(sources, lj, tmp_path):
    write_frames(tmp_path / "ge.extxyz", lj(4, 3, 32))
    both = [sources / "wild.pt", sources / "calm.pt"]
    result = transfer_frames(both, tmp_path / "ge.extxyz", "Si:Ge", tmp_path / "run", overrides=QUICK, folds=2)
    assert result.source.name == "calm.pt"
    assert result.training.metadata["provenance"]["source"]["name"] == "calm.pt"
    found = json.loads((tmp_path / "run" / "cross-validation.json").read_text())["sources"]
    assert found["calm"]["score"] < found["wild"]["score"]
    assert result.validation is not None and len(result.validation.comparison.frames) == 4
    seen = sorted(frame.source for frame in result.validation.comparison.frames)
    assert seen == sorted(frame.source for frame in read_frames(tmp_path / "ge.extxyz"))


def test_a_config_chooses_among_sources_too(sources, ge_config, tmp_path):
    content = ge_config(updates=4, keep="last")
    del content["data"]["n_val"]
    content.update(transfer={"rescale": "none"}, folds={"number": 2})
    (tmp_path / "ge.yaml").write_text(yaml.safe_dump(content))
    arguments = [str(sources / "wild.pt"), str(sources / "calm.pt"), str(tmp_path / "ge.yaml")]
    assert run_transfer(arguments, "Si:Ge", tmp_path / "run")
    found = json.loads((tmp_path / "run" / "cross-validation.json").read_text())
    assert (found["chosen"], found["folds"]) == ("calm", 2)
    assert (tmp_path / "run" / "best.pt").is_file() and not (tmp_path / "run" / "model.pt").exists()


def test_arguments_that_do_not_fit_are_refused(sources, lj, ge_config, tmp_path):
    write_frames(tmp_path / "one.extxyz", lj(1, 3, 32))
    (tmp_path / "ge.yaml").write_text(yaml.safe_dump(ge_config()))
    source, data, config = (str(p) for p in (sources / "calm.pt", tmp_path / "one.extxyz", tmp_path / "ge.yaml"))
    for arguments, folds, message in (
        ([source], None, "expected source models, then one config"),
        ([source, config, data], None, "expected source models, then one config"),
        ([source, data], 3, "--folds is 0 or a number from 2 to that of the frames, 1; got 3"),
        ([source, str(sources / "wild.pt"), data], None, "several sources are compared by cross-validation"),
        ([source, str(sources / "wild.pt"), config], None, "leave out data.val and data.n_val"),
        ([source, config], 3, "data.validation: folds"),
        ([data, data], None, "one.extxyz"),
    ):
        with pytest.raises(TlmlpError) as caught:
            run_transfer(arguments, "Si:Ge", tmp_path / "run", folds=folds)
        assert message in str(caught.value)


def compared(frames, factor):
    """A cross-validation whose force errors are ``factor`` of group: eV/Å."""
    forces = np.concatenate([np.stack([f.forces, f.forces + factor[f.group]], axis=2) for f in frames])
    nothing = np.full((len(frames), 2), np.nan)
    comparison = Comparison(list(frames), nothing, forces, np.full((len(frames), 6, 2), np.nan))
    return CrossValidation(comparison, comparison.errors(), 1.0, [])


def test_the_advice_names_what_is_missing(lj):
    frames = lj(6, 0)
    spread = " ".join(advice(frames, None, {}))
    assert "Errors on unseen frames are not known" in spread and "volumes" not in spread and "no stresses" not in spread
    same = [dataclasses.replace(f, cell=frames[0].cell, stress=None) for f in frames]
    said = " ".join(advice(same, compared(same, {"even": 0.1, "odd": 0.3}), {"force_rmse_ev_per_ang": 0.05}))
    assert "The frames have no stresses" in said and "All volumes per atom lie within 0.0 %" in said
    assert "Forces are worst on the frames of odd" in said and "more frames of every kind" in said
    still = [dataclasses.replace(f, forces=np.zeros_like(f.forces)) for f in frames]
    assert "No frame has forces above" in " ".join(advice(still, None, {}))
    flat = advice(frames, compared(frames, {"even": 0.1, "odd": 0.1}), {"force_rmse_ev_per_ang": 0.09})
    assert "a longer training" in " ".join(flat) and "worst" not in " ".join(flat)
