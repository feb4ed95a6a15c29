"""What a user meets first: a light import, quick help, one line for a mistake."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlmlp.cli.main import main
from tlmlp.errors import TlmlpError

ROOT = Path(__file__).resolve().parents[3]


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
        "schema",
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


#: What is raised inside a command, the status, and what the one line says.
OUTCOMES = [
    (TlmlpError("bad\nfile"), 2, "error: bad file"),
    (OSError(28, "No space left on device", "model.pt"), 2, "error: model.pt: No space left on device"),
    (MemoryError(), 2, "error: the memory does not suffice"),
    (ModuleNotFoundError("No module named 'phonopy'", name="phonopy"), 2, "pip install 'tlmlp[analysis]'"),
    (ModuleNotFoundError("No module named 'torch'", name="torch._C"), 2, "pip install 'tlmlp[train]'"),
    (ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere"), 70, "ModuleNotFoundError: No module named"),
    (ValueError("two\nlines"), 70, "error: ValueError: two lines. This is a defect of tlmlp"),
    (KeyboardInterrupt(), 130, ""),
]


@pytest.mark.parametrize(("error", "status", "line"), OUTCOMES, ids=lambda case: getattr(case, "name", None))
def test_every_error_is_one_line_and_a_documented_status(error, status, line, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr(sys, "argv", ["tlmlp", "doctor"])
    monkeypatch.setattr("tlmlp.doctor.checks", fail)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == status
    said = capsys.readouterr().err
    assert line in said and said.count("\n") == bool(line)
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    assert f"| {status} |" in page


def test_debug_keeps_the_traceback(tmp_path):
    result = python("-m", "tlmlp", "--debug", "info", str(tmp_path / "absent.pt"))
    assert result.returncode == 1
    assert "Traceback" in result.stderr and "absent.pt" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell):
    environment = os.environ | {"_TLMLP_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        environment |= {"COMP_WORDS": "tlmlp pho", "COMP_CWORD": "1"}
    else:
        environment |= {"_TYPER_COMPLETE_ARGS": "tlmlp pho", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    program = str(Path(sys.executable).parent / "tlmlp")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60)
    assert "phonons" in done.stdout and "doctor" not in done.stdout


def test_doctor_finds_the_installed_parts_working():
    start = time.monotonic()
    result = python("-m", "tlmlp", "doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "broken" not in result.stdout
    assert time.monotonic() - start < 60


#: What is run, and the CPU time in s that it may take beyond a Python that does nothing.
START_TIMES = [(("-c", "import tlmlp"), 0.3), (("-m", "tlmlp", "--help"), 0.3)]


@pytest.mark.parametrize(("arguments", "limit"), START_TIMES, ids=["import", "help"])
def test_a_start_is_quick(arguments, limit):
    """The best of a few: other processes may hold the machine."""

    def cpu_time(*command: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(*command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_time(*arguments) for _ in range(4)) - cpu_time("-c", "pass") < limit


def test_help_imports_neither_rich_nor_metadata():
    """Each takes longer to import than all the rest of the command."""
    loaded = python("-X", "importtime", "-m", "tlmlp", "--help").stderr
    assert not [name for name in ("rich.console", "importlib.metadata") if f" {name}\n" in loaded]


def help_texts(command, name: str):
    """(command, parameter, its help) of ``command`` and all below it."""
    for sub, below in getattr(command, "commands", {}).items():
        yield from help_texts(below, f"{name} {sub}")
    yield name, "", command.help
    for parameter in command.params:
        yield name, parameter.name, getattr(parameter, "help", None)


def test_every_command_and_option_is_described_in_sentences():
    import typer

    from tlmlp.cli.main import app

    found = list(help_texts(typer.main.get_command(app), "tlmlp"))
    assert len(found) > 400
    for command, parameter, text in found:
        assert text and text.strip().endswith((".", "]")), (command, parameter, text)
