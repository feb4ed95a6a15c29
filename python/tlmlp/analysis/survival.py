"""Survival of runs: Kaplan-Meier, Wilson's interval, and intervals over models, whose runs are not independent."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Survival:
    """A step function: ``fraction[k]`` of the runs survive ``times[k]``; the first time is 0."""

    #: ps.
    times: np.ndarray
    fraction: np.ndarray
    #: Pointwise 95 % interval.
    low: np.ndarray
    high: np.ndarray


def kaplan_meier(times: Sequence[float], failed: Sequence[bool]) -> Survival:
    """Survival function of runs that failed at ``times`` (ps), or were stopped then without having failed.

    By ``scipy.stats.ecdf``, with its log-log interval; where that is not defined, as long as nothing or when everything has
    failed, Wilson's interval of all runs.
    """
    from scipy.stats import CensoredData, ecdf

    found = ecdf(CensoredData.right_censored(np.asarray(times, dtype=float), ~np.asarray(failed, dtype=bool))).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The confidence interval is undefined")
        band = found.confidence_interval(LEVEL, method="log-log")
    fraction = np.append(1.0, found.probabilities)
    low, high = (np.append(np.nan, side.probabilities) for side in (band.low, band.high))
    for edge in (1.0, 0.0):
        bounds = wilson(round(edge * len(times)), len(times))
        low[fraction == edge], high[fraction == edge] = bounds
    return Survival(np.append(0.0, found.quantiles), fraction, low, high)


def wilson(stable: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval of the fraction ``stable / runs``, which takes runs to be independent."""
    from scipy.stats import binomtest

    interval = binomtest(stable, runs).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def over_models(stable: Mapping[str, Sequence[bool]], seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the stable fraction of all runs by drawing models with replacement; None for a single model.

    :param stable: whether each run of a model was stable, by model
    """
    if len(stable) < 2:
        return None
    return _interval(_resampled(stable, np.random.default_rng(seed)))


def difference(
    first: Mapping[str, Sequence[bool]], second: Mapping[str, Sequence[bool]], seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Stable fraction of ``first`` less that of ``second``, and its 95 % interval by drawing models of both."""
    value = _fraction(first) - _fraction(second)
    rng = np.random.default_rng(seed)
    return value, _interval(_resampled(first, rng) - _resampled(second, rng))


def _fraction(stable: Mapping[str, Sequence[bool]]) -> float:
    return sum(map(sum, stable.values())) / sum(map(len, stable.values()))


def _resampled(stable: Mapping[str, Sequence[bool]], rng: np.random.Generator) -> np.ndarray:
    survivors, runs = np.array([[sum(one), len(one)] for one in stable.values()]).T
    drawn = rng.integers(len(runs), size=(RESAMPLES, len(runs)))
    return survivors[drawn].sum(axis=1) / runs[drawn].sum(axis=1)


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.5 * (1.0 - LEVEL), 0.5 * (1.0 + LEVEL)])
    return float(low), float(high)
