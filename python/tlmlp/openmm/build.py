"""Compile the native force from the sources that the package ships."""

import importlib.util
import os
from pathlib import Path

from tlmlp.compiling import compile_sources, source_folder
from tlmlp.errors import TlmlpError
from tlmlp.openmm.library import NAME, library_path


def build_openmm(dest: str | os.PathLike[str] | None = None) -> Path:
    """Compile the native force for the OpenMM that is installed; a Python that runs already keeps the old one.

    :param dest: folder for the libraries; the package's own by default
    :return: path of the library
    :raises TlmlpError: when OpenMM, cmake or a compiler is missing, the folder is not writable, or compiling fails
    """
    if importlib.util.find_spec("openmm") is None:
        raise TlmlpError("the native force needs OpenMM: run `pip install 'tlmlp[openmm]'`")
    folder = library_path().parent if dest is None else Path(dest)
    made = [f"csrc/openmm/lib/{name}" for name in (NAME, "libtlmlp_openmm.json", "libvesin.so")]
    compile_sources("the native force", source_folder(), folder, {"TLMLP_OPENMM": True}, ["tlmlp_openmm"], made)
    return folder / NAME
