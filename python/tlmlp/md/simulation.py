"""The common interface of the engines."""

from importlib.util import find_spec
from typing import Protocol

from ase import Atoms

from tlmlp.errors import TlmlpError
from tlmlp.md.settings import MDSettings
from tlmlp.md.state import EngineState, State


class Simulation(Protocol):
    """A run inside an engine. Made by ``open_simulation``; all errors are :class:`TlmlpError`."""

    #: One line about the engine and its version.
    description: str

    def advance(self, steps: int) -> None:
        """Make ``steps`` time steps."""
        ...

    def state(self) -> State:
        """The present moment."""
        ...

    def checkpoint(self, step: int) -> EngineState:
        """All that the engine needs, beside :class:`State`, to continue from here; ``step`` is the number of this one.

        A run continues from its checkpoint in the same way whether it stopped there or not.
        """
        ...

    def close(self) -> None:
        """Free what the engine holds."""
        ...


def engine_missing(engine: str) -> str | None:
    """Why ``engine`` ("lammps", "openmm", "ase") cannot run here, or None when it can."""
    if engine == "lammps":
        from tlmlp.lammps.locate import lammps_program, plugin_file

        try:
            lammps_program()
            plugin_file()
        except TlmlpError as error:
            return str(error)
    if engine == "openmm":
        if find_spec("tlmlp.openmm") is None:
            return "this installation of tlmlp is without tlmlp.openmm"
        from tlmlp.openmm import available_routes

        return available_routes()["native"]
    return None


def open_simulation(settings: MDSettings, atoms: Atoms, kept: EngineState | None = None, step: int = 0) -> Simulation:
    """Start the engine of ``settings`` on ``atoms``, whose velocities count.

    :param kept: from :meth:`Simulation.checkpoint` when a run continues; ``atoms`` is then of the same moment
    :param step: number of the step at which the run continues
    :raises TlmlpError: when the engine is not installed, or refuses the structure
    """
    reason = engine_missing(settings.engine)
    if reason is not None:
        raise TlmlpError(reason)
    if settings.ensemble == "npt" and not atoms.pbc.all():
        raise TlmlpError(f"npt needs a structure that is periodic in all directions, got pbc {atoms.pbc.tolist()}")
    if settings.engine == "ase":
        from tlmlp.md.ase_engine import AseSimulation

        return AseSimulation(settings, atoms, kept)
    if settings.engine == "openmm":
        from tlmlp.md.openmm_engine import OpenmmSimulation

        return OpenmmSimulation(settings, atoms, kept)
    from tlmlp.md.lammps_engine import LammpsSimulation

    return LammpsSimulation(settings, atoms, kept, step)
