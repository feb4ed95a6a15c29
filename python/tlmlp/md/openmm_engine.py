"""Molecular dynamics in OpenMM, with the native force of ``tlmlp.openmm``."""

import numpy as np
import openmm
from ase import Atoms, units
from openmm import unit

from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.md.region import free_atoms
from tlmlp.md.settings import MDSettings
from tlmlp.md.state import EngineState, State
from tlmlp.openmm import create_system, from_ase
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM

NM_PER_PS_PER_ANG_PER_FS = 100.0
BAR_PER_GPA = 1e4
#: kJ/mol per K.
MOLAR_GAS = unit.MOLAR_GAS_CONSTANT_R.value_in_unit(unit.kilojoule_per_mole / unit.kelvin)
#: Steps between attempts of the Monte Carlo barostat.
BAROSTAT_EVERY = 25


class OpenmmSimulation:
    """A run with velocity Verlet, or BAOAB Langevin dynamics and OpenMM's isotropic Monte Carlo barostat.

    Both integrators are custom ones, so that positions, velocities and forces are of the same moment. NVE takes the
    steps of ASE and LAMMPS. OpenMM has no stress: the ASE calculator computes it for the output. A checkpoint is
    OpenMM's own; it holds the random numbers, but not how large a change of volume the barostat tries.
    """

    def __init__(self, settings: MDSettings, atoms: Atoms, kept: EngineState | None = None) -> None:
        self.description = f"OpenMM {openmm.version.short_version}, {settings.platform}"
        self._atoms = atoms.copy()
        self._atoms.calc = TlmlpCalculator(
            settings.model, precision=settings.precision, threads=settings.threads, warn_close=False
        )
        self._structure = from_ase(atoms)
        names = [openmm.Platform.getPlatform(k).getName() for k in range(openmm.Platform.getNumPlatforms())]
        if settings.platform not in names:
            raise TlmlpError(f"OpenMM has the platforms {', '.join(names)} here, got {settings.platform!r}")
        system = create_system(
            settings.model, self._structure, precision=settings.precision, threads=settings.threads, warn_close=False
        )
        for index in np.flatnonzero(~free_atoms(atoms)):
            system.setParticleMass(int(index), 0.0)  # OpenMM leaves such a particle where it is
        if settings.ensemble == "npt":
            barostat = openmm.MonteCarloBarostat(settings.pressure * BAR_PER_GPA, settings.temperature, BAROSTAT_EVERY)
            barostat.setRandomNumberSeed(settings.seed + 2)
            system.addForce(barostat)
        self._integrator = _verlet(settings) if settings.ensemble == "nve" else _langevin(settings)
        platform = openmm.Platform.getPlatformByName(settings.platform)
        properties = {"Threads": str(settings.threads)} if settings.platform == "CPU" else {}
        try:
            self._context = openmm.Context(system, self._integrator, platform, properties)
            if kept is not None:
                self._context.loadCheckpoint(kept["checkpoint"].tobytes())
                return
            velocities = atoms.get_velocities() * units.fs @ self._structure.rotation
            self._context.setPositions(self._structure.positions)
            self._context.setVelocities(velocities * NM_PER_PS_PER_ANG_PER_FS)
        except openmm.OpenMMException as error:
            raise TlmlpError(f"OpenMM stopped: {error}") from None

    def advance(self, steps: int) -> None:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        try:
            self._integrator.step(steps)
        except openmm.OpenMMException as error:
            raise TlmlpError(f"OpenMM stopped: {error}") from None

    def state(self) -> State:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        state = self._context.getState(positions=True, velocities=True, forces=True, energy=True)
        energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) / EV_IN_KJ_PER_MOL
        forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        velocities = state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond)
        turn = self._structure.vectors_to_ase
        atoms = self._atoms
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        atoms.positions = self._structure.positions_to_ase(positions)
        if atoms.pbc.all():
            box = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer)
            atoms.set_cell(self._structure.lattice_to_ase(box))
        finite = np.isfinite(atoms.positions).all()
        return State(
            positions=atoms.positions.copy(),
            velocities=turn(velocities) / NM_PER_PS_PER_ANG_PER_FS,
            cell=atoms.cell.array.copy(),
            potential_energy=energy,
            forces=turn(forces) * NM_PER_ANGSTROM / EV_IN_KJ_PER_MOL,
            stress=atoms.get_stress(voigt=False) if atoms.pbc.all() and finite else None,
        )

    def checkpoint(self, step: int) -> EngineState:
        """See :class:`~tlmlp.md.simulation.Simulation`."""
        return {"checkpoint": np.frombuffer(self._context.createCheckpoint(), dtype=np.uint8)}

    def close(self) -> None:
        """Free the context."""
        del self._context


def _verlet(settings: MDSettings) -> openmm.CustomIntegrator:
    integrator = openmm.CustomIntegrator(settings.timestep * 1e-3)
    integrator.addUpdateContextState()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.addComputePerDof("x", "x + dt*v")
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    return integrator


def _langevin(settings: MDSettings) -> openmm.CustomIntegrator:
    """BAOAB (Leimkuhler & Matthews, J. Chem. Phys. 138, 174102 (2013)), as ASE's LangevinBAOAB."""
    integrator = openmm.CustomIntegrator(settings.timestep * 1e-3)
    keep = np.exp(-settings.timestep / settings.thermostat_time)
    integrator.addGlobalVariable("keep", float(keep))
    integrator.addGlobalVariable("renew", float(np.sqrt(1.0 - keep**2)))
    integrator.addGlobalVariable("kT", MOLAR_GAS * settings.temperature)
    integrator.addUpdateContextState()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.addComputePerDof("x", "x + 0.5*dt*v")
    integrator.addComputePerDof("v", "keep*v + renew*sqrt(kT/m)*gaussian")
    integrator.addComputePerDof("x", "x + 0.5*dt*v")
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.setRandomNumberSeed(settings.seed + 1)  # 0 would mean a random one
    return integrator
