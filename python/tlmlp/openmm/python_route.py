"""The engine behind OpenMM's PythonForce: for any OpenMM from 8.5 on, whatever it was built with."""

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tlmlp.data.closest import Pair, too_close
from tlmlp.errors import TlmlpError
from tlmlp.openmm.native import check_options
from tlmlp.openmm.selection import Element, Selection, select
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM


def check() -> None:
    """:raises TlmlpError: when OpenMM has no PythonForce, or the engine is not built"""
    try:
        import openmm

        import tlmlp._core  # noqa: F401
    except ImportError as error:
        raise TlmlpError(f"PythonForce cannot be used here: {error}") from None
    if not hasattr(openmm, "PythonForce"):
        raise TlmlpError(f"PythonForce needs OpenMM 8.5 or later, this is {openmm.__version__}")


class EngineCall:
    """Energy (kJ/mol) and forces (kJ/mol/nm) of an ``openmm.State``. Pickles with the model inside."""

    def __init__(
        self,
        selection: Selection,
        precision: str,
        threads: int | None,
        skin: float,
        scale: str | None,
        device: str,
        warn_close: bool,
    ) -> None:
        self.selection, self.scale, self.warn_close = selection, scale, warn_close
        self.options: dict[str, Any] = {"precision": precision, "threads": threads or 1, "skin": skin, "device": device}
        self._prepare()

    def _prepare(self) -> None:
        import openmm

        from tlmlp._core import Engine

        # OpenMM 8.5 prepares itself for numpy arrays when it is first given positions, and crashes on the result of a
        # PythonForce without (its issue 5399): in a process that reads its positions from XML nobody gives any.
        openmm.RMSDForce([openmm.Vec3(0, 0, 0)])

        self._engine = Engine.from_bytes(self.selection.model, **self.options)
        self._particles = None if self.selection.particles is None else np.array(self.selection.particles)
        self._last = -1 if self._particles is None else int(self._particles.max())
        self._rows = None if self.selection.rows is None else np.array(self.selection.rows, dtype=np.int32)
        self._pbc = np.full(3, self.selection.periodic)
        self._open = np.zeros((3, 3))

    def __getstate__(self) -> dict[str, Any]:
        return {
            "selection": self.selection,
            "options": self.options,
            "scale": self.scale,
            "warn_close": self.warn_close,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def __call__(self, state: Any) -> tuple[float, np.ndarray]:
        positions = state.getPositions(asNumpy=True)._value / NM_PER_ANGSTROM
        every = len(positions)
        if self._particles is not None:
            if self._last >= every:
                raise TlmlpError(f"there is no particle {self._last}, the System has {every}")
            positions = positions[self._particles]
        rows = np.zeros(every, dtype=np.int32) if self._rows is None else self._rows
        cell = self._open
        if self.selection.periodic:
            cell = state.getPeriodicBoxVectors(asNumpy=True)._value / NM_PER_ANGSTROM
        result = self._engine.compute(rows, positions, cell, self._pbc)
        self._warn(result["closest_pair"])
        factor = EV_IN_KJ_PER_MOL if self.scale is None else EV_IN_KJ_PER_MOL * state.getParameters()[self.scale]
        forces = result["forces"] * (factor / NM_PER_ANGSTROM)
        if self._particles is not None:
            forces, chosen = np.zeros((every, 3)), forces
            forces[self._particles] = chosen
        return result["energy"] * factor, forces

    def _warn(self, pair: Pair | None) -> None:
        """Once, of a pair closer than any in the training data."""
        least = self.selection.header["min_distance"]
        if self.warn_close and least is not None and pair is not None and pair[2] < least:
            self.warn_close = False
            if self._particles is not None:
                i, j = sorted(int(self._particles[k]) for k in pair[:2])
                pair = i, j, pair[2]
            warnings.warn(too_close(pair, least), stacklevel=3)


def python_force(
    model: str | os.PathLike[str],
    topology: Any = None,
    *,
    elements: Iterable[Element] | None = None,
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
    precision: str = "single",
    threads: int | None = None,
    skin: float = 0.5,
    scale: str | None = None,
    device: str = "cpu",
    warn_close: bool = True,
) -> Any:
    """``openmm.PythonForce`` on the engine; arguments as those of :func:`tlmlp.openmm.native_force`.

    The engine has one thread by default. OpenMM asks a PythonForce for no derivative by ``scale``: take energies at two
    values, they are proportional to it.

    :raises TlmlpError: when OpenMM is older than 8.5, the file is unusable, or the particles do not fit it
    """
    check()
    check_options(precision, threads, skin, scale, device)
    import openmm

    selection = select(model, topology, elements, atoms, periodic)
    call = EngineCall(selection, precision, threads, skin, scale, device, warn_close)
    force = openmm.PythonForce(call, {} if scale is None else {scale: 1.0})
    force.setUsesPeriodicBoundaryConditions(selection.periodic)
    force.setName("TLMLPPythonForce")
    return force
