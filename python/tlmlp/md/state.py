"""What every engine reports, and the row of thermo.csv made from it."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator

from tlmlp.calculators.sums import to_voigt
from tlmlp.data.closest import Pair
from tlmlp.units import AMU_ANG2_PER_FS2_IN_EV, EV_PER_ANG3_IN_GPA, KB_EV

#: Columns of thermo.csv. The pressure is tr(kinetic - stress)/3, empty for systems that are not periodic in all directions.
#: The last three are the closest pair, empty while it is not below the smallest distance in the training data.
COLUMNS = (
    "step",
    "time_ps",
    "temperature_K",
    "potential_energy_eV",
    "kinetic_energy_eV",
    "total_energy_eV",
    "pressure_GPa",
    "volume_ang3",
    "closest_ang",
    "closest_i",
    "closest_j",
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


def degrees_of_freedom(free: np.ndarray, ensemble: str) -> int:
    """Of n atoms that may move, ``free`` (n_atoms,): 3n under a Langevin thermostat, which moves the centre of mass too, and
    where others are fixed; 3n - 3 where momentum is conserved."""
    return max(3 * int(free.sum()) - (3 if ensemble == "nve" and free.all() else 0), 1)


def new_velocities(masses: np.ndarray, temperature: float, seed: int, free: np.ndarray | None = None) -> np.ndarray:
    """Maxwell-Boltzmann velocities (n, 3) in Å/fs of masses (n,) in amu, without total momentum.

    :param free: (n,) False for atoms that stay at rest, all True by default
    """
    spread = np.sqrt(KB_EV * temperature / (masses * AMU_ANG2_PER_FS2_IN_EV))
    velocities = spread[:, None] * np.random.default_rng(seed).normal(size=(len(masses), 3))
    if free is not None and not free.all():
        velocities[~free] = 0.0  # the others exchange momentum with these: there is none to conserve
        return velocities
    return velocities - (masses @ velocities) / masses.sum() if len(masses) else velocities


def thermo_row(
    step: int,
    timestep: float,
    ensemble: str,
    masses: np.ndarray,
    state: State,
    free: np.ndarray,
    closest: Pair | None = None,
) -> dict[str, float | None]:
    """The numbers of :data:`COLUMNS`.

    :param free: (n,) True for atoms that may move
    :param closest: the closest pair, None where it is not reported
    """
    kinetic = kinetic_energy(masses, state.velocities)
    volume = abs(float(np.linalg.det(state.cell)))
    pressure = None
    if state.stress is not None:
        pressure = (2.0 * kinetic / volume - float(np.trace(state.stress))) / 3.0 * EV_PER_ANG3_IN_GPA
    values = (
        step,
        step * timestep * 1e-3,
        2.0 * kinetic / (degrees_of_freedom(free, ensemble) * KB_EV),
        state.potential_energy,
        kinetic,
        state.potential_energy + kinetic,
        pressure,
        volume if state.stress is not None else None,
        *((None, None, None) if closest is None else (closest[2], closest[0], closest[1])),
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
