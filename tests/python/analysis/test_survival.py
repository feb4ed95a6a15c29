"""Survival and its intervals against textbook numbers, formulas written out, and exact enumeration."""

import itertools

import numpy as np
import pytest
from scipy.stats import ecdf

from tlmlp.analysis.survival import difference, kaplan_meier, over_models, wilson

# Weeks of remission under 6-mercaptopurine (Freireich et al., Blood 21, 699 (1963)); a negative number was stopped, not failed.
REMISSION = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
TEXTBOOK = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_kaplan_meier_is_that_of_the_textbooks():
    times, failed = np.abs(REMISSION), np.array(REMISSION) > 0
    found = kaplan_meier(times, failed)
    at = dict(zip(found.times, found.fraction, strict=True))
    assert found.times[0] == 0.0 and at[0.0] == 1.0 and at[35] == at[23]
    for week, fraction in TEXTBOOK.items():
        assert at[week] == pytest.approx(fraction, abs=6e-4)


def test_kaplan_meier_and_its_band_by_hand():
    """Products over the failures, and Greenwood's variance of log(-log S)."""
    times, failed = np.abs(REMISSION), np.array(REMISSION) > 0
    found = kaplan_meier(times, failed)
    survival, variance = 1.0, 0.0
    for k, time in enumerate(found.times):
        at_risk, deaths = (times >= time).sum(), ((times == time) & failed).sum()
        survival *= 1.0 - deaths / at_risk
        variance += deaths / (at_risk * (at_risk - deaths))
        assert found.fraction[k] == pytest.approx(survival, abs=1e-12)
        if survival < 1.0:
            width = 1.959963984540054 * np.sqrt(variance) / np.log(survival)
            assert found.low[k] == pytest.approx(survival ** np.exp(-width), abs=1e-9)
            assert found.high[k] == pytest.approx(survival ** np.exp(width), abs=1e-9)


def test_runs_that_all_end_together_have_the_plain_fraction():
    times = [3.0, 8.0, 8.0, 20.0, 20.0, 20.0]
    found = kaplan_meier(times, [True, True, True, False, False, False])
    np.testing.assert_allclose(found.times, [0, 3, 8, 20])
    np.testing.assert_allclose(found.fraction, [1, 5 / 6, 3 / 6, 3 / 6])
    whole = kaplan_meier([20.0] * 5, [False] * 5)
    assert whole.fraction.tolist() == [1.0, 1.0] and whole.low[1] == wilson(5, 5)[0] and whole.high[1] == 1.0
    gone = kaplan_meier([1.0, 2.0], [True, True])
    assert gone.fraction.tolist() == [1.0, 0.5, 0.0] and gone.high[2] == wilson(0, 2)[1]
    np.testing.assert_allclose(kaplan_meier(times, [True] * 6).fraction[1:], ecdf(times).sf.probabilities)


@pytest.mark.parametrize("stable, runs", [(0, 20), (7, 20), (46, 100), (100, 100)])
def test_wilson_is_the_root_of_its_equation(stable, runs):
    """(p - k/n)² = z² p (1 - p)/n at both ends."""
    z, share = 1.959963984540054, stable / runs
    centre, square = share + z * z / (2 * runs), z * z / runs
    half = z * np.sqrt(share * (1 - share) / runs + square / (4 * runs))
    expected = (centre + np.array([-half, half])) / (1 + square)
    np.testing.assert_allclose(wilson(stable, runs), np.clip(expected, 0, 1), atol=1e-12)


def test_the_interval_over_models_is_that_of_all_draws():
    """Four models of unequal numbers of runs: all 256 draws with replacement, weighted alike."""
    counts = {"a": (0, 4), "b": (3, 4), "c": (8, 8), "d": (2, 2)}
    stable = {name: [True] * good + [False] * (runs - good) for name, (good, runs) in counts.items()}
    pairs = np.array(list(counts.values()))
    draws = np.array([pairs[list(draw)].sum(axis=0) for draw in itertools.product(range(4), repeat=4)])
    expected = np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.975])
    found = over_models(stable)
    np.testing.assert_allclose(found, expected, atol=0.03)  # the percentile may fall on the next draw
    assert over_models(stable) == found and over_models({"a": [True, False]}) is None
    low, high = wilson(13, 18)
    assert found[1] - found[0] > high - low  # models that differ say less than their number of runs


def test_the_difference_of_two_arms():
    first = {f"t{k}": [True] * 10 for k in range(5)}
    second = {f"s{k}": [True] * k + [False] * (10 - k) for k in (2, 3, 4, 5, 6)}
    value, (low, high) = difference(first, second)
    assert value == pytest.approx(0.6) and low > 0.4 and high < 0.8
    spread = np.std([0.2, 0.3, 0.4, 0.5, 0.6]) / np.sqrt(5)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.15)
