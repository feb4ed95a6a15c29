"""Molecular dynamics in ASE: velocity Verlet, or BAOAB Langevin dynamics with and without a barostat."""

import json
import warnings
from typing import Any

import ase
import numpy as np
from ase import Atoms, units

from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.md.settings import MDSettings
from tlmlp.md.state import EngineState, State
from tlmlp.units import EV_PER_ANG3_IN_GPA

CELL_STATE = ("cell_momentum", "cell_force")


class AseSimulation:
    """A run with ASE's integrators.

    Going on from a checkpoint gives the same trajectory to the last bit: the neighbour list leaves no trace in the
    results, and the state of the random numbers is kept.
    """

    def __init__(self, settings: MDSettings, atoms: Atoms, kept: EngineState | None = None) -> None:
        self.description = f"ASE {ase.__version__}"
        self._atoms = atoms.copy()
        self._atoms.calc = TlmlpCalculator(
            settings.model, precision=settings.precision, threads=settings.threads, warn_close=False
        )
        if kept is not None:
            self._atoms.set_momenta(
                kept["momenta"], apply_constraint=False
            )  # those of the state are rounded by a change of units
        self._dynamics = _integrator(settings, self._atoms)
        if kept is not None and settings.ensemble != "nve":
            self._dynamics.rng.bit_generator.state = json.loads(str(kept["random"]))
            if settings.ensemble == "npt":
                # The force on the cell was computed before the last half kick of the momenta: not what a new start has.
                self._dynamics.p_eps, self._dynamics.force_eps = (float(kept[name]) for name in CELL_STATE)

    def advance(self, steps: int) -> None:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        self._dynamics.run(steps)

    def state(self) -> State:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        atoms = self._atoms
        return State(
            positions=atoms.positions.copy(),
            velocities=atoms.get_velocities() * units.fs,
            cell=atoms.cell.array.copy(),
            potential_energy=atoms.get_potential_energy(),
            forces=atoms.get_forces(apply_constraint=False),
            stress=atoms.get_stress(voigt=False) if atoms.pbc.all() else None,
        )

    def checkpoint(self, step: int) -> EngineState:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        kept: EngineState = {"momenta": self._atoms.get_momenta()}
        if hasattr(self._dynamics, "rng"):
            kept["random"] = np.array(json.dumps(self._dynamics.rng.bit_generator.state))
        if hasattr(self._dynamics, "p_eps"):
            kept |= dict(zip(CELL_STATE, map(np.array, (self._dynamics.p_eps, self._dynamics.force_eps)), strict=True))
        return kept

    def close(self) -> None:
        """Nothing to free."""


def _integrator(settings: MDSettings, atoms: Atoms) -> Any:
    timestep = settings.timestep * units.fs
    if settings.ensemble == "nve":
        from ase.md.verlet import VelocityVerlet

        return VelocityVerlet(atoms, timestep)
    try:
        from ase.md.langevinbaoab import LangevinBAOAB
    except ImportError:
        raise TlmlpError(f"nvt and npt need ASE with LangevinBAOAB, as in 3.29.0, this is {ase.__version__}") from None
    barostat = {}
    if settings.ensemble == "npt":
        barostat = {
            "externalstress": -settings.pressure / EV_PER_ANG3_IN_GPA,
            "P_tau": settings.barostat_time * units.fs,
        }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using heuristic P_mass")
        warnings.filterwarnings("ignore", message=".*not been tested with constraints")  # it has here, with FixAtoms
        return LangevinBAOAB(
            atoms,
            timestep,
            temperature_K=settings.temperature,
            hydrostatic=True,
            T_tau=settings.thermostat_time * units.fs,
            rng=np.random.default_rng(settings.seed),
            **barostat,
        )
