"""Replicas of a system that move side by side on one device."""

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_masses

from tlmlp import _core
from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path
from tlmlp.times import check_time
from tlmlp.units import AMU_ANG2_PER_FS2_IN_EV, KB_EV


def why_no_gpu() -> str | None:
    """Why ``device="cuda"`` cannot be used here, or None."""
    if not _core.built_with_cuda():
        return "this build has no CUDA (TLMLP_CUDA=OFF)"
    return None if _core.cuda_devices() > 0 else "no GPU can be used here"


@dataclass(frozen=True)
class ReplicaState:
    """Where all replicas are; arrays of replica k are ``[k]`` of each list."""

    #: angstrom, as they moved: not wrapped into the cell.
    positions: list[np.ndarray]
    #: angstrom/fs.
    velocities: list[np.ndarray]
    #: eV/angstrom.
    forces: list[np.ndarray]
    #: potential energies, eV (replicas,).
    energies: np.ndarray
    #: K (replicas,), from 3 n degrees of freedom.
    temperatures: np.ndarray
    #: kinetic energies, eV (replicas,).
    kinetic: np.ndarray
    #: steps done.
    steps: int
    #: (replicas,) steps after which a replica was found lost, -1 for the others: a position or velocity is not finite, or
    #: an atom is hundreds of cells from the rest. The numbers of a lost replica mean nothing.
    lost: np.ndarray


class Replicas:
    """Langevin dynamics (or, with ``friction=0``, constant energy) of many structures in cells that stay as they are.

    Everything happens on the device: neighbour lists by comparing all atoms of a replica, the network, and the integrator
    (BAOAB). Random numbers depend on a replica's seed, the step and the atom alone, so that a replica's path is the same
    in any company. Meant for systems of up to some hundred atoms; a list costs n^2 comparisons.

    :param model: file written by ``tlmlp export``
    :param structures: objects with ``positions``, ``cell``, ``pbc`` and ``atomic_numbers`` or ``numbers``
    :param temperature: K, one for all or one per replica; velocities are drawn from it unless given
    :param time_step: fs
    :param friction: 1/fs; 1e-3 is 1/ps
    :param seeds: one per replica; the replica's number by default
    :param velocities: angstrom/fs, one array per replica
    :param device: ``"cuda"``, ``"cuda:N"``, or ``"cuda-on-cpu"`` for the GPU's kernels on the CPU
    :raises TlmlpError: for elements that the model does not know, numbers that do not fit, a device that cannot be used
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        structures: Sequence[Any],
        *,
        temperature: float | Sequence[float],
        time_step: float = 0.5,
        friction: float = 1e-3,
        seeds: Sequence[int] | None = None,
        velocities: Sequence[np.ndarray] | None = None,
        precision: str = "single",
        device: str = "cuda",
    ) -> None:
        try:
            check_time(time_step)
        except ValueError as error:
            raise TlmlpError(f"`time_step`: {error}, got {time_step}") from None
        count = len(structures)
        temperatures = np.broadcast_to(np.asarray(temperature, dtype=np.float64), (count,))
        seeds = list(range(count)) if seeds is None else list(seeds)
        if len(seeds) != count or (velocities is not None and len(velocities) != count):
            raise TlmlpError(f"`seeds` and `velocities` must have one entry for each of the {count} structures")
        numbers = [np.asarray(s.atomic_numbers if hasattr(s, "atomic_numbers") else s.numbers) for s in structures]
        self._masses = [atomic_masses[z] for z in numbers]
        self._first = np.concatenate([[0], np.cumsum([len(z) for z in numbers])]).astype(int)
        if velocities is None:
            velocities = [_velocities(m, t, seed) for m, t, seed in zip(self._masses, temperatures, seeds, strict=True)]
        if not re.fullmatch(r"cuda|cuda:\d{1,3}|cuda-on-cpu", device):
            raise TlmlpError(f"`device` must be cuda, cuda:N or cuda-on-cpu, got {device!r}: replicas run on a GPU")
        path = model_path(model)
        try:
            engine = _core.Engine(str(path))
            species = [engine.species_of(int(z)) for part in numbers for z in part]
            self._core = _core.Replicas(
                str(path),
                self._first.tolist(),
                np.array(species, dtype=np.int32),
                _rows([s.positions for s in structures]),
                _rows(velocities),
                np.concatenate([np.zeros(0), *self._masses]),
                np.array([np.asarray(s.cell) for s in structures], dtype=np.float64),
                np.array([np.asarray(s.pbc) for s in structures], dtype=np.int32),
                temperatures,
                np.array(seeds, dtype=np.uint64),
                time_step,
                friction,
                precision,
                device,
            )
        except RuntimeError as error:
            raise TlmlpError(str(error)) from None

        self._warned = np.zeros(count, dtype=bool)

    def __len__(self) -> int:
        return len(self._first) - 1

    def run(self, steps: int) -> None:
        """Move all replicas by ``steps`` time steps. A replica that is lost is warned of; the others continue."""
        try:
            self._core.run(steps)
        except RuntimeError as error:
            raise TlmlpError(str(error)) from None
        lost = self._core.lost
        new = np.flatnonzero((lost >= 0) & ~self._warned)
        self._warned[new] = True
        if len(new):
            first = int(lost[new].min())
            warnings.warn(
                f"{len(new)} of {len(self)} replicas (number {', '.join(map(str, new[:5]))}{', ...' if len(new) > 5 else ''}) "
                f"broke up by step {first}: their numbers are not finite or atoms flew off; see state().lost",
                stacklevel=2,
            )

    def state(self) -> ReplicaState:
        """Copy the present state from the device."""
        raw = self._core.state()
        parts = {
            name: np.split(raw[name], self._first[1:-1]) if len(self) else []
            for name in ("positions", "velocities", "forces")
        }
        with np.errstate(over="ignore", invalid="ignore"):  # of lost replicas
            kinetic = np.array(
                [
                    0.5 * float((m[:, None] * v**2).sum()) * AMU_ANG2_PER_FS2_IN_EV
                    for m, v in zip(self._masses, parts["velocities"], strict=True)
                ]
            )
        freedom = np.array([max(3 * len(m), 1) for m in self._masses])
        temperatures = 2.0 * kinetic / (freedom * KB_EV)
        return ReplicaState(
            parts["positions"],
            parts["velocities"],
            parts["forces"],
            raw["energies"],
            temperatures,
            kinetic,
            raw["steps"],
            self._core.lost,
        )


def _rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros((0, 3)), *(np.reshape(a, (-1, 3)) for a in arrays)])


def _velocities(masses: np.ndarray, temperature: float, seed: int) -> np.ndarray:
    """Maxwell-Boltzmann without drift of the centre of mass, angstrom/fs."""
    width = np.sqrt(KB_EV * temperature / (masses * AMU_ANG2_PER_FS2_IN_EV))
    velocities = np.random.default_rng(seed).normal(size=(len(masses), 3)) * width[:, None]
    if len(masses) > 1:
        velocities -= (masses[:, None] * velocities).sum(axis=0) / masses.sum()
    return velocities
