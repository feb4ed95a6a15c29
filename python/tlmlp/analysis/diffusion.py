"""Mean-square displacement and the coefficient of self-diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlmlp.analysis.trajectory import Trajectory

#: Parts of a trajectory that its error comes from.
PARTS = 5
#: Shares of the length of a part between which the line is fitted.
FIT = (0.1, 0.5)


@dataclass(frozen=True)
class Diffusion:
    """Of one trajectory."""

    #: (lags,) Å^2, up to half of the trajectory.
    msd: np.ndarray
    #: Å^2/ps (1e-4 cm^2/s): a sixth of the slope; NaN for too few frames, like the error.
    coefficient: float
    #: Standard error, from the scatter of PARTS parts.
    error: float


def least_frames() -> int:
    """Frames that a coefficient needs: three lags to fit in each of the parts."""
    return PARTS * 8


def mean_square_displacement(positions: np.ndarray) -> np.ndarray:
    """(F,) Å^2 for the lags 0 to F - 1: mean over all n atoms and all F - lag origins of unwrapped ``positions`` (F, n, 3).

    By the autocorrelation theorem (Calandrini et al., nMoldyn, EDP Sciences 12, 201 (2011)), in double precision.
    """
    frames = len(positions)
    centred = positions - positions.mean(axis=0)
    squares = (centred**2).sum(axis=(1, 2))
    # Sums of |r(t)|^2 over the first and over the last F - lag frames.
    first, last = np.cumsum(squares)[::-1], np.cumsum(squares[::-1])[::-1]
    power = np.abs(np.fft.rfft(centred, n=2 * frames, axis=0)) ** 2
    correlation = np.fft.irfft(power.sum(axis=(1, 2)), n=2 * frames)[:frames]
    origins = np.arange(frames, 0, -1)
    msd = (first + last - 2.0 * correlation) / (origins * positions.shape[1])
    msd[0] = 0.0
    return msd


def without_drift(positions: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """``positions`` (F, n, 3) seen from the centre of mass, which a thermostat moves."""
    return positions - np.einsum("fnx,n->fx", positions, masses / masses.sum())[:, None]


def diffusion(trajectory: Trajectory, frame_ps: float, *, keep_drift: bool = False) -> Diffusion:
    """Displacements of a trajectory with frames ``frame_ps`` apart.

    The coefficient is fitted at the lags of FIT, in shares of a fifth of the trajectory; its error is the standard error of
    the same fit in each fifth.
    """
    from ase.data import atomic_masses, atomic_numbers

    positions = trajectory.unwrapped_positions()
    if not keep_drift and positions.shape[1] > 1:
        positions = without_drift(positions, atomic_masses[[atomic_numbers[symbol] for symbol in trajectory.symbols]])
    msd = mean_square_displacement(positions)
    if len(positions) < least_frames():
        return Diffusion(msd[: len(positions) // 2 + 1], float("nan"), float("nan"))
    part = len(positions) // PARTS
    lags = np.arange(max(1, round(FIT[0] * part)), round(FIT[1] * part) + 1)

    def sixth_of_slope(curve: np.ndarray) -> float:
        return float(np.polyfit(lags * frame_ps, curve[lags], 1)[0]) / 6.0

    parts = [sixth_of_slope(mean_square_displacement(positions[k * part : (k + 1) * part])) for k in range(PARTS)]
    return Diffusion(msd[: len(positions) // 2 + 1], sixth_of_slope(msd), float(np.std(parts, ddof=1) / np.sqrt(PARTS)))
