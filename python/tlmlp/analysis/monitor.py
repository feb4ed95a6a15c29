"""Looks at a run while it moves: is it still sound, what does its trajectory hold, and what were its last frames."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from tlmlp.analysis.close_pairs import PairCheck, min_distances
from tlmlp.analysis.stability_settings import StabilitySettings
from tlmlp.data.neighbours import with_open_rows
from tlmlp.files import atomic_write_text
from tlmlp.md.state import kinetic_energy
from tlmlp.units import KB_EV

#: Frames before a failure that are kept.
LAST_FRAMES = 20
#: Å from the origin, where an atom counts as lost.
FAR = 1e6

#: Why a run fails, in the order in which it is looked for.
NOT_FINITE, CLOSE_PAIR, TEMPERATURE, ENERGY = "not finite", "close pair", "temperature explodes", "energy explodes"
LOST_ATOMS, ENGINE = "lost atoms", "engine stops"


@dataclass(frozen=True)
class Failure:
    """Why and when a run stopped being sound."""

    reason: str
    step: int
    time_ps: float
    #: One sentence with the numbers.
    detail: str
    #: Of a close pair: atoms, elements, distance and bin of :class:`~tlmlp.analysis.close_pairs.ClosePair`.
    pair: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunFiles:
    """Files of one replica in the folder of a test of stability."""

    out: Path
    model: str
    seed: int

    @property
    def record(self) -> Path:
        """What became of the run; it exists once the run is over."""
        return self.out / "runs" / self.model / f"seed-{self.seed:04d}.json"

    @property
    def trajectory(self) -> Path:
        """Frames of a run that is stable."""
        return self.out / "trajectories" / self.model / f"seed-{self.seed:04d}.extxyz"

    @property
    def failed_trajectory(self) -> Path:
        """Frames of a run that has failed."""
        return self.out / "failures" / self.model / f"seed-{self.seed:04d}-trajectory.extxyz"

    @property
    def last_frames(self) -> Path:
        """The last frames of a run that has failed, one per look."""
        return self.out / "failures" / self.model / f"seed-{self.seed:04d}-last.extxyz"

    @property
    def growing(self) -> Path:
        """The trajectory as long as the run continues."""
        return self.trajectory.with_name(f".{self.trajectory.name}.part")


class Monitor:
    """One run. Call :meth:`look` at every look, then :meth:`finish` once.

    :param atoms: where the run starts, with its velocities
    """

    def __init__(self, settings: StabilitySettings, atoms: Atoms, files: RunFiles) -> None:
        self._settings, self._atoms = settings, atoms
        self._masses = atoms.get_masses()
        self._cell, self._pbc = with_open_rows(atoms.cell.array, atoms.pbc), atoms.pbc
        self._reduced = minkowski_reduce(self._cell, atoms.pbc)[0] if atoms.pbc.any() else np.eye(3)
        self._inverse = np.linalg.inv(self._reduced)
        symbols = atoms.get_chemical_symbols()
        self._pairs = PairCheck(symbols, min_distances(symbols, settings.min_distance))
        self._hottest = settings.hottest(len(atoms))
        self._text = _frame_text(atoms)
        self._last: deque[tuple[Any, ...]] = deque(maxlen=LAST_FRAMES)
        self._files = files
        files.growing.parent.mkdir(parents=True, exist_ok=True)
        self._stream = open(files.growing, "w") if settings.trajectory_every else None
        self._path = atoms.positions.copy()
        self._start_energy: float | None = None
        self._temperatures: list[float] = []
        self._step = -1
        self._smallest: float | None = None
        self.failure: Failure | None = None

    def look(self, step: int, positions: np.ndarray, velocities: np.ndarray, energy: float) -> bool:
        """Whether the run is over because it has failed.

        :param positions: (n, 3) Å, wrapped or not
        :param velocities: (n, 3) Å/fs
        :param energy: potential energy, eV
        """
        if step <= self._step or self.failure is not None:
            return self.failure is not None
        self._step = step
        with np.errstate(over="ignore", invalid="ignore"):
            temperature = 2.0 * kinetic_energy(self._masses, velocities) / (3 * len(self._masses) * KB_EV)
        if np.isfinite(positions).all():
            self._follow(step, positions, temperature, energy)
        self.failure = self._judge(step, positions, temperature, energy)
        self._temperatures.append(temperature)
        return self.failure is not None

    def fail(self, reason: str, step: int, detail: str) -> None:
        """The engine itself found that the run is over."""
        if self.failure is None:
            self.failure = Failure(reason, step, self._settings.time(step), detail)

    def finish(self) -> dict[str, Any]:
        """Put the files where they belong; what the record of the run holds."""
        failure, files = self.failure, self._files
        if self._stream is not None:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            place = files.trajectory if failure is None else files.failed_trajectory
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(files.growing, place)
        if failure is not None:
            atomic_write_text(files.last_frames, "".join(self._text(*frame) for frame in self._last))
        step = self._step if failure is None else failure.step
        sound = np.array(self._temperatures if failure is None else self._temperatures[:-1])
        later = sound[len(sound) // 10 :]
        return {
            "stable": failure is None,
            "steps": step,
            "time_ps": self._settings.time(step),
            "failure": None if failure is None else asdict(failure),
            "smallest_distance_angstrom": None if self._smallest is None else round(self._smallest, 5),
            "mean_temperature_K": round(float(later.mean()), 2) if len(later) else None,
        }

    def _judge(self, step: int, positions: np.ndarray, temperature: float, energy: float) -> Failure | None:
        def failure(reason: str, detail: str, pair: dict[str, Any] | None = None) -> Failure:
            return Failure(reason, step, self._settings.time(step), detail, pair)

        if not (np.isfinite(positions).all() and np.isfinite(energy) and np.isfinite(temperature)):
            return failure(NOT_FINITE, "a position, a velocity or the energy is no finite number")
        if np.abs(positions).max(initial=0.0) > FAR:
            return failure(LOST_ATOMS, f"an atom is more than {FAR:g} Å away")
        smallest, close = self._pairs.closest(positions, self._cell, self._pbc)
        if smallest is not None:
            self._smallest = smallest if self._smallest is None else min(self._smallest, smallest)
        if close is not None:
            a, b = close.atoms
            where = f"{close.elements[0]} {a} and {close.elements[1]} {b} are {close.distance:.4f} Å apart"
            return failure(
                CLOSE_PAIR, f"{where}, in the bin from {close.bin[0]:g} to {close.bin[1]:g} Å", asdict(close)
            )
        if temperature > self._hottest:
            return failure(TEMPERATURE, f"{temperature:.0f} K, above {self._hottest:.0f} K")
        per_atom = energy / len(self._masses)
        self._start_energy = per_atom if self._start_energy is None else self._start_energy
        change = per_atom - self._start_energy
        if abs(change) > self._settings.max_energy_change:
            limit = self._settings.max_energy_change
            return failure(ENERGY, f"{change:+.2f} eV/atom since the start, more than {limit:g} eV/atom")
        return None

    def _follow(self, step: int, positions: np.ndarray, temperature: float, energy: float) -> None:
        """Keep the frame; positions are followed across the cell, from the nearest image of where the atom was."""
        moved = positions - self._path
        whole = np.where(self._pbc, np.rint(moved @ self._inverse), 0.0)
        self._path = self._path + moved - whole @ self._reduced
        frame = (step, self._settings.time(step), temperature, energy, self._path)
        self._last.append(frame)
        if self._stream is not None and step % self._settings.trajectory_every == 0:
            self._stream.write(self._text(*frame))


def _frame_text(atoms: Atoms) -> Callable[[int, float, float, float, np.ndarray], str]:
    """A quick writer of extended XYZ: step, time (ps), temperature (K), energy (eV), positions (n, 3) to text."""
    lattice = " ".join(f"{value:.10g}" for value in atoms.cell.array.ravel())
    cell = f'Lattice="{lattice}" ' if atoms.pbc.any() else ""
    pbc = " ".join("T" if periodic else "F" for periodic in atoms.pbc)
    rows = "".join(f"{symbol} %.6f %.6f %.6f\n" for symbol in atoms.get_chemical_symbols())

    def text(step: int, time_ps: float, temperature: float, energy: float, positions: np.ndarray) -> str:
        numbers = f"step={step} time_ps={time_ps:g} temperature_K={temperature:.6g} potential_energy_eV={energy:.8g}"
        head = f'{len(positions)}\n{cell}Properties=species:S:1:pos:R:3 pbc="{pbc}" {numbers}\n'
        return head + rows % tuple(positions.ravel())

    return text
