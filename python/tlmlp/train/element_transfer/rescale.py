"""Two numbers that bring the energy surface of one element close to that of another: E(x) becomes r E(x / s).

The length scale s, the energy scale r and the energy shifts are fitted to the labels of the training frames before the
first update. For a given s the source is evaluated on the frames with all lengths divided by s; energies, forces and
stresses of the rescaled model are then linear in r and the shifts:

    E = r E'  +  sum of the shifts        F = (r / s) F'        S = (r / s^3) S'

with E', F', S' of the source. What is minimised is the likelihood's logarithm of labels with one unknown error a kind,

    J(s, r) = sum over the kinds of labels of  w log(mean square deviation + resolution^2),

so that every kind of label counts alike in its own measure, whatever its unit and, with many frames, however many
numbers it has: a thousand force components do not outweigh the few stresses, and what the source cannot describe is not
forced on it. It is a weighted least-squares fit, each weight being w over the mean square deviation itself.

The resolution is what reference data are good for, and beside it a tenth of the labels' own root mean square: no source
is better after two numbers were changed. It keeps the vanishing forces of perfect crystals, and the few stresses that fit
by chance, from counting. For the same reason w is 1 for forces and f / (f + 3) for the energies and the stresses of f
frames. For energies, f is less by the number of shifts. Where the stresses are all there is, as for one crystal whose
forces vanish, the sum has log((r - 1)^2 + 0.5^2) as well: a preference for energies as they are.

In s the search is over a grid and then within its best interval; in r the minimum is a root of a polynomial. The grid
may have several minima: more than one pair of numbers fits the six stresses of a single strained crystal. Then a
preference decides, for an energy scale of one and an expected length scale. In a transfer that is the ratio of the
covalent radii.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tlmlp.data import Frame
from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.data.dataset import build_graph
from tlmlp.train.evaluation.comparison import ERRORS
from tlmlp.train.evaluation.predictions import predict, species_counts
from tlmlp.train.optimise.losses import VOIGT
from tlmlp.units import EV_PER_ANG3_IN_GPA

#: Largest size of log s: lengths between 0.61 and 1.65 of the source's. The grid has so many points for one frame, whose
#: minima are narrow, and fewer in proportion for several.
REACH, GRID_POINTS = 0.5, 80
#: Frames that the grid, and the search within its best interval, are evaluated on, at even distances.
GRID_FRAMES, FIT_FRAMES = 4, 64
#: How far log s may be from what is expected, and log r from zero: decides between minima of J, and does not move them.
WIDTHS = (0.05, 0.5)
#: What reference data are good for: meV-scale energies (eV/atom), forces (eV/Å), stresses (GPa).
RESOLUTION = {"energy": 1e-3, "forces": 1e-2, "stress": 0.1}
#: What a rescaled source is good for at best, as a share of what the labels vary by.
SHARE = 0.1
#: Frames at which energies and stresses, one and six numbers a frame, weigh half of what they do with many; forces are
#: many numbers in any frame.
HALF = 3.0
#: How exactly log s of a minimum is found before one of several is chosen, and that of the chosen one.
COARSE, FINE = 1e-3, 2e-7
#: Smallest fall of J from the source as it is that counts as one.
SMALLEST_GAIN = 1e-2


@dataclass(frozen=True)
class Rescaling:
    """A fit, and the errors of the source before and after it; the frames are those that it was fitted to."""

    length_scale: float
    energy_scale: float
    #: eV per atom of each species, beside the rescaled network.
    shift: tuple[float, ...]
    frames: int
    before: dict[str, float]
    after: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the provenance of a model."""
        return {**vars(self), "shift": list(self.shift)}

    def __str__(self) -> str:
        changes = [
            f"{kind} {self.before[error.rmse]:.3g} to {self.after[error.rmse]:.3g} {error.in_words}"
            for kind, error in ERRORS.items()
            if error.rmse in self.before
        ]
        return (
            f"lengths times {self.length_scale:.4f}, energies times {self.energy_scale:.4f}, "
            f"fitted to {self.frames} frame{'s' * (self.frames > 1)}; RMSE from {', '.join(changes)}"
        )


def fit_rescaling(source: Potential, frames: Sequence[Frame], expected: float = 1.0) -> Rescaling:
    """Find length and energy scale that bring ``source`` closest to the labels of ``frames``.

    :param source: a potential for the elements of the frames, as it is before it is rescaled; its short-range repulsion
        takes no part
    :param frames: with whatever labels there are; of many, some at even distances are used
    :param expected: length scale that several minima are judged by, such as the ratio of covalent radii
    :raises TlmlpError: with the reason, when J has no minimum within the grid or none at a positive energy scale, when
        it does not fall, and when the frames have no labels that say anything
    """
    coarse = Potential(source.network, source.species)
    model = _network_in_float64(source)
    few = _evenly(frames, GRID_FRAMES)
    grid = np.linspace(-REACH, REACH, GRID_POINTS // len(few) + 1)
    found = [_best_energy_scale(_moments(coarse, few, math.exp(x))) for x in grid]
    finite = any(math.isfinite(score) for _, score in found)
    labels = _moments(coarse, few, 1.0).of
    if not any(square > RESOLUTION[kind] ** 2 for kind, (_, _, square) in labels.items()):
        raise TlmlpError("the labels of the frames say nothing about the scales (forces and stresses close to zero)")
    if not finite:
        raise TlmlpError("no length scale turns the source's forces and stresses into the direction of the frames'")
    minima = _minima(found)
    for n in minima if len(minima) > 1 else ():  # how low they are is known between the points of the grid alone
        if 0 < n < len(grid) - 1:
            found[n] = _search(coarse, few, (grid[n - 1], grid[n + 1]), COARSE)[1:]
    best = _best_minimum(grid - math.log(expected), found)
    if best in (0, len(grid) - 1):
        raise TlmlpError(
            f"the fit has no minimum between {math.exp(-REACH):.2f} and {math.exp(REACH):.2f} times "
            "the source's lengths"
        )
    many = _evenly(frames, FIT_FRAMES)
    place, _, _ = _search(model, many, (grid[best - 1], grid[best + 1]), FINE)
    length = float(f"{math.exp(place):.7g}")
    after = _moments(model, many, length)
    energy, score = _best_energy_scale(after)
    before = _moments(model, many, 1.0)
    if not math.isfinite(score) or score > _score(before, 1.0) - SMALLEST_GAIN:
        raise TlmlpError("the fitted scales do not bring the source closer to the frames")
    energy = float(f"{energy:.7g}")
    shift = tuple(float(f"{value:.7g}") for value in after.shift(energy))
    return Rescaling(length, energy, shift, len(many), before.deviations(1.0), after.deviations(energy))


def _best_minimum(distances: np.ndarray, found: Sequence[tuple[float, float]]) -> int:
    """Place on the grid of the minimum to search around.

    :param distances: of log s from what is expected
    :param found: energy scale and J of every length
    """

    def likely(n: int) -> float:
        logs = (distances[n], math.log(found[n][0]))
        return found[n][1] + sum(math.log1p((x / width) ** 2) for x, width in zip(logs, WIDTHS, strict=True))

    return min(_minima(found), key=likely)


def _minima(found: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the finite minima of J on the grid, its ends among them."""
    scores = [math.inf, *(score for _, score in found), math.inf]
    return [n for n in range(len(found)) if scores[n + 1] < math.inf and scores[n + 1] <= min(scores[n], scores[n + 2])]


def _search(
    model: Potential, frames: Sequence[Frame], between: tuple[float, float], tolerance: float
) -> tuple[float, float, float]:
    """log s of the minimum of J between two values, the energy scale there, and J."""
    from scipy.optimize import minimize_scalar

    def value(x: float) -> tuple[float, float]:
        return _best_energy_scale(_moments(model, frames, math.exp(x)))

    x = float(minimize_scalar(lambda x: value(x)[1], bounds=between, method="bounded", options={"xatol": tolerance}).x)
    return (x, *value(x))


def _components(stress: np.ndarray) -> np.ndarray:
    """The six of a stress, GPa."""
    components: np.ndarray = 0.5 * (stress + stress.T)[VOIGT] * EV_PER_ANG3_IN_GPA
    return components


@dataclass(frozen=True)
class _Moments:
    """Second moments of model and reference for every kind of label at one length scale: mean of m^2, m y and y^2."""

    of: dict[str, tuple[float, float, float]]
    #: (n, S) shares of the species, and (n,) energies per atom of the model and the reference, where there are any.
    shares: np.ndarray
    energies: tuple[np.ndarray, np.ndarray]
    #: w of each kind; 1 where it has none.
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def terms(self) -> list[tuple[float, tuple[float, float, float], float]]:
        """Weight, moments and square of the resolution of every term of J."""
        found = [(self.weights.get(kind, 1.0), m, _resolution(kind, m)) for kind, m in self.of.items()]
        forces = self.of.get("forces", (0.0, 0.0, 0.0))[2]
        if found and "energy" not in self.of and forces <= RESOLUTION["forces"] ** 2:
            found.append((1.0, (1.0, 1.0, 1.0), WIDTHS[1] ** 2))
        return found

    def deviations(self, energy_scale: float) -> dict[str, float]:
        """Root-mean-square deviation of each kind in the units of its name."""
        return {
            ERRORS[kind].rmse: float(f"{ERRORS[kind].factor * math.sqrt(max(_square(moments, energy_scale), 0.0)):.5g}")
            for kind, moments in self.of.items()
        }

    def shift(self, energy_scale: float) -> np.ndarray:
        """Energy shift (S,) that goes with an energy scale."""
        model, reference = self.energies
        return np.linalg.lstsq(self.shares, reference - energy_scale * model, rcond=1e-10)[0]


def _moments(model: Potential, frames: Sequence[Frame], length: float) -> _Moments:
    """Of ``frames`` against ``model`` evaluated at 1 / ``length`` of their lengths."""
    graphs = [
        build_graph(model, Frame(f.positions / length, f.cell / length, f.pbc, f.atomic_numbers, source=f.source))
        for f in frames
    ]
    got = predict(model, graphs, virials=True)
    assert got.forces is not None and got.virials is not None
    counts = species_counts(graphs, len(model.species))
    atoms = counts.sum(axis=1)
    first = np.concatenate([[0], np.cumsum(atoms)]).astype(int)
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"energy": [], "forces": [], "stress": []}
    shares = []
    for n, frame in enumerate(frames):
        if frame.energy is not None:
            shares.append(counts[n] / atoms[n])
            pairs["energy"].append((got.energies[n : n + 1] / atoms[n], np.array([frame.energy / atoms[n]])))
        if frame.forces is not None:
            pairs["forces"].append((got.forces[first[n] : first[n + 1]] / length, frame.forces))
        if frame.stress is not None and frame.volume > 0.0:
            stress = -got.virials[n] / frame.volume
            pairs["stress"].append((_components(stress), _components(frame.stress)))
    # model and reference numbers of each kind, one vector each
    joined = {
        kind: (np.concatenate([np.ravel(m) for m, _ in of_kind]), np.concatenate([np.ravel(y) for _, y in of_kind]))
        for kind, of_kind in pairs.items()
        if of_kind
    }
    energies = joined.get("energy", (np.empty(0), np.empty(0)))
    share = np.array(shares).reshape(len(shares), counts.shape[1])
    weights = {"stress": len(pairs["stress"]) / (len(pairs["stress"]) + HALF)}
    if "energy" in joined:  # what the shifts can describe is taken out; a single frame tells nothing more
        free = [y - share @ np.linalg.lstsq(share, y, rcond=1e-10)[0] for y in energies]
        if len(share) > (rank := int(np.linalg.matrix_rank(share))):
            weights["energy"] = (len(share) - rank) / (len(share) - rank + HALF)
            joined["energy"] = (free[0], free[1])
        else:
            del joined["energy"]
    of = {k: (float(np.mean(m * m)), float(np.mean(m * y)), float(np.mean(y * y))) for k, (m, y) in joined.items()}
    return _Moments(of, share, energies, weights)


def _square(moments: tuple[float, float, float], energy_scale: float) -> float:
    mm, my, yy = moments
    return mm * energy_scale**2 - 2.0 * my * energy_scale + yy


def _score(moments: _Moments, energy_scale: float) -> float:
    """J at one energy scale."""
    return sum(w * math.log(max(_square(m, energy_scale), 0.0) + square) for w, m, square in moments.terms)


def _resolution(kind: str, moments: tuple[float, float, float]) -> float:
    """Square of the resolution of one kind of label, with the mean square of the labels."""
    return RESOLUTION[kind] ** 2 + SHARE**2 * moments[2]


def _best_energy_scale(moments: _Moments) -> tuple[float, float]:
    """The positive r at which J is lowest, and J there; infinite where there is no such minimum.

    With Q_k = a_k r^2 - 2 b_k r + c_k the derivative is dJ/dr = 2 sum over k of w_k (a_k r - b_k) / Q_k(r). It vanishes
    where the polynomial sum over k of w_k (a_k r - b_k) prod over the others of Q does.
    """
    terms = moments.terms
    squares = [np.polynomial.Polynomial([m[2] + square, -2.0 * m[1], m[0]]) for _, m, square in terms]
    slope = np.polynomial.Polynomial([0.0])
    for n, (weight, (a, b, _), _) in enumerate(terms):
        term = weight * np.polynomial.Polynomial([-b, a])
        for k, other in enumerate(squares):
            if k != n:
                term = term * (other / other.coef[0])
        slope = slope + term / squares[n].coef[0]
    roots = slope.trim().roots()
    real = [float(r.real) for r in np.atleast_1d(roots) if abs(r.imag) < 1e-6 * (1.0 + abs(r)) and r.real > 0.0]
    return min(((r, _score(moments, r)) for r in real), key=lambda pair: pair[1], default=(math.nan, math.inf))


def _network_in_float64(source: Potential) -> Potential:
    """The network of ``source`` alone, in double precision: single precision would limit the scales to 1e-4."""
    import copy

    return Potential(copy.deepcopy(source.network).double(), source.species)


def _evenly(frames: Sequence[Frame], most: int) -> list[Frame]:
    if len(frames) <= most:
        return list(frames)
    return [frames[i] for i in np.linspace(0, len(frames) - 1, most).round().astype(int)]
