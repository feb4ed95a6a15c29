"""Finding, checking and compiling the operator library."""

import json
import shutil
import subprocess
import sys

import pytest

from tlmlp import ops
from tlmlp.errors import TlmlpError
from tlmlp.ops import build, library


def test_path_lies_in_the_package():
    assert ops.library_path().name == "libtlmlp_ops.so"
    assert ops.library_path().parent.name == "lib"


def test_missing_library_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "library_folder", lambda: tmp_path)
    with pytest.raises(TlmlpError, match="tlmlp ops build"):
        ops.library_path()


@pytest.mark.parametrize("record", ['{"torch": "1.0"}', "{", None])
def test_other_torch_version_names_the_command(monkeypatch, tmp_path, record):
    (tmp_path / library.NAME).write_bytes(b"")
    if record is not None:
        (tmp_path / "libtlmlp_ops.json").write_text(record)
    monkeypatch.setattr(library, "library_folder", lambda: tmp_path)
    with pytest.raises(TlmlpError, match=r"torch \d+\.\d+ is installed: run `tlmlp ops build`"):
        library.load.__wrapped__()


def test_damaged_library_is_one_line(monkeypatch, tmp_path):
    (tmp_path / library.NAME).write_bytes(b"not a library")
    shutil.copy(library.library_folder() / "libtlmlp_ops.json", tmp_path)
    monkeypatch.setattr(library, "library_folder", lambda: tmp_path)
    with pytest.raises(TlmlpError, match="cannot load") as error:
        library.load.__wrapped__()
    assert len(str(error.value).splitlines()) == 1


def test_recorded_version_is_the_installed_one():
    import torch

    record = json.loads((library.library_folder() / "libtlmlp_ops.json").read_text())
    assert record["torch"] == library.minor_version(torch.__version__)


def test_without_vesin_beside_it_loading_is_one_line(tmp_path):
    shutil.copy(ops.library_path(), tmp_path)
    shutil.copy(library.library_folder() / "libtlmlp_ops.json", tmp_path)
    code = f"""
from pathlib import Path
from tlmlp.ops import library
library.library_folder = lambda: Path({str(tmp_path)!r})
library.load()"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert "libvesin.so" in result.stderr.splitlines()[-1] and "tlmlp ops build" in result.stderr.splitlines()[-1]


def test_build_into_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TlmlpError, match="cannot write to"):
        ops.build_ops(tmp_path / "file" / "lib")


def test_build_reports_a_compiler_error_in_one_line(monkeypatch, tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "CMakeLists.txt").write_text("message(FATAL_ERROR no)\n")
    monkeypatch.setattr(build, "source_folder", lambda: sources)
    with pytest.raises(TlmlpError, match="compiling the operators failed") as error:
        ops.build_ops(tmp_path / "lib")
    assert len(str(error.value).splitlines()) == 1
