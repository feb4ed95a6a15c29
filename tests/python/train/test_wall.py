"""The repulsion that trainings give their models: where it begins, that it leaves the data alone, and how it goes on."""

import numpy as np
import pytest
import torch

from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model, read_header
from tlmlp.train import as_config, fit, load_run, open_model, resume, transfer
from tlmlp.train.loop.checkpoint import newest_checkpoint, save_checkpoint
from tlmlp.train.model.wall import nearest_distances, wall_radii

CUTOFF = 4.0


@pytest.mark.parametrize(
    ("numbers", "nearest", "smallest", "outer"),
    [
        ([14], [2.3, 2.4], None, 0.85 * 2.22),  # a cold crystal: the sum of the covalent radii, 1.11 Å each
        ([14], [1.70, 2.4, 2.4, 2.4], None, 1.70),  # a hot liquid: the smallest distance
        ([42], [2.6, 2.7], None, 0.85 * 2.65),  # a metal, whose covalent radii (1.54 Å) are too long: the neighbours
        ([1, 8], [0.96, 0.96], None, 0.85 * 0.62),  # the shortest bond that the elements can make, H-H
        ([32], [], 2.0, 2.0),  # no data at hand, but their smallest distance
        ([32], [], None, 0.85 * 2.40),
    ],
)
def test_it_begins_below_the_data_and_below_the_bond(numbers, nearest, smallest, outer):
    radii = wall_radii(numbers, CUTOFF, np.array(nearest), smallest)
    assert outer - 1.1e-3 <= radii["outer"] <= outer
    assert radii["inner"] == pytest.approx(0.85 * radii["outer"], abs=1e-3)


def test_nearest_distances_are_those_of_the_atoms(lj):
    frames = lj(2, 5)
    expected = [
        min(
            np.linalg.norm(frame.positions[j] + np.array(s) @ frame.cell - frame.positions[i])
            for j in range(4)
            for s in np.ndindex(3, 3, 3)
            if (j, s) != (i, (1, 1, 1))
            for s in [np.array(s) - 1]
        )
        for frame in frames
        for i in range(4)
    ]
    np.testing.assert_allclose(nearest_distances(frames, CUTOFF), expected, rtol=1e-12)


def test_a_training_has_it_and_its_numbers_are_those_without(config, data_dir, tmp_path):
    with_wall = fit(config(updates=4), tmp_path / "with")
    content = config(updates=4)
    content["model"]["zbl"] = "none"
    without = fit(content, tmp_path / "without")
    frames = read_frames(data_dir / "si-train.extxyz")
    smallest = nearest_distances(frames, CUTOFF).min()
    radii = with_wall.potential.zbl_radii
    assert radii["outer"] < smallest == pytest.approx(with_wall.metadata["min_distance"])
    assert without.potential.zbl_radii is None
    parameters = dict(without.potential.named_parameters())
    for name, parameter in with_wall.potential.named_parameters():
        assert torch.equal(parameter, parameters[name]), name
    assert with_wall.errors["training"] == without.errors["training"]
    assert as_config(tmp_path / "with" / "config.yaml").model.zbl.model_dump() == radii
    assert as_config(tmp_path / "without" / "config.yaml").model.zbl == "none"


def test_radii_of_the_config_count(config, tmp_path):
    content = config(updates=1, validate_every=1)
    content["model"]["zbl"] = {"inner": 1.0, "outer": 1.5}
    assert fit(content, tmp_path / "run").potential.zbl_radii == {"inner": 1.0, "outer": 1.5}


def test_a_transfer_gets_its_own_unless_the_source_needs_its(config, ge_config, tmp_path):
    silicon = fit(config(updates=1, validate_every=1), tmp_path / "si").potential
    germanium = transfer(tmp_path / "si", ge_config(updates=1, validate_every=1), "Si:Ge", tmp_path / "ge")
    assert germanium.potential.zbl_radii["outer"] < germanium.metadata["min_distance"]
    assert germanium.potential.zbl_radii != silicon.zbl_radii

    content = config(updates=1, validate_every=1)
    content["model"]["zbl"] = {"inner": 1.0, "outer": 3.0}  # reaches into the data: a part of what was learnt
    fit(content, tmp_path / "si-far")
    scaled = ge_config(updates=1, validate_every=1)
    scaled["transfer"] = {"length_scale": 1.1}
    kept = transfer(tmp_path / "si-far", scaled, "Si:Ge", tmp_path / "ge-far").potential.zbl_radii
    assert kept == pytest.approx({"inner": 1.1, "outer": 3.3})
    off = ge_config(updates=1, validate_every=1)
    off["model"] = {"zbl": "none"}
    assert transfer(tmp_path / "si-far", off, "Si:Ge", tmp_path / "ge-off").potential.zbl_radii is None


def test_a_run_begun_without_it_goes_on_without_it(config, tmp_path):
    """Checkpoints of earlier versions say nothing of `model.zbl`."""
    content = config(updates=4)
    content["model"]["zbl"] = "none"
    fit(content, tmp_path / "run")
    state = newest_checkpoint(tmp_path / "run")
    del state["config"]["model"]["zbl"]
    state["config"]["training"]["updates"] = 8
    save_checkpoint(tmp_path / "run", state, keep=1)
    written = tmp_path / "run" / "config.yaml"
    written.write_text(written.read_text().replace("updates: 4", "updates: 8"))
    assert resume(tmp_path / "run").potential.zbl_radii is None
    assert as_config(tmp_path / "run" / "config.yaml").model.zbl == "none"


def test_the_command_adds_and_removes_it(config, data_dir, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    content = config(updates=1, validate_every=1)
    content["model"]["zbl"] = "none"
    fit(content, tmp_path / "run")
    potential, metadata = load_run(tmp_path / "run", route="plain")
    export_model(potential, tmp_path / "bare.pt", metadata, portable=True)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments)])

    assert call("wall", "bare.pt", data_dir / "si-train.extxyz", "--out", "walled.pt").exit_code == 0
    header, before = read_header("walled.pt"), read_header("bare.pt")
    assert header["zbl"]["outer"] < header["min_distance"] and before["zbl"] is None
    assert header["weights"] == before["weights"]
    assert header["provenance"]["zbl"] == {"before": None, "files": ["si-train.extxyz"]}
    assert f"ends at {header['zbl']['outer']:g} Å" in call("info", "walled.pt").stdout
    assert call("wall", "walled.pt", "--remove", "--out", "again.pt").exit_code == 0
    assert read_header("again.pt")["zbl"] is None
    assert open_model("again.pt", route="plain")[0].zbl is None
    for wrong, message in (
        (("--inner", 1.0), "--inner and --outer go together"),
        (("--inner", 1.0, "--outer", 2.0, "--remove"), "not both"),
        (("--inner", 2.0, "--outer", 1.0), "must rise"),
    ):
        error = call("wall", "bare.pt", "--out", "no.pt", *wrong).exception
        assert isinstance(error, TlmlpError) and message in str(error) and not (tmp_path / "no.pt").exists()
    with pytest.raises(TlmlpError, match=r"model\.zbl"):
        as_config({**content, "model": {**content["model"], "zbl": "strong"}})
