"""The model that comes with the package: its card is true, and its name stands wherever a model is taken."""

import subprocess
import sys

import pytest

import tlmlp
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file
from tlmlp.shipped import model_card, model_path, names


def call(environment, folder, *arguments):
    command = [sys.executable, "-m", "tlmlp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


def test_the_card_describes_the_file():
    from tlmlp.export import read_header

    assert "si-dft" in names()
    card, header = model_card("si-dft"), read_header(tlmlp.pretrained("si-dft"))
    assert card["file_sha256"] == sha256_file(tlmlp.pretrained("si-dft"))
    assert card["weights_sha256"] == header["weights"]["sha256"]
    assert (header["species"], header["cutoff"]) == (["Si"], 4.3)
    assert card["data"]["licence"] == "BSD-3-Clause"
    assert [card["data"]["sets"][name]["frames"] for name in ("train", "val", "test")] == [182, 20, 23]
    with pytest.raises(TlmlpError, match="no model called 'sj' comes with the package; there is si-dft"):
        tlmlp.pretrained("sj")


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    assert model_path("si-dft") == tlmlp.pretrained("si-dft")
    (tmp_path / "si-dft").mkdir()
    monkeypatch.chdir(tmp_path)
    assert str(model_path("si-dft")) == "si-dft"


def test_the_errors_on_the_card_are_those_on_the_data():
    import os
    from pathlib import Path

    from tlmlp.data.mlearn import mlearn_frames
    from tlmlp.train import evaluate

    source = os.environ.get("TLMLP_MLEARN_DIR")
    if not source or not Path(source).is_dir():
        pytest.skip("no mlearn data: set TLMLP_MLEARN_DIR to a folder with Si/test.json")
    _, test = mlearn_frames(Path(source), "Si")
    errors, card = evaluate("si-dft", test), model_card("si-dft")["errors"]["test"]
    for key, value in card.items():
        if key != "groups":
            assert errors[key] == pytest.approx(value, rel=1e-3), key
    assert errors["force_rmse_ev_per_ang"] < 0.10 and errors["energy_rmse_mev_per_atom"] < 6.0


def test_the_name_is_taken_by_the_commands(tmp_path, environment, ge_config):
    import yaml

    assert "Si" in call(environment, tmp_path, "info", "si-dft").stdout
    exported = call(environment, tmp_path, "export", "si-dft", "-o", "copy.pt")
    assert exported.returncode == 0, exported.stderr
    content = ge_config(updates=2, route="ops")
    (tmp_path / "ge.yaml").write_text(yaml.safe_dump(content))
    done = call(environment, tmp_path, "transfer", "si-dft", "ge.yaml", "--element-map", "Si:Ge", "--out", "ge")
    assert done.returncode == 0, done.stderr
    evaluated = call(environment, tmp_path, "evaluate", "ge", content["data"]["pool"])
    assert evaluated.returncode == 0, evaluated.stderr
