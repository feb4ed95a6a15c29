"""Errors of a potential on labelled frames: overall and by group, with units in the names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tlmlp.data import Frame
from tlmlp.data.isolated import isolated_mask
from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.data.dataset import Graph, build_graph
from tlmlp.train.evaluation.predictions import Predictions, predict, species_counts
from tlmlp.train.model.modelfile import open_model
from tlmlp.train.optimise.losses import VOIGT
from tlmlp.units import EV_PER_ANG3_IN_GPA


class ErrorOf(NamedTuple):
    """How the errors of a label are called, and how they are shown."""

    name: str
    unit: str
    #: From the unit of the loss to this one.
    factor: float
    in_words: str
    digits: int

    @property
    def mae(self) -> str:
        """Key of the mean absolute error."""
        return f"{self.name}_mae_{self.unit}"

    @property
    def rmse(self) -> str:
        """Key of the root mean square error."""
        return f"{self.name}_rmse_{self.unit}"


#: By the names of the labels and of the terms of the loss.
ERRORS = {
    "energy": ErrorOf("energy", "mev_per_atom", 1e3, "meV/atom", 2),
    "forces": ErrorOf("force", "ev_per_ang", 1.0, "eV/Å", 4),
    "stress": ErrorOf("stress", "gpa", 1.0, "GPa", 3),
}
ERROR_KEYS = tuple(key for error in ERRORS.values() for key in (error.mae, error.rmse))


@dataclass(frozen=True)
class Comparison:
    """Reference and model side by side; a row without a label is NaN."""

    frames: list[Frame]
    #: (n_frames, 2) eV/atom: reference, model.
    energies: np.ndarray
    #: (sum of N, 3, 2) eV/Å.
    forces: np.ndarray
    #: (n_frames, 6, 2) GPa, ASE's Voigt order.
    stresses: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Comparison]) -> Comparison:
        """The frames of all ``parts`` in their order."""
        arrays = [field.name for field in fields(cls) if field.name != "frames"]
        return cls(
            [frame for part in parts for frame in part.frames],
            *(np.concatenate([getattr(part, name) for part in parts]) for name in arrays),
        )

    @cached_property
    def isolated(self) -> np.ndarray:
        """(n_frames,) bool: frames of isolated atoms, which :meth:`errors` leaves out."""
        return isolated_mask(self.frames)

    def errors(self, chosen: np.ndarray | None = None) -> dict[str, float | None]:
        """Errors over the frames with ``chosen`` (n_frames,) true, or over all, without those of isolated atoms; None
        where there are no labels.

        Energies per atom, each frame one sample; forces over all 3N components; stress over its six components.
        """
        return self._errors(~self.isolated if chosen is None else chosen & ~self.isolated)

    def isolated_errors(self) -> dict[str, float | None]:
        """The same over the frames of isolated atoms alone."""
        return self._errors(self.isolated)

    def _errors(self, chosen: np.ndarray) -> dict[str, float | None]:
        atoms = np.repeat(chosen, [len(frame) for frame in self.frames])
        energy = _differences(self.energies[chosen]) * 1e3
        force = _differences(self.forces[atoms])
        stress = _differences(self.stresses[chosen])
        return dict(
            zip(
                ERROR_KEYS,
                (_mae(energy), _rmse(energy), _mae(force), _rmse(force), _mae(stress), _rmse(stress)),
                strict=True,
            )
        )

    def summary(self) -> dict[str, Any]:
        """Errors overall and under ``groups`` by group, with the numbers of frames and atoms; frames of isolated atoms
        are in neither, but under ``isolated_atoms``."""
        groups = np.array([frame.group or "" for frame in self.frames])
        bound = ~self.isolated
        parts: dict[str, Any] = {
            str(name): {**self.errors(groups == name), **_sizes(self.frames, bound & (groups == name))}
            for name in sorted(set(groups[bound].tolist()) - {""})
        }
        summary: dict[str, Any] = {**self.errors(), **_sizes(self.frames, bound), "groups": parts}
        if self.isolated.any():
            summary["isolated_atoms"] = {**self.isolated_errors(), **_sizes(self.frames, self.isolated)}
        return summary


def _sizes(frames: Sequence[Frame], chosen: np.ndarray) -> dict[str, int]:
    return {"frames": int(chosen.sum()), "atoms": sum(len(f) for f, c in zip(frames, chosen, strict=True) if c)}


def _differences(pairs: np.ndarray) -> np.ndarray:
    difference = (pairs[..., 1] - pairs[..., 0]).ravel()
    return difference[~np.isnan(pairs[..., 0]).ravel()]


def _mae(x: np.ndarray) -> float | None:
    return float(np.abs(x).mean()) if len(x) else None


def _rmse(x: np.ndarray) -> float | None:
    return float(np.sqrt((x * x).mean())) if len(x) else None


def compare(frames: Sequence[Frame], counts: np.ndarray, predictions: Predictions, shift: np.ndarray) -> Comparison:
    """Set the labels of ``frames`` beside ``predictions`` with the energy ``shift`` (S,) eV/atom of the ``counts``
    (n_frames, S)."""
    atoms = counts.sum(axis=1)
    nan = float("nan")
    reference = np.array([nan if f.energy is None else f.energy for f in frames])
    forces = np.concatenate([np.full((len(f), 3), nan) if f.forces is None else f.forces for f in frames])
    stresses = np.full((len(frames), 6, 2), nan)
    for n, frame in enumerate(frames):
        if frame.stress is not None and frame.volume > 0.0 and predictions.virials is not None:
            for k, stress in enumerate((frame.stress, -predictions.virials[n] / frame.volume)):
                stresses[n, :, k] = 0.5 * (stress + stress.T)[VOIGT] * EV_PER_ANG3_IN_GPA
    model_forces = np.full_like(forces, nan) if predictions.forces is None else predictions.forces
    return Comparison(
        list(frames),
        np.stack([reference, predictions.energies + counts @ shift], axis=1) / atoms[:, None],
        np.stack([forces, model_forces], axis=2),
        stresses,
    )


def compare_potential(
    potential: Potential, frames: Sequence[Frame], advance: Callable[[int], object] = lambda n: None
) -> Comparison:
    """Evaluate ``potential`` on ``frames``; ``advance(n)`` is called after n more frames are done.

    :raises TlmlpError: without frames, or on elements that the potential does not know
    """
    if not frames:
        raise TlmlpError("no frames to evaluate on")
    parts, counts = [], []
    for start in range(0, len(frames), 32):
        graphs: list[Graph] = [build_graph(potential, frame) for frame in frames[start : start + 32]]
        parts.append(predict(potential, graphs, virials=True))
        counts.append(species_counts(graphs, len(potential.species)))
        advance(len(graphs))
    together = Predictions(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("energies", "forces", "virials"))
    )
    return compare(frames, np.concatenate(counts), together, potential.energy_shift.numpy())


def evaluate(
    model: Potential | str | os.PathLike[str], frames: Sequence[Frame] | str | os.PathLike[str], route: str = "ops"
) -> dict[str, Any]:
    """Errors of a model on labelled frames.

    :param model: a potential, a run directory or a model file
    :param frames: frames or a file of them
    :param route: for a model that is opened here
    :return: ``energy_mae_mev_per_atom``, ``energy_rmse_mev_per_atom``, ``force_mae_ev_per_ang``,
        ``force_rmse_ev_per_ang`` (over 3N components), ``stress_mae_gpa``, ``stress_rmse_gpa`` (over six components), None without labels;
        ``frames`` and ``atoms``; the same by group under ``groups``, and of isolated atoms under ``isolated_atoms``
    :raises TlmlpError: when model or data cannot be read, or hold different elements
    """
    from tlmlp.data import read_frames

    potential = model if isinstance(model, Potential) else open_model(model, route=route)[0]
    if isinstance(frames, (str, os.PathLike)):
        frames = read_frames(frames)
    return compare_potential(potential, frames).summary()
