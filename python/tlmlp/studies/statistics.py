"""Intervals and verdicts for comparisons of arms that share their draws of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
#: Draws below which no interval is trusted: a bootstrap over fewer says nothing.
FEWEST_DRAWS = 4

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
UNDECIDED = "not decided at this tier"
#: Of effects that the paper says nothing about.
LOWER, HIGHER = "lower", "higher"


@dataclass(frozen=True)
class Interval:
    """An estimate with a bootstrap interval of 95 %."""

    value: float
    low: float
    high: float

    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


def relative_change(worse: Sequence[float], better: Sequence[float], seed: int = 0) -> Interval:
    """mean(``better``) / mean(``worse``) - 1, draws resampled in pairs (percentile bootstrap).

    :param worse: one value per draw, and
    :param better: that of the other arm on the same draws
    """
    pairs = np.column_stack([worse, better]).astype(float)
    means = _resampled_means(pairs, seed)
    changes = means[:, 1] / means[:, 0] - 1.0
    low, high = np.quantile(changes, [0.025, 0.975])
    overall = pairs.mean(axis=0)
    return Interval(float(overall[1] / overall[0] - 1.0), float(low), float(high))


def difference(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Interval:
    """mean(``second``) - mean(``first``) over paired draws, with the bootstrap interval."""
    pairs = np.column_stack([first, second]).astype(float)
    means = _resampled_means(pairs, seed)
    low, high = np.quantile(means[:, 1] - means[:, 0], [0.025, 0.975])
    return Interval(float(np.diff(pairs.mean(axis=0))[0]), float(low), float(high))


def spread_difference(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Interval:
    """Standard deviation of ``second`` less that of ``first`` over paired draws, with the bootstrap interval."""
    pairs = np.column_stack([first, second]).astype(float)
    spreads = _resampled(pairs, seed).std(axis=1, ddof=1)
    low, high = np.quantile(spreads[:, 1] - spreads[:, 0], [0.025, 0.975])
    return Interval(float(np.diff(pairs.std(axis=0, ddof=1))[0]), float(low), float(high))


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean over draws with its bootstrap interval."""
    sample = np.asarray(values, float)[:, None]
    low, high = np.quantile(_resampled_means(sample, seed)[:, 0], [0.025, 0.975])
    return Interval(float(sample.mean()), float(low), float(high))


def verdict(effect: Interval, sign: int, draws: int) -> str:
    """Whether an effect of the paper with this ``sign`` is reproduced: its interval must exclude zero on that side.

    With the sign 0, the paper says nothing: the effect is lower or higher.
    """
    if draws < FEWEST_DRAWS or not effect.excludes_zero():
        return UNDECIDED
    if sign == 0:
        return LOWER if effect.value < 0 else HIGHER
    return REPRODUCED if np.sign(effect.value) == sign else NOT_REPRODUCED


def _resampled(values: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES, draws, columns): draws with replacement."""
    chosen = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    return values[chosen]


def _resampled_means(values: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES, columns) means over draws that are resampled with replacement."""
    return _resampled(values, seed).mean(axis=1)
