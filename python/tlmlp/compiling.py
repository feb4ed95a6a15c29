"""Compile parts of the package from the sources that it ships, for the torch or OpenMM that is installed."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import tlmlp
from tlmlp.errors import TlmlpError


def source_folder() -> Path:
    """The sources: ``tlmlp/sources`` of an installed package, or the checkout.

    :raises TlmlpError: when neither is there
    """
    package = Path(tlmlp.__file__).resolve().parent
    for folder in (package / "sources", package.parents[1]):
        if (folder / "csrc" / "torch" / "register.cpp").is_file():
            return folder
    raise TlmlpError(f"no sources in {package / 'sources'}: reinstall tlmlp from its sdist or wheel")


def compile_sources(
    what: str, sources: Path, folder: Path, parts: Mapping[str, bool], targets: Sequence[str], made: Sequence[str]
) -> None:
    """Build CMake targets and put the files they make into ``folder``.

    :param what: name of the result in messages, "the operators"
    :param parts: which of the parts TLMLP_TORCH, ... to configure; the others are off
    :param made: the files, relative to the build folder
    :raises TlmlpError: when cmake or a compiler is missing, the folder is not writable, or compiling fails
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TlmlpError(
            f"cannot write to {folder} ({error.strerror}): run as its owner, or give another folder"
        ) from None
    all_parts = dict.fromkeys(("TLMLP_TORCH", "TLMLP_PYTHON", "TLMLP_LAMMPS", "TLMLP_OPENMM", "TLMLP_TESTS"), False)
    options = {name: "ON" if on else "OFF" for name, on in {**all_parts, **parts}.items()}
    with tempfile.TemporaryDirectory(prefix="tlmlp-build-") as build:
        generator = ["-G", "Ninja"] if _program("ninja") else []
        defines = [f"-D{name}={value}" for name, value in options.items()]
        defines.append(f"-DPython_EXECUTABLE={sys.executable}")
        _run(what, [_cmake(), "-S", str(sources), "-B", build, *generator, *defines])
        _run(what, [_cmake(), "--build", build, "--parallel", "--target", *targets])
        for name in made:
            path = Path(build) / name
            # Replace, never overwrite: another process may have the old file mapped.
            part = folder / f".{path.name}.{os.getpid()}"
            shutil.copy2(path, part)
            os.replace(part, folder / path.name)


def _program(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def _cmake() -> str:
    cmake = _program("cmake")
    if cmake is None:
        raise TlmlpError("no cmake found: run `pip install cmake ninja`")
    return cmake


def _run(what: str, command: list[str]) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise TlmlpError(f"compiling {what} failed: {_reason(result.stderr, result.stdout) or command[0]}")


def _reason(errors: str, output: str) -> str:
    """The first error in one line; cmake puts its own into an indented paragraph."""
    paragraph = re.search(r"^CMake Error.*\n\n?((?:  .*\n)+)", errors, re.MULTILINE)
    if paragraph:
        return " ".join(paragraph[1].split())
    lines = (errors + output).splitlines()
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
