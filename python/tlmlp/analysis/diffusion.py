"""Mean-square displacement and the coefficient of self-diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlmlp.analysis.trajectory import Trajectory

#: Lags between which the line is fitted, in shares of the trajectory.
FIT = (0.1, 0.3)
#: Frames that a coefficient needs.
LEAST_FRAMES = 20
#: Atoms whose displacements are computed at once.
CHUNK = 1024


@dataclass(frozen=True)
class Diffusion:
    """Of one trajectory."""

    #: (lags,) Å^2, up to half of the trajectory.
    msd: np.ndarray
    #: Å^2/ps (1e-4 cm^2/s): a sixth of the slope; NaN for too few frames, like the error.
    coefficient: float
    #: Standard error over atoms and directions, taken as independent.
    error: float


def square_displacements(positions: np.ndarray) -> np.ndarray:
    """(F, n, 3) Å^2 for the lags 0 to F - 1: of each atom along each axis, mean over all F - lag origins.

    By the autocorrelation theorem (Calandrini et al., nMoldyn, EDP Sciences 12, 201 (2011)), in double precision.

    :param positions: (F, n, 3) Å, unwrapped
    """
    frames = len(positions)
    centred = positions - positions.mean(axis=0)
    squares = centred**2
    # Sums of x(t)^2 over the first and over the last F - lag frames.
    first, last = np.cumsum(squares, axis=0)[::-1], np.cumsum(squares[::-1], axis=0)[::-1]
    power = np.abs(np.fft.rfft(centred, n=2 * frames, axis=0)) ** 2
    correlation = np.fft.irfft(power, n=2 * frames, axis=0)[:frames]
    found = (first + last - 2.0 * correlation) / np.arange(frames, 0, -1)[:, None, None]
    found[0] = 0.0
    return found


def without_drift(positions: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """``positions`` (F, n, 3) seen from the centre of mass, which a thermostat moves."""
    return positions - np.einsum("fnx,n->fx", positions, masses / masses.sum())[:, None]


def diffusion(trajectory: Trajectory, frame_ps: float, *, keep_drift: bool = False) -> Diffusion:
    """Displacements of a trajectory with frames ``frame_ps`` apart, and the line through them at the lags of FIT."""
    from ase.data import atomic_masses, atomic_numbers

    positions = trajectory.unwrapped_positions()
    frames, n, _ = positions.shape
    if not keep_drift and n > 1:
        positions = without_drift(positions, atomic_masses[[atomic_numbers[symbol] for symbol in trajectory.symbols]])
    lags = np.arange(max(1, round(FIT[0] * frames)), round(FIT[1] * frames) + 1)
    msd, slopes = np.zeros(frames // 2 + 1), []
    for start in range(0, n, CHUNK):
        each = square_displacements(positions[:, start : start + CHUNK])
        msd += each[: len(msd)].sum(axis=(1, 2)) / n
        if frames >= LEAST_FRAMES:
            slopes.append(np.polyfit(lags * frame_ps, each[lags].reshape(len(lags), -1), 1)[0])
    if not slopes:
        return Diffusion(msd, float("nan"), float("nan"))
    coefficients = np.concatenate(slopes) / 2.0
    return Diffusion(msd, float(coefficients.mean()), float(coefficients.std(ddof=1) / np.sqrt(len(coefficients))))
