"""Intervals against scipy's bootstrap, verdicts, and the rules that choose between settings."""

import numpy as np
import pytest
from scipy import stats

from tlmlp.errors import TlmlpError
from tlmlp.studies.rows import Trained, choose
from tlmlp.studies.statistics import (
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    Interval,
    difference,
    mean_interval,
    relative_change,
    spread_difference,
    verdict,
)

SCRATCH = np.array([90.1, 71.3, 85.0, 66.2, 79.9, 88.8])
TRANSFER = np.array([52.0, 49.1, 55.5, 44.3, 51.8, 60.2])


def by_scipy(statistic, *samples):
    found = stats.bootstrap(
        samples, statistic, n_resamples=20_000, paired=True, method="percentile", random_state=np.random.default_rng(7)
    )
    return found.confidence_interval


@pytest.mark.parametrize(
    ("ours", "statistic", "samples"),
    [
        (mean_interval(SCRATCH), lambda x, axis: x.mean(axis=axis), (SCRATCH,)),
        (
            difference(SCRATCH, TRANSFER),
            lambda x, y, axis: y.mean(axis=axis) - x.mean(axis=axis),
            (SCRATCH, TRANSFER),
        ),
        (
            relative_change(SCRATCH, TRANSFER),
            lambda x, y, axis: y.mean(axis=axis) / x.mean(axis=axis) - 1,
            (SCRATCH, TRANSFER),
        ),
        (
            spread_difference(SCRATCH, TRANSFER),
            lambda x, y, axis: y.std(axis=axis, ddof=1) - x.std(axis=axis, ddof=1),
            (SCRATCH, TRANSFER),
        ),
    ],
)
def test_intervals_are_those_of_scipy(ours, statistic, samples):
    theirs = by_scipy(statistic, *samples)
    assert ours.value == pytest.approx(statistic(*samples, axis=0))
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


@pytest.mark.parametrize(
    ("effect", "sign", "draws", "expected"),
    [
        (Interval(-0.3, -0.4, -0.2), -1, 5, REPRODUCED),
        (Interval(0.3, 0.2, 0.4), -1, 5, NOT_REPRODUCED),
        (Interval(-0.3, -0.6, 0.1), -1, 5, UNDECIDED),
        (Interval(-0.3, -0.4, -0.2), -1, 3, UNDECIDED),
        (Interval(0.05, 0.01, 0.09), 1, 5, REPRODUCED),
    ],
)
def test_a_verdict_needs_an_interval_on_one_side_and_enough_draws(effect, sign, draws, expected):
    assert verdict(effect, sign, draws) == expected


@pytest.mark.parametrize(
    ("rule", "errors", "expected"),
    [
        ("forces", {"a": (0.100, 30.0), "b": (0.102, 5.0)}, "a"),
        ("energies", {"a": (0.100, 30.0), "b": (0.102, 5.0)}, "b"),
        ("energies", {"a": (0.100, 30.0), "b": (0.104, 5.0)}, "a"),
        ("energies", {"a": (0.100, None), "b": (0.104, None)}, "a"),
        ("forces", {"only": (None, None)}, "only"),
    ],
)
def test_the_choice_sees_energies_only_among_equal_forces(rule, errors, expected):
    assert choose([Trained(name, *values) for name, values in errors.items()], rule) == expected


def test_a_choice_without_validation_errors_is_refused():
    with pytest.raises(TlmlpError, match="needs the validation force error of every training"):
        choose([Trained("a", 0.1, None), Trained("b", None, None)], "forces")
