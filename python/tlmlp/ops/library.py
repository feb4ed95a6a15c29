"""Find and load ``libtlmlp_ops.so``."""

import functools
import importlib.metadata
import json
from pathlib import Path

import tlmlp
from tlmlp.errors import TlmlpError

NAME = "libtlmlp_ops.so"
#: An operator that libraries of older packages lack.
NEWEST_OPERATOR = "inference"


def library_folder() -> Path:
    """The folder of the package's compiled libraries."""
    return Path(tlmlp.__file__).resolve().parent / "lib"


def library_path() -> Path:
    """Path of the operator library; a host in C++ loads this one file.

    :raises TlmlpError: when the package holds none
    """
    path = library_folder() / NAME
    if not path.is_file():
        raise TlmlpError(f"{path} does not exist: run `tlmlp ops build` to compile the operators")
    return path


def minor_version(version: str) -> str:
    """``2.13`` of ``2.13.0+cpu``."""
    return ".".join(version.split("+")[0].split(".")[:2])


def built_for() -> str | None:
    """The torch minor version that the library was built with; None where nothing says so."""
    try:
        return str(json.loads((library_folder() / NAME).with_suffix(".json").read_text())["torch"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_version() -> None:
    """Compare the torch of the library with the one that is installed, without importing either.

    :raises TlmlpError: when torch is missing or of another minor version
    """
    try:
        installed = minor_version(importlib.metadata.version("torch"))
    except importlib.metadata.PackageNotFoundError:
        raise TlmlpError("the operators need torch: run `pip install 'tlmlp[train]'`") from None
    library = built_for()
    if library != installed:
        raise TlmlpError(
            f"libtlmlp_ops.so was built for torch {library or 'of an unknown version'}, but torch {installed} is "
            "installed: run `tlmlp ops build`"
        )


@functools.cache
def load() -> None:
    """Load the operators into torch, once.

    :raises TlmlpError: when the library is missing, was built for another torch, or does not load
    """
    path = library_path()
    check_version()
    import torch

    try:
        torch.ops.load_library(str(path))
    except OSError as error:
        reason = str(error.__cause__ or error).splitlines()[0]  # torch's own words leave the reason out
        raise TlmlpError(f"cannot load {path} ({reason}): run `tlmlp ops build`") from None
    if not hasattr(torch.ops.tlmlp, NEWEST_OPERATOR):
        raise TlmlpError(f"{path} is older than this package: run `tlmlp ops build`")
