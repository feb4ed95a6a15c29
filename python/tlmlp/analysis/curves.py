"""Curves of many trajectories: their mean, and how they scatter within and between groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curves:
    """One quantity of many trajectories: their mean, and how they scatter."""

    #: (bins,) where the curve is: Å, degrees or ps.
    x: np.ndarray
    #: (trajectories, bins).
    each: np.ndarray
    #: Group of each trajectory.
    groups: list[str]

    @property
    def mean(self) -> np.ndarray:
        """(bins,) over all trajectories."""
        return self.each.mean(axis=0)

    @property
    def group_means(self) -> dict[str, np.ndarray]:
        """(bins,) over the trajectories of a group, by its name."""
        labels = np.array(self.groups)
        return {name: self.each[labels == name].mean(axis=0) for name in dict.fromkeys(self.groups)}

    @property
    def between(self) -> np.ndarray | None:
        """(bins,) standard deviation of the means of the groups; None for one group."""
        means = np.array(list(self.group_means.values()))
        return means.std(axis=0, ddof=1) if len(means) > 1 else None

    @property
    def within(self) -> np.ndarray | None:
        """(bins,) standard deviation of trajectories from the mean of their group; None where no group has two."""
        means = self.group_means
        freedom = len(self.each) - len(means)
        if freedom == 0:
            return None
        apart = self.each - np.array([means[name] for name in self.groups])
        return np.sqrt((apart**2).sum(axis=0) / freedom)


def curve_distance(x: np.ndarray, first: np.ndarray, second: np.ndarray, end: float = 6.0) -> float:
    """Integral of ``|first - second|`` over equal bins x from 0 to ``end``, divided by ``end``: for g(r), 0 to 6 Å."""
    inside = x < end
    return float(np.abs(first - second)[inside].sum() * (x[1] - x[0]) / end)
