"""What every engine reports, and the row of thermo.csv made from it."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator

from tlmlp.calculators.sums import to_voigt
from tlmlp.units import AMU_ANG2_PER_FS2_IN_EV, EV_PER_ANG3_IN_GPA, KB_EV

#: Columns of thermo.csv. The pressure is tr(kinetic - stress)/3, empty for systems that are not periodic in all directions.
COLUMNS = (
    "step",
    "time_ps",
    "temperature_K",
    "potential_energy_eV",
    "kinetic_energy_eV",
    "total_energy_eV",
    "pressure_GPa",
    "volume_ang3",
)

#: An engine's own part of a checkpoint: arrays by name.
EngineState = dict[str, np.ndarray]


@dataclass(frozen=True)
class State:
    """One moment of a run, in the frame of the structure that was read."""

    #: (n, 3) Å, not wrapped into the cell.
    positions: np.ndarray
    #: (n, 3) Å/fs.
    velocities: np.ndarray
    #: (3, 3) Å.
    cell: np.ndarray
    #: eV.
    potential_energy: float
    #: (n, 3) eV/Å.
    forces: np.ndarray
    #: (3, 3) eV/Å^3, tensile positive, without the kinetic part; None when not periodic in all directions.
    stress: np.ndarray | None


def kinetic_energy(masses: np.ndarray, velocities: np.ndarray) -> float:
    """eV, of masses (n,) in amu and velocities (n, 3) in Å/fs."""
    return float(0.5 * AMU_ANG2_PER_FS2_IN_EV * (masses * (velocities**2).sum(axis=1)).sum())


def degrees_of_freedom(n_atoms: int, ensemble: str) -> int:
    """3n under a Langevin thermostat, which moves the centre of mass too; 3n - 3 where momentum is conserved."""
    return max(3 * n_atoms - (3 if ensemble == "nve" else 0), 1)


def new_velocities(masses: np.ndarray, temperature: float, seed: int) -> np.ndarray:
    """Maxwell-Boltzmann velocities (n, 3) in Å/fs of masses (n,) in amu, without total momentum."""
    spread = np.sqrt(KB_EV * temperature / (masses * AMU_ANG2_PER_FS2_IN_EV))
    velocities = spread[:, None] * np.random.default_rng(seed).normal(size=(len(masses), 3))
    return velocities - (masses @ velocities) / masses.sum() if len(masses) else velocities


def thermo_row(step: int, timestep: float, ensemble: str, masses: np.ndarray, state: State) -> dict[str, float | None]:
    """The numbers of :data:`COLUMNS`."""
    kinetic = kinetic_energy(masses, state.velocities)
    volume = abs(float(np.linalg.det(state.cell)))
    pressure = None
    if state.stress is not None:
        pressure = (2.0 * kinetic / volume - float(np.trace(state.stress))) / 3.0 * EV_PER_ANG3_IN_GPA
    values = (
        step,
        step * timestep * 1e-3,
        2.0 * kinetic / (degrees_of_freedom(len(masses), ensemble) * KB_EV),
        state.potential_energy,
        kinetic,
        state.potential_energy + kinetic,
        pressure,
        volume if state.stress is not None else None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def to_atoms(state: State, template: Atoms) -> Atoms:
    """``template`` at the moment of ``state``, with momenta, energy, forces and stress."""
    atoms = template.copy()
    atoms.set_cell(state.cell)
    atoms.positions = state.positions
    atoms.set_velocities(state.velocities / units.fs)
    results = {"energy": state.potential_energy, "forces": state.forces}
    if state.stress is not None:
        results["stress"] = to_voigt(state.stress)
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms
