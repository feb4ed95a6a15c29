"""What a user meets first: a light import, quick help, one line for a mistake."""

import subprocess
import sys
import time


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60)


def test_import_loads_no_torch():
    light = (
        "import sys, tlmlp, tlmlp.data, tlmlp.cli.main; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    assert python("-c", light).stdout.strip() == "[]"


def test_help_names_every_command_without_loading_torch():
    result = python("-X", "importtime", "-m", "tlmlp", "--help")
    assert result.returncode == 0
    for command in (
        "data",
        "train",
        "transfer",
        "resume",
        "evaluate",
        "export",
        "info",
        "verify",
        "conformance",
        "md",
        "stability",
        "structure",
        "phonons",
        "elastic",
        "eos",
        "vacancy",
        "relax",
        "predict",
        "lammps",
        "bench",
        "ops",
        "doctor",
        "quickstart",
    ):
        assert command in result.stdout
    assert " torch" not in result.stderr and " numpy" not in result.stderr


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert python("-m", "tlmlp", "--version").stdout == f"{version('tlmlp')}\n"


def test_a_wrong_input_is_one_line_and_status_2(tmp_path):
    result = python("-m", "tlmlp", "info", str(tmp_path / "absent.pt"))
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "absent.pt" in result.stderr


def test_doctor_finds_the_installed_parts_working():
    start = time.monotonic()
    result = python("-m", "tlmlp", "doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "broken" not in result.stdout
    assert time.monotonic() - start < 60
