"""The short-range repulsion that a training gives its model, and that ``tlmlp wall`` gives to one that has none.

A network knows nothing of distances that its data do not have: its energy there is arbitrary, often flat or falling.
The ZBL repulsion (:mod:`tlmlp.models.zbl`) takes over where the data end. Its outer radius is at most the smallest
distance in the training data, so it is zero on all of them: the network is trained as it would be without, and a model
that is transferred begins with the numbers of its source. Data without close pairs (a crystal at rest) say little about
where the wall belongs; there the radius follows the bond.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlmlp.console import console
from tlmlp.data import Frame, read_frames
from tlmlp.errors import TlmlpError
from tlmlp.models import Potential
from tlmlp.train.config.sections import ZblSection
from tlmlp.train.data.dataset import edges_of
from tlmlp.train.model.modelfile import open_model

#: The wall begins at this share of the bond at most, and is a bare ZBL repulsion below the same share of that radius.
SHARE = 0.85

Radii = dict[str, float]


def nearest_distances(frames: Sequence[Frame], cutoff: float) -> np.ndarray:
    """Å; the distance to its nearest neighbour of every atom of ``frames`` that has one within ``cutoff``.

    :raises TlmlpError: whatever the neighbour list refuses
    """
    found = [np.zeros(0)]
    for frame in frames:
        index, vector = edges_of(frame, cutoff)
        nearest = np.full(len(frame), np.inf)
        np.minimum.at(nearest, index[1], np.linalg.norm(vector, axis=1))
        found.append(nearest[np.isfinite(nearest)])
    return np.concatenate(found)


def wall_radii(
    atomic_numbers: Sequence[int], cutoff: float, nearest: np.ndarray, smallest: float | None = None
) -> Radii:
    """``inner`` and ``outer`` (Å) of the wall: 0.85 of the bond, at most the smallest distance of the data, at most the
    cutoff; and 0.85 of that.

    The bond is the shortest sum of two covalent radii (Cordero et al., Dalton Trans. 2008, 2832, as in ASE), or the mean
    distance of the atoms to their nearest neighbours, whichever is less: in metals the radii are the longer.

    :param nearest: of :func:`nearest_distances`; empty where the data are not available
    :param smallest: Å, smallest distance in the data, where it is known without them
    """
    from ase.data import covalent_radii

    bonds = [2.0 * min(float(covalent_radii[z]) for z in atomic_numbers)]
    limits = [cutoff]
    if smallest is not None:
        limits.append(smallest)
    if len(nearest):
        bonds.append(float(nearest.mean()))
        limits.append(float(nearest.min()))
    outer = round(min(SHARE * min(bonds), *limits) - 5e-4, 3)  # downwards: nothing of it reaches the data
    return {"inner": round(SHARE * outer, 3), "outer": outer}


def chosen_wall(asked: ZblSection | str, potential: Potential, frames: Sequence[Frame]) -> Radii | None:
    """What ``model.zbl`` means for a training of ``potential`` on ``frames``: the radii given, None for ``none``, and
    for ``auto`` those of :func:`wall_radii`."""
    if isinstance(asked, ZblSection):
        return asked.model_dump()
    if asked == "none":
        return None
    nearest = nearest_distances(frames, potential.cutoff)
    return wall_radii(potential.atomic_numbers, potential.cutoff, nearest)


def transferred_wall(
    asked: ZblSection | str,
    potential: Potential,
    frames: Sequence[Frame],
    source: Potential,
    smallest: float | None,
) -> Radii | None:
    """The same for a transfer from ``source``, whose data had the smallest distance ``smallest`` (Å; None: unknown), to
    ``potential``, which has the source's radii times the length scale of the transfer.

    With ``auto`` the new model gets the wall of its own elements and data, as from scratch. Only where the source's own
    repulsion reached into its data, and so is a part of what its network learnt to complete, these are kept.
    """
    own = source.zbl_radii
    if asked == "auto" and own is not None and (smallest is None or own["outer"] > smallest):
        return potential.zbl_radii
    return chosen_wall(asked, potential, frames)


def add_wall(
    model: Path, out: Path, *, radii: Radii | None = None, remove: bool = False, data: Sequence[Path] = ()
) -> Radii | None:
    """Write ``model`` to ``out`` as an exported model with a wall, or without; returns its radii.

    :param radii: ``inner`` and ``outer`` (Å); left out: those of :func:`wall_radii` for its elements, the smallest
        distance that it was trained on, and ``data``
    :param remove: take the repulsion away
    :raises TlmlpError: when the model or the data cannot be read, and on radii that do not fit
    """
    from tlmlp.export import export_model
    from tlmlp.export.header import describe_zbl

    if remove and radii is not None:
        raise TlmlpError("give the radii of the repulsion, or take it away, not both")
    potential, metadata = open_model(model)
    if radii is None and not remove:
        frames = [frame for file in data for frame in read_frames(file)]
        nearest = nearest_distances(frames, potential.cutoff)
        radii = wall_radii(potential.atomic_numbers, potential.cutoff, nearest, metadata.get("min_distance"))
    before = potential.zbl_radii
    potential.set_zbl(radii)
    about = {"before": before, "files": [file.name for file in data]}
    provenance = {**(metadata.get("provenance") or {}), "zbl": about}
    export_model(potential, out, {**metadata, "provenance": provenance})
    console.print(f"{out}: short-range repulsion {describe_zbl(radii)}, before: {describe_zbl(before)}")
    return radii
