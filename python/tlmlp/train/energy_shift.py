"""The energy per atom of each species that is added to the network's, which forces alone leave open.

``least-squares``: over the species, of reference minus network energies per atom (for one species their mean);
``mean``: the mean of those, the same for all species; ``isolated``: given energies of isolated atoms; ``none``: zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tlmlp.data import Frame
from tlmlp.errors import TlmlpError

MODES = ("least-squares", "mean", "isolated", "none")


def find_energy_shift(
    mode: str,
    species: Sequence[str],
    counts: np.ndarray,
    network_energies: np.ndarray,
    frames: Sequence[Frame],
    isolated: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Shift (S,) in eV/atom.

    :param counts: (n_frames, S) atoms of each species in each frame
    :param network_energies: (n_frames,) eV, without a shift
    :param frames: with reference energies; those without are left out, and without any the shift is zero
    :param isolated: eV of an isolated atom of each species, for that mode
    :raises TlmlpError: when an isolated atom's energy is missing, or the mode is unknown
    """
    if mode == "least-squares":
        return fit_energy_shift(counts, network_energies, frames)
    if mode == "mean":
        return fit_energy_shift(counts.sum(axis=1, keepdims=True), network_energies, frames).repeat(len(species))
    if mode == "none":
        return np.zeros(len(species))
    if mode != "isolated":
        raise TlmlpError(f"the energy shift is one of {', '.join(MODES)}, got {mode!r}")
    energies = dict(isolated or {})
    missing = [symbol for symbol in species if symbol not in energies]
    if missing:
        raise TlmlpError(
            f"the energy of an isolated atom is needed for each of {', '.join(species)}; {', '.join(missing)} missing"
        )
    return np.array([float(energies[symbol]) for symbol in species])


def fit_energy_shift(counts: np.ndarray, network_energies: np.ndarray, frames: Sequence[Frame]) -> np.ndarray:
    """Shift per species (S,) in eV/atom: least squares of the reference energies per atom minus the network's.

    For one species that is the mean difference per atom. Frames without an energy are left out; without any the shift
    is zero. Where the compositions do not determine it, the shifts are as equal to one another as they can be.
    """
    known = np.array([frame.energy is not None for frame in frames])
    if not known.any():
        return np.zeros(counts.shape[1])
    atoms = counts[known].sum(axis=1)
    reference = np.array([frame.energy for frame in frames if frame.energy is not None])
    difference = (reference - network_energies[known]) / atoms
    mean = difference.mean()
    if counts.shape[1] == 1:
        return np.array([mean])
    fractions = counts[known] / atoms[:, None]
    return mean + np.linalg.lstsq(fractions, difference - mean, rcond=1e-10)[0]
