"""A place that cannot hold the results is said before anything is computed."""

import pytest
from typer.testing import CliRunner

from tlmlp.cli.main import app
from tlmlp.errors import TlmlpError
from tlmlp.files import check_out

# The last word is what follows --out; `file` is a plain file. No model is opened, so none has to exist but by name.
COMMANDS = [
    ("phonons si-dft --out file/x", "cannot hold the results"),
    ("elastic si-dft --out file/x", "cannot hold the results"),
    ("eos si-dft --out file", "cannot hold the results"),
    ("vacancy si-dft --out file/x", "cannot hold the results"),
    ("structure absent.extxyz --out file/x/y", "cannot hold the results"),
    ("relax si-dft absent.cif --out file/r.cif", "cannot hold the results"),
    ("relax si-dft absent.cif --out r.unknown", "its ending names no format that ASE writes"),
]


@pytest.mark.parametrize("command, message", COMMANDS, ids=[command for command, _ in COMMANDS])
def test_the_place_is_looked_at_first(command, message, tmp_path, monkeypatch):
    pytest.importorskip("phonopy", reason="the extra analysis is not installed")
    pytest.importorskip("freud", reason="the extra analysis is not installed")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    error = CliRunner().invoke(app, command.split()).exception
    assert isinstance(error, TlmlpError) and message in str(error) and "\n" not in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_look_leaves_nothing(tmp_path):
    check_out(tmp_path / "a" / "b c é")
    check_out(tmp_path)
    assert not list(tmp_path.iterdir())
