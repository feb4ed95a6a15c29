"""``tlmlp schema``: what the schema of the config accepts and marks, and that every key is explained."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from tlmlp.cli.main import app
from tlmlp.errors import TlmlpError
from tlmlp.train import as_config
from tlmlp.train.config import config_schema

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
DATA = "data: {train: a.xyz, val: [b.xyz, c.xyz@:10]}\n"
#: Configs that the schema and the reader both take, and both refuse.
ACCEPTED = [
    "loss: forces",
    "loss: {energy: auto, stress: 0.004, forces: [[0, 1], [1, 20]]}",
    "model: {cutoff: 5, zbl: {inner: 1.6, outer: 1.9}}",
    "model: {cutoff: 5, zbl: none}",
    "transfer: {replay: {files: d.xyz}, frozen: [embedding], learning_rates: {embedding: 3}}",
    "tune: {space: {training.batch_size: {choices: [2, 5]}, loss.energy: {low: 0.1, high: 10, log: true}}}",
    "training: {device: 'cuda:1', dtype: float64, patience: 3}",
]
REFUSED = [
    "training: {update: 5}",
    "training: {updates: 0}",
    "training: {keep: first}",
    "training: {device: gpu}",
    "loss: energies",
    "model: {cutoff: 21}",
    "model: {zbl: {inner: 1.6}}",
    "dato: {}",
    "transfer: {replay: {files: []}}",
]


def test_it_is_a_schema_and_the_examples_follow_it():
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for file in EXAMPLES:
        jsonschema.validate(yaml.safe_load(file.read_text()), schema)


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted_by_schema_and_reader(text):
    content = yaml.safe_load(DATA + text)
    jsonschema.validate(content, config_schema())
    as_config(content)


@pytest.mark.parametrize("text", REFUSED)
def test_refused_by_schema_and_reader(text):
    content = yaml.safe_load(DATA + text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, config_schema())
    with pytest.raises(TlmlpError):
        as_config(content)


def test_every_key_is_explained():
    schema = config_schema()
    for name, section in {"Config": schema, **schema["$defs"]}.items():
        for part in section.get("anyOf", [section]):
            for key, entry in part.get("properties", {}).items():
                assert entry["description"].endswith((".", "`")), f"{name}.{key}"


@pytest.mark.parametrize("of", ["config", "model-file"])
def test_the_command(of, tmp_path):
    printed = CliRunner().invoke(app, ["schema", of])
    assert printed.exit_code == 0 and "properties" in json.loads(printed.stdout)
    assert CliRunner().invoke(app, ["schema", of, "--out", str(tmp_path / "s.json")]).stdout == ""
    assert (tmp_path / "s.json").read_text() == printed.stdout
