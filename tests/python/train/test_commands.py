"""The commands: train, transfer, evaluate, resume, one after the other as a user types them."""

import json

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tlmlp.cli import train as commands
from tlmlp.errors import TlmlpError


@pytest.fixture
def tlmlp():
    app = typer.Typer()
    commands.register(app)

    def call(*arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)

    return call


def test_the_commands_in_a_row(tlmlp, config, ge_config, data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "si.yaml").write_text(yaml.safe_dump(config()))
    (tmp_path / "ge.yaml").write_text(yaml.safe_dump(ge_config()))
    trained = tlmlp("train", "si.yaml", "--out", "si", "--set", "training.updates=6", "--set", "training.seed=2")
    assert trained.exit_code == 0 and "best model, of update" in trained.stdout
    saved = yaml.safe_load((tmp_path / "si" / "config.yaml").read_text())["training"]
    assert (saved["updates"], saved["seed"]) == (6, 2)
    transferred = tlmlp("transfer", "si", "ge.yaml", "--element-map", "Si:Ge", "--out", "ge")
    assert transferred.exit_code == 0 and "ge: best model" in transferred.stdout
    assert tlmlp("resume", "ge").exit_code == 0
    evaluated = tlmlp("evaluate", "ge", data_dir / "ge-test.extxyz", "--json", "ge.json", "--route", "plain")
    assert evaluated.exit_code == 0 and "stress MAE" in evaluated.stdout
    errors = json.loads((tmp_path / "ge.json").read_text())
    assert errors["stress_mae_gpa"] > 0.0 and set(errors["groups"]) == {"even", "odd"}
    assert (tmp_path / "ge.png").is_file() and (tmp_path / "ge.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "si.yaml", "--out", "run", "--set", "training.updats=6"), "did you mean `updates`?"),
        (("train", "none.yaml", "--out", "run"), "none.yaml: cannot be read"),
        (("transfer", "none", "ge.yaml", "--element-map", "Si:Ge", "--out", "run"), "none: no such model"),
        (("transfer", "none", "ge.yaml", "--element-map", "Si", "--out", "run"), "--element-map expects SOURCE:TARGET"),
        (("resume", "none"), "none: no checkpoints"),
        (("evaluate", "none", "x.xyz", "--figure", "x.pdf"), "--figure expects a file name that ends in .png"),
    ],
)
def test_mistakes_leave_one_line_and_no_run(tlmlp, config, ge_config, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "si.yaml").write_text(yaml.safe_dump(config()))
    (tmp_path / "ge.yaml").write_text(yaml.safe_dump(ge_config()))
    result = tlmlp(*arguments)
    assert isinstance(result.exception, TlmlpError) and message in str(result.exception)
    assert "\n" not in str(result.exception) and not (tmp_path / "run").exists()
