"""The models that come with the package: their cards are true, and their names stand wherever a model is taken."""

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


#: Element, cutoff (Å), frames of training, validation and test, bounds of the test's force (eV/Å) and energy (meV/atom) RMSE.
MODELS = {"si-dft": ("Si", 4.3, [182, 20, 23], 0.10, 6.0), "ge-dft": ("Ge", 4.3 * 1.0522, [195, 22, 24], 0.09, 4.0)}


@pytest.mark.parametrize("name", MODELS)
def test_the_card_describes_the_file(name):
    from tlmlp.export import read_header

    element, cutoff, frames, *_ = MODELS[name]
    path = tlmlp.pretrained(name)
    card, header = model_card(name), read_header(path)
    assert card["file_sha256"] == sha256_file(path)
    assert path.stat().st_size < 1_100_000
    assert card["weights_sha256"] == header["weights"]["sha256"]
    assert header["species"] == [element] and header["cutoff"] == pytest.approx(cutoff)
    assert card["data"]["licence"] == "BSD-3-Clause"
    assert [card["data"]["sets"][name]["frames"] for name in ("train", "val", "test")] == frames
    assert header["zbl"]["outer"] < header["min_distance"], "the repulsion reaches into the training data"


def test_names_that_are_not_there_are_refused():
    assert set(names()) >= set(MODELS)
    with pytest.raises(TlmlpError, match="no model called 'sj' comes with the package; there is ge-dft, si-dft"):
        tlmlp.pretrained("sj")


@pytest.mark.parametrize("name", MODELS)
def test_atoms_that_come_close_repel_each_other(name):
    """Dimer, compressed crystal and a pressed bond; without the repulsion both networks have holes there."""
    from tlmlp.analysis.short_range import short_range

    check = short_range(tlmlp.pretrained(name))
    assert check.problems() == []
    card = model_card(name)["short_range"]
    assert check.pairs[0].stable
    assert check.summary() == {**card, "bonds_ang": pytest.approx(card["bonds_ang"], abs=1e-4)}


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    assert model_path("si-dft") == tlmlp.pretrained("si-dft")
    (tmp_path / "si-dft").mkdir()
    monkeypatch.chdir(tmp_path)
    assert str(model_path("si-dft")) == "si-dft"


@pytest.mark.parametrize("name", MODELS)
def test_the_errors_on_the_card_are_those_on_the_data(name):
    import os
    from pathlib import Path

    from tlmlp.data.mlearn import mlearn_frames
    from tlmlp.train import evaluate

    source = os.environ.get("TLMLP_MLEARN_DIR")
    if not source or not Path(source).is_dir():
        pytest.skip("no mlearn data: set TLMLP_MLEARN_DIR to a folder with Si/test.json")
    element, _, _, forces, energies = MODELS[name]
    _, test = mlearn_frames(Path(source), element)
    errors, card = evaluate(name, test), model_card(name)["errors"]["test"]
    for key, value in card.items():
        if key != "groups":
            assert errors[key] == pytest.approx(value, rel=1e-3), key
    assert errors["force_rmse_ev_per_ang"] < forces and errors["energy_rmse_mev_per_atom"] < energies


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
