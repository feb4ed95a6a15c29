"""Whether a run stayed where its model knows anything: closest pairs during it, and the words at its end."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tlmlp.console import console
from tlmlp.data.closest import Pair, closest_pair, too_close
from tlmlp.errors import TlmlpError
from tlmlp.md.settings import MDSettings
from tlmlp.md.state import State
from tlmlp.text import have
from tlmlp.units import KB_EV

#: A mean temperature that is off by more than this part of the target, and by more standard errors than chance gives.
FAR_TEMPERATURE, STANDARD_ERRORS = 0.1, 5.0
#: Thermostat times after which the temperature is expected to be there.
EQUILIBRATION = 3.0
#: Change of the total energy per atom in NVE, between the means of the first and the last quarter, eV.
DRIFT = 5e-3
#: Change of the potential energy per atom under a thermostat beyond what heat (3 kT) and melting can take, eV.
POTENTIAL_JUMP = 1.0


@dataclass
class Watch:
    """Looks for pairs that are too close, at the steps that go to thermo.csv."""

    #: Å; the smallest distance in the training data of the model, None where the file does not say.
    least: float | None
    #: Å; a pair below it ends the run.
    stop_below: float | None
    pbc: np.ndarray
    warned: bool = False
    #: Why the run ends before its last step.
    stopped: str | None = None

    def look(self, step: int, time_ps: float, state: State) -> Pair | None:
        """The closest pair, if it is nearer than ``least`` or ``stop_below``; warns of the first one below ``least``."""
        reach = max(self.least or 0.0, self.stop_below or 0.0)
        pair = closest_pair(state.positions, state.cell, self.pbc, reach) if reach > 0.0 else None
        if pair is None:
            return None
        if self.least is not None and pair[2] < self.least and not self.warned:
            self.warned = True
            console.warn(f"step {step}: {too_close(pair, self.least)}")
        if self.stop_below is not None and pair[2] < self.stop_below:
            i, j, distance = pair
            self.stopped = (
                f"stopped at step {step} ({time_ps:g} ps): atoms {i} and {j} are {distance:.3f} Å apart, "
                f"{self.stop_below:g} Å asked for"
            )
        return pair


def free_atoms(atoms: Atoms) -> np.ndarray:
    """(n,) True for the atoms that may move.

    :raises TlmlpError: when the structure has a constraint other than fixed atoms, which no engine here keeps
    """
    from ase.constraints import FixAtoms

    free = np.ones(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        if not isinstance(constraint, FixAtoms):
            raise TlmlpError(
                f"the structure has the constraint {type(constraint).__name__}; runs keep FixAtoms alone: "
                "take the constraint out of the file"
            )
        free[constraint.get_indices()] = False
    return free


def words(columns: dict[str, np.ndarray], settings: MDSettings, n_free: int, least: float | None) -> list[str]:
    """What must be said at the end of a run, a sentence each; empty for a good one.

    :param columns: of thermo.csv
    :param n_free: atoms that may move
    :param least: smallest distance in the training data, Å
    """
    if not len(columns["step"]):
        return []
    said = [_close_pairs(columns, least)]
    if settings.ensemble == "nve":
        said.append(_drift(columns, n_free))
    else:
        said += [_temperature(columns, settings, n_free), _potential(columns, settings, n_free)]
    return [sentence for sentence in said if sentence]


def _close_pairs(columns: dict[str, np.ndarray], least: float | None) -> str | None:
    if least is None or "closest_ang" not in columns:
        return None
    distance = columns["closest_ang"]
    below = np.flatnonzero(distance < least)  # empty entries are NaN
    if not len(below):
        return None
    first, nearest = below[0], below[np.argmin(distance[below])]
    pair = int(columns["closest_i"][first]), int(columns["closest_j"][first]), float(distance[first])
    return (
        f"{len(below)} of {len(distance)} rows {have(len(below))} a pair below the training data: first, at "
        f"{columns['time_ps'][first]:g} ps, {too_close(pair, least)}; the closest of all came to "
        f"{distance[nearest]:.3f} Å at {columns['time_ps'][nearest]:g} ps. What follows from there on is a guess of the "
        "model"
    )


def _temperature(columns: dict[str, np.ndarray], settings: MDSettings, n_free: int) -> str | None:
    time, target = columns["time_ps"] * 1e3, settings.temperature
    late = time >= max(time[-1] / 2.0, EQUILIBRATION * settings.thermostat_time)
    span = time[-1] - time[late][0] if late.any() else 0.0
    if span < EQUILIBRATION * settings.thermostat_time:
        return None  # too short to tell
    mean = float(columns["temperature_K"][late].mean())
    # The kinetic energy forgets within half a thermostat time; 3n degrees of freedom fluctuate by sqrt(2 / 3n).
    error = target * np.sqrt(2.0 / (3.0 * n_free) / (span / settings.thermostat_time))
    if abs(mean - target) <= max(FAR_TEMPERATURE * target, STANDARD_ERRORS * error):
        return None
    return (
        f"the mean temperature of the second half is {mean:.0f} K, {target:g} K were asked for: the forces give or "
        "take energy faster than the thermostat can balance; try a smaller time step, and look at the close pairs"
    )


def _quarters(values: np.ndarray) -> tuple[float, float]:
    """Means of the first and of the last quarter."""
    quarter = max(len(values) // 4, 1)
    return float(values[:quarter].mean()), float(values[-quarter:].mean())


def _drift(columns: dict[str, np.ndarray], n_free: int) -> str | None:
    first, last = _quarters(columns["total_energy_eV"] / max(n_free, 1))
    if abs(last - first) <= DRIFT:
        return None
    return (
        f"the total energy {'climbed' if last > first else 'fell'} by {1e3 * abs(last - first):.1f} meV/atom during the "
        "run, which NVE must not do: try a smaller time step"
    )


def _potential(columns: dict[str, np.ndarray], settings: MDSettings, n_free: int) -> str | None:
    first, last = _quarters(columns["potential_energy_eV"] / max(n_free, 1))
    if abs(last - first) <= POTENTIAL_JUMP + 3.0 * KB_EV * settings.temperature:
        return None
    return (
        f"the potential energy {'climbed' if last > first else 'fell'} by {abs(last - first):.2f} eV/atom, more than heat "
        "and melting can take: the structure left what it was, look at it"
    )
