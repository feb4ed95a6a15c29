"""Weights of energies and stresses in the loss, from the scales of the data.

sigma_F is the root mean square of the force components (eV/Å), and sigma_S that of the stress components (GPa). sigma_E
is the standard deviation of the energies per atom about what the composition explains (eV/atom). The weights are

    w_E = 2 (sigma_F / sigma_E)^2,  between 5 and 50        w_S = (sigma_F / sigma_S)^2 / 20,  between 0.001 and 0.005

beside w_F = 1: in units of what the labels vary by, energies count twice as much as forces and stresses a twentieth.
The bounds speak where few frames say little: one frame has no spread of energies, a perfect crystal no forces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlmlp.data import Frame
from tlmlp.errors import TlmlpError
from tlmlp.train.config.sections import TERMS, LossSection
from tlmlp.train.optimise.losses import VOIGT
from tlmlp.units import EV_PER_ANG3_IN_GPA

#: (share, smallest, largest weight) of energies and stresses.
ENERGY = (2.0, 5.0, 50.0)
STRESS = (0.05, 1e-3, 5e-3)


def weighted(loss: LossSection, frames: Sequence[Frame]) -> LossSection:
    """``loss`` with numbers in the place of ``auto``: zero where none of ``frames`` has that label.

    :raises TlmlpError: when nothing is left to fit
    """
    scales = label_scales(frames)
    found = {}
    for term, (share, low, high) in (("energy", ENERGY), ("stress", STRESS)):
        if getattr(loss, term) != "auto":
            continue
        scale = scales[term]
        if scale is None:
            found[term] = 0.0
        elif scale == 0.0:
            found[term] = low
        else:
            found[term] = float(f"{np.clip(share * (scales['forces'] or 0.0) ** 2 / scale**2, low, high):.4g}")
    loss = loss.model_copy(update=found)
    if not any(map(loss.uses, TERMS)):
        raise TlmlpError(
            "there is nothing to fit: the weight of the forces is zero, and the frames have no other labels"
        )
    return loss


def label_scales(frames: Sequence[Frame]) -> dict[str, float | None]:
    """sigma_F, sigma_E and sigma_S under ``forces``, ``energy`` and ``stress``; None where no frame has the label."""
    forces = [f.forces.ravel() for f in frames if f.forces is not None]
    stresses = [
        (0.5 * (f.stress + f.stress.T))[VOIGT] * EV_PER_ANG3_IN_GPA
        for f in frames
        if f.stress is not None and f.volume > 0.0
    ]
    known = [f for f in frames if f.energy is not None]
    elements = sorted({int(z) for f in known for z in f.atomic_numbers})
    energy = None
    if known:
        shares = np.array([[np.mean(f.atomic_numbers == z) for z in elements] for f in known])
        per_atom = np.array([f.energy / len(f) for f in known if f.energy is not None])
        mean = per_atom.mean()
        left = per_atom - mean - shares @ np.linalg.lstsq(shares, per_atom - mean, rcond=1e-10)[0]
        free = len(known) - np.linalg.matrix_rank(shares)
        energy = float(np.sqrt((left**2).sum() / free)) if free > 0 else 0.0
    return {"forces": _rms(forces), "energy": energy, "stress": _rms(stresses)}


def unused_labels(loss: LossSection, frames: Sequence[Frame]) -> list[str]:
    """Kinds of labels that ``frames`` have and ``loss`` (without ``auto``) leaves out."""
    there = label_scales(frames)
    return [term for term, scale in there.items() if scale is not None and not loss.uses(term)]


def _rms(parts: Sequence[np.ndarray]) -> float | None:
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2))) if parts else None
