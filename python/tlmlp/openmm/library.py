"""Find and load ``libtlmlp_openmm.so``, the native force."""

import ctypes
import functools
import importlib.metadata
import importlib.util
import json
from pathlib import Path

import tlmlp
from tlmlp.errors import TlmlpError

NAME = "libtlmlp_openmm.so"
REMEDY = "run `tlmlp openmm build`"


def library_path() -> Path:
    """Where the native force lies in the package; also a plugin that OpenMM itself can load."""
    return Path(tlmlp.__file__).resolve().parent / "lib" / NAME


def series_of(version: str) -> str:
    """``8.5`` of ``8.5.2``: OpenMM's C++ classes keep their layout within a series."""
    return ".".join(version.split(".")[:2])


def built_for() -> str | None:
    """The OpenMM series that the library was built with; None where nothing says so."""
    try:
        return str(json.loads(library_path().with_suffix(".json").read_text())["openmm"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check() -> None:
    """Compare the OpenMM of the library with the one that is installed, without importing it.

    :raises TlmlpError: when either is missing, or they are of different series
    """
    if importlib.util.find_spec("openmm") is None:
        raise TlmlpError("OpenMM is not installed here: pip install 'tlmlp[openmm]'")
    if not library_path().is_file():
        raise TlmlpError(f"the native force for OpenMM is not built ({library_path()} is missing): {REMEDY}")
    installed = series_of(importlib.metadata.version("openmm"))
    library = built_for()
    if library != installed:
        raise TlmlpError(
            f"the native force was built for OpenMM {library or 'of an unknown version'}, but OpenMM {installed} is "
            f"installed: {REMEDY}"
        )


@functools.cache
def load() -> ctypes.CDLL:
    """The library, loaded and made known to OpenMM, once.

    :raises TlmlpError: when it is missing, was built for another OpenMM, or does not load
    """
    check()
    import openmm  # noqa: F401  libOpenMM.so must be there first

    try:
        library = ctypes.CDLL(str(library_path()))
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise TlmlpError(f"cannot load {library_path()} ({reason}): {REMEDY}") from None
    library.tlmlp_openmm_register.restype = ctypes.c_char_p
    library.tlmlp_openmm_statistics.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_double)]
    refusal = library.tlmlp_openmm_register()
    if refusal is not None:
        raise TlmlpError(refusal.decode())
    return library


def load_if_possible() -> None:
    """Load the library where that works; importing a package must not fail for the sake of one of its parts."""
    try:
        load()
    except (TlmlpError, ImportError):
        pass
