"""What lets several threads and processes share a calculator."""

import os
import threading
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator


class ExclusiveCalculator(Calculator):
    """An ASE calculator whose calculations, and what is read of them, are one thread's at a time.

    ASE's calculators keep the results of their last structure: a second thread that asks about another structure
    between a calculation and the reading of its result makes the first one read the wrong numbers. Here
    :meth:`get_property`, through which all of ``get_potential_energy``, ``get_forces``, ... go, holds a lock from the one
    to the other. Reading ``results`` directly is not guarded.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call] # ASE's
        self._lock, self._process = threading.RLock(), os.getpid()

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """See ASE; waits for other threads."""
        with self.exclusive():
            return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call] # ASE's

    def exclusive(self) -> threading.RLock:
        """The lock, for ``with``: several calls in a row without another thread's between."""
        if self._process != os.getpid():  # after a fork nobody is left who could release it
            self._lock, self._process = threading.RLock(), os.getpid()
        return self._lock

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock: a copy has its own."""
        with self.exclusive():
            state = self.__dict__.copy()
        del state["_lock"], state["_process"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock, self._process = threading.RLock(), os.getpid()
