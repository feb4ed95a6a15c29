"""Compile the operators from the sources that the package ships."""

import importlib.util
import os
from pathlib import Path

from tlmlp.compiling import compile_sources, source_folder
from tlmlp.errors import TlmlpError
from tlmlp.ops.library import NAME, library_folder


def build_ops(dest: str | os.PathLike[str] | None = None) -> Path:
    """Compile the operators for the torch that is installed, and the LAMMPS backend that stands on the same torch.

    :param dest: folder for the libraries; the package's own by default
    :return: path of the operator library
    :raises TlmlpError: when torch, cmake or a compiler is missing, the folder is not writable, or compiling fails
    """
    if importlib.util.find_spec("torch") is None:
        raise TlmlpError("the operators need torch: run `pip install 'tlmlp[train]'`")
    folder = library_folder() if dest is None else Path(dest)
    sources = source_folder()
    targets = ["tlmlp_ops"]
    made = [f"csrc/torch/lib/{name}" for name in (NAME, "libtlmlp_ops.json", "libvesin.so")]
    with_lammps = importlib.util.find_spec("lammps") is not None and (sources / "lammps_plugin" / "torch").is_dir()
    if with_lammps:
        targets.append("tlmlp_lammps_torch")
        made.append("lammps_plugin/libtlmlp_lammps_torch.so")
    parts = {"TLMLP_TORCH": True, "TLMLP_LAMMPS": with_lammps}
    compile_sources("the operators", sources, folder, parts, targets, made)
    return folder / NAME
