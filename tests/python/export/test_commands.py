"""tlmlp export, info and verify."""

import json
import os
import shutil
import zipfile

import pytest
from typer.testing import CliRunner

from tlmlp.cli.main import app
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model, load_potential, read_header, verify
from tlmlp.testing.random_models import SMALL, random_potential


def command(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_info_describes_the_model(model_path):
    result = command("info", model_path)
    assert result.exit_code == 0, result.output
    for text in ("tlmlp-model 1.1", "Si, Ge", "4.3 Å", "2.100 Å", "Si -4.000000 eV", "element_map"):
        assert text in result.output
    assert json.loads(command("info", model_path, "--json").output) == read_header(model_path)


def test_info_is_safe_on_markup_and_control_characters(potential, tmp_path):
    export_model(potential, tmp_path / "m.pt", {"note": "[bold]x[/bold] \x1b[31m\n[/nothing]"}, portable=True)
    result = command("info", tmp_path / "m.pt")
    assert result.exit_code == 0 and "\x1b" not in result.output and "[bold]x[/bold]" in result.output


def test_info_cleans_keys_and_paths_too(potential, tmp_path):
    path = tmp_path / "a\x1b]0;title\x07.pt"
    export_model(potential, path, {"k\x1b[2J\u202e[red]": 1}, portable=True)
    result = command("info", path)
    assert result.exit_code == 0 and not set(result.output) & {"\x1b", "\x07", "\u202e"}
    assert "provenance: k?[2J?[red]" in result.output


def test_paths_that_are_not_utf_8_or_hold_a_nul(potential, tmp_path):
    """A folder named in Latin-1."""
    from ase import Atoms

    from tlmlp._core import Engine
    from tlmlp.calculators import TlmlpCalculator

    folder = os.fsdecode(os.fsencode(tmp_path) + b"/mod\xe8les")
    export_model(potential, f"{folder}/m.pt", portable=True)
    assert command("info", f"{folder}/m.pt").exit_code == 0
    assert Engine(f"{folder}/m.pt").species == ["Si", "Ge"]
    assert Engine(os.fsencode(f"{folder}/m.pt")).cutoff == potential.cutoff
    Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]], calculator=TlmlpCalculator(f"{folder}/m.pt")).get_potential_energy()
    with pytest.raises(RuntimeError, match=r"mod\?les/none\.pt"):
        Engine(f"{folder}/none.pt")
    with pytest.raises(TlmlpError, match=r"a\?b\.pt cannot be read"):
        read_header("a\0b.pt")


def test_info_on_a_damaged_file_is_one_line(tmp_path):
    (tmp_path / "x.pt").write_bytes(b"PK")
    result = command("info", tmp_path / "x.pt")
    assert isinstance(result.exception, TlmlpError) and "\n" not in str(result.exception)


def test_verify_compares_every_route(germanium_path):
    rows = {(row.route, row.dtype): row for row in verify(germanium_path)}
    routes = {"archive", "archive, OpenMM form", "potential, plain route", "potential, ops route", "engine"}
    assert set(rows) == {(route, dtype) for route in routes for dtype in ("float32", "float64")}
    assert all(row.passed for row in rows.values()), rows
    assert all(row.energy < 1e-9 and row.forces < 1e-8 for row in rows.values() if row.dtype == "float64")
    result = command("verify", germanium_path)
    assert result.exit_code == 0 and "DIFFERENT" not in result.output


def test_verify_notices_other_numbers(tmp_path):
    """A file whose golden numbers belong to other weights."""
    path, other = tmp_path / "a.pt", tmp_path / "b.pt"
    export_model(random_potential(["Ge"], seed=1, **SMALL), path)
    header = read_header(path)
    text = json.dumps(header, indent=1)
    changed = dict(header, golden=[dict(g, energy=g["energy"] + 1e-5 * len(g["species"])) for g in header["golden"]])
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry.filename, json.dumps(changed) if content == text.encode() else content)
    rows = verify(other)
    assert not any(row.passed for row in rows if row.dtype == "float64")
    assert all(abs(row.energy - 1e-5) < 1e-7 for row in rows if row.dtype == "float64")
    result = command("verify", other)
    assert result.exit_code == 1 and "DIFFERENT" in result.output


def test_export_of_an_exported_file_makes_it_portable(germanium_path, tmp_path):
    result = command("export", germanium_path, "-o", tmp_path / "portable.pt", "--portable")
    assert result.exit_code == 0, result.output
    before, after = read_header(germanium_path), read_header(tmp_path / "portable.pt")
    assert after["weights"] == before["weights"] and after["min_distance"] == before["min_distance"]
    refused = command("export", germanium_path, "-o", tmp_path / "x.pt", "--which", "newest")
    assert refused.exit_code == 2 and "--which" in refused.output
    assert not (tmp_path / "x.pt").exists()


def test_export_of_a_run(tmp_path):
    """From a folder as the training leaves it."""
    from tlmlp.train import open_model
    from tlmlp.train.model.modelfile import model_payload, save_model

    potential = random_potential(["Ge"], **SMALL)
    run = tmp_path / "run"
    run.mkdir()
    save_model(
        run / "best.pt",
        model_payload(potential),
        {"provenance": {"seed": 3, "data": {"sha256": "abc"}}, "min_distance": 1.9},
    )
    assert command("export", run, "-o", tmp_path / "ge.pt").exit_code == 0
    header = read_header(tmp_path / "ge.pt")
    assert header["provenance"]["data"] == {"sha256": "abc"} and header["min_distance"] == 1.9
    again = load_potential(tmp_path / "ge.pt", route="plain")
    trained = open_model(run, route="plain")[0]
    assert all(a.equal(b) for a, b in zip(trained.parameters(), again.parameters(), strict=True))
    shutil.rmtree(run)
    assert isinstance(command("export", run, "-o", tmp_path / "ge.pt").exception, TlmlpError)


def test_entries_of_a_later_version_are_not_lost_in_silence(potential, model_path, tmp_path, capfd):
    """As `tlmlp shift` and `tlmlp export` write a model again that a later version wrote."""
    later = read_header(model_path) | {"format_version": "1.2", "dispersion": {"c6": 1.0}}
    written = export_model(potential, tmp_path / "again.pt", later, portable=True)
    said = " ".join(capfd.readouterr().err.split())
    assert "dispersion" not in written and written["format_version"] == "1.1"
    assert "the model is of format 1.2; this version writes 1.1 and does not know 'dispersion': not kept" in said
    export_model(potential, tmp_path / "again.pt", read_header(model_path), portable=True)
    assert "not kept" not in capfd.readouterr().err
