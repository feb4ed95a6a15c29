"""Before a training: can it learn anything from these frames, and with this cutoff?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from tlmlp.data import Frame, neighbour_list
from tlmlp.data.copies import families
from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.config.sections import TERMS

if TYPE_CHECKING:
    from tlmlp.train.config.sections import LossSection
    from tlmlp.train.evaluation.evaluation_set import EvaluationSet

#: Å; how far to look for the neighbours that a short cutoff misses.
LOOK = 6.0
#: Share of atoms without a neighbour from which the cutoff is called short, and the shortest cutoff over the usual
#: nearest distance.
LONELY, NEAREST = 0.05, 1.2
#: Frames that are looked at for that.
SAMPLE = 40


def training_warnings(potential: Potential, evaluation_set: EvaluationSet, loss: LossSection) -> list[str]:
    """What the training on ``evaluation_set`` cannot learn, in words.

    :raises TlmlpError: where it can learn nothing at all
    """
    _refuse_nothing_to_learn(evaluation_set.frames, loss)
    warnings = []
    forces = [frame.forces for frame in evaluation_set.frames if frame.forces is not None]
    if loss.uses("forces") and forces and max(float(np.abs(f).max()) for f in forces) < 1e-6:
        warnings.append(
            "all reference forces are zero: forces teach the model that every frame is at rest, and no more"
        )
    absent = [symbol for n, symbol in enumerate(potential.species) if not evaluation_set.counts[:, n].any()]
    if absent:
        warnings.append(
            f"model.species names {', '.join(absent)}, but no training frame holds it: nothing is learnt about it, and "
            "its embedding keeps the weights that it begins with"
        )
    short = _short_cutoff(potential.cutoff, evaluation_set)
    return warnings if short is None else [*warnings, short]


def _refuse_nothing_to_learn(frames: Sequence[Frame], loss: LossSection) -> None:
    """Forces that are zero by symmetry whatever the model is, and an energy that the shift takes up alone."""
    fitted = list(filter(loss.uses, TERMS))
    if fitted == ["forces"] and all(len(frame) == 1 for frame in frames):
        raise TlmlpError(
            "nothing can be learnt: the loss fits forces alone, and every training frame is a cell of one atom, whose "
            "force is zero by symmetry in any model; add loss.energy or loss.stress, or frames of several atoms"
        )
    different = len(set(families([frame for frame in frames if frame.energy is not None])))
    if fitted == ["energy"] and different < 2:
        raise TlmlpError(
            f"nothing can be learnt: the loss fits energies alone, {different} geometry among the training frames has one, "
            "and the energy shift takes that up; add frames, or loss.forces"
        )


def refuse_all_frozen(factors: Tensor | None) -> None:
    """:class:`TlmlpError` where the ``factors`` on the learning rates in the last update are all zero."""
    if factors is not None and not bool(factors.any()):
        raise TlmlpError(
            "nothing can be learnt: the section transfer freezes every parameter, or its learning_rates are zero; leave a "
            "group free, for example output"
        )


def _short_cutoff(cutoff: float, evaluation_set: EvaluationSet) -> str | None:
    atoms = lonely = 0
    for graph in evaluation_set.graphs:
        if graph.n_edges:
            atoms += graph.n_atoms
            lonely += int((np.bincount(graph.edge_index[1].numpy(), minlength=graph.n_atoms) == 0).sum())
    nearest = _nearest_distances(evaluation_set.frames[:: max(1, len(evaluation_set.frames) // SAMPLE)])
    if not len(nearest) or not atoms:
        return None
    usual = float(np.median(nearest))
    if lonely <= LONELY * atoms and cutoff >= NEAREST * usual:
        return None
    return (
        f"model.cutoff is {cutoff:g} Å, and the nearest neighbour of an atom is usually {usual:.2f} Å away: "
        f"{100.0 * lonely / atoms:.0f} % of the atoms have no neighbour within the cutoff; two to three times that "
        "distance is usual"
    )


def _nearest_distances(frames: Sequence[Frame]) -> np.ndarray:
    """Å, of each atom that has a neighbour nearer than :data:`LOOK`."""
    found = []
    for frame in frames:
        index, vector, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, LOOK)
        nearest = np.full(len(frame), np.inf)
        np.minimum.at(nearest, index[1], np.linalg.norm(vector, axis=1))
        found.append(nearest[np.isfinite(nearest)])
    return np.concatenate(found) if found else np.empty(0)
