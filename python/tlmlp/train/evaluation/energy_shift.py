"""The energy per atom of each species that is added to the network's, which forces alone leave open.

``least-squares``: over the species, of reference minus network energies per atom (for one species their mean);
``mean``: the mean of those, the same for all species; ``isolated``: given energies of isolated atoms; ``none``: zero.

A fit changes the shifts that the frames determine, and no others. An element that no frame holds keeps its shift. Where
the compositions leave a combination of shifts open, they are as equal to one another as they can be.
:func:`what_is_determined` says so in words, and is called before every fit that a user asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tlmlp.data import Frame
from tlmlp.errors import TlmlpError
from tlmlp.text import counted

MODES = ("least-squares", "mean", "isolated", "none")
FITTED = ("least-squares", "mean")
#: Singular values of the compositions (fractions of the species) over the largest one. Below the first the compositions
#: are the same, to rounding; below the second they are so nearly the same that an error of 1 meV/atom becomes 1 eV;
#: below the third the factor is said.
SAME, NEARLY_SAME, ALIKE = 1e-6, 1e-3, 1e-2


def find_energy_shift(
    mode: str,
    species: Sequence[str],
    counts: np.ndarray,
    network_energies: np.ndarray,
    frames: Sequence[Frame],
    isolated: Mapping[str, float] | None = None,
    *,
    bound: np.ndarray | None = None,
    before: np.ndarray | None = None,
) -> np.ndarray:
    """Shift (S,) in eV/atom.

    :param counts: (n_frames, S) atoms of each species in each frame
    :param network_energies: (n_frames,) eV, without a shift
    :param frames: with reference energies; those without are left out, and without any the shift is ``before``
    :param isolated: eV of an isolated atom of each species, for that mode
    :param bound: (n_frames,) bool, false for frames of isolated atoms, which are left out of fits
    :param before: (S,) eV/atom that undetermined elements keep, zero unless given
    :raises TlmlpError: when an isolated atom's energy is missing, or the mode is unknown
    """
    if mode in FITTED:
        bound = np.ones(len(frames), dtype=bool) if bound is None else bound
        kept = [frame for frame, take in zip(frames, bound, strict=True) if take]
        counts, network_energies = counts[bound], network_energies[bound]
        before = np.zeros(len(species)) if before is None else before
        if mode == "least-squares":
            return fit_energy_shift(counts, network_energies, kept, before)
        together = fit_energy_shift(counts.sum(axis=1, keepdims=True), network_energies, kept, before[:1])
        return np.where(_held(counts, kept), together, before)
    if mode == "none":
        return np.zeros(len(species))
    if mode != "isolated":
        raise TlmlpError(f"the energy shift is one of {', '.join(MODES)}, got {mode!r}")
    energies = dict(isolated or {})
    missing = [symbol for symbol in species if symbol not in energies]
    if missing:
        raise TlmlpError(
            f"the energy of an isolated atom is needed for each of {', '.join(species)}; {', '.join(missing)} missing: "
            "give it (loss.isolated_energies, --isolated), or have a frame of one atom without neighbours among the data"
        )
    return np.array([float(energies[symbol]) for symbol in species])


def fit_energy_shift(
    counts: np.ndarray, network_energies: np.ndarray, frames: Sequence[Frame], before: np.ndarray | None = None
) -> np.ndarray:
    """Shift per species (S,) in eV/atom: least squares of the reference energies per atom minus the network's.

    For one species that is the mean difference per atom. Frames without an energy are left out; elements that none of
    the others holds keep ``before``. Where the compositions do not determine it, the shifts are as equal to one another
    as they can be.
    """
    shift = np.zeros(counts.shape[1]) if before is None else np.array(before, dtype=float)
    known = np.array([frame.energy is not None for frame in frames], dtype=bool)
    if not known.any():
        return shift
    atoms = counts[known].sum(axis=1)
    reference = np.array([frame.energy for frame in frames if frame.energy is not None])
    difference = (reference - network_energies[known]) / atoms
    mean = difference.mean()
    held = _held(counts, frames)
    if held.sum() == 1:
        shift[held] = mean
        return shift
    fractions = counts[known][:, held] / atoms[:, None]
    shift[held] = mean + np.linalg.lstsq(fractions, difference - mean, rcond=NEARLY_SAME)[0]
    return shift


def _held(counts: np.ndarray, frames: Sequence[Frame]) -> np.ndarray:
    """(S,) bool: species that a frame with an energy holds."""
    known = np.array([frame.energy is not None for frame in frames], dtype=bool)
    return counts[known].sum(axis=0) > 0


def what_is_determined(
    mode: str, species: Sequence[str], counts: np.ndarray, frames: Sequence[Frame], bound: np.ndarray
) -> list[str]:
    """What a fit of the shift on these frames says about its rank, in words; empty for a mode that fits nothing.

    :param counts: (n_frames, S) atoms of each species in each frame
    :param bound: (n_frames,) bool, false for frames of isolated atoms
    :raises TlmlpError: where the compositions are so nearly the same that the shifts would be noise
    """
    if mode not in FITTED:
        return []
    take = bound & np.array([frame.energy is not None for frame in frames], dtype=bool)
    if not take.any():
        return []
    counts = counts[take]
    held = counts.sum(axis=0) > 0
    names = [symbol for symbol, there in zip(species, held, strict=True) if there]
    lines = []
    absent = [symbol for symbol, there in zip(species, held, strict=True) if not there]
    rank, ratio = 1, 1.0
    if mode == "least-squares" and len(names) > 1:
        fractions = counts[:, held] / counts.sum(axis=1, keepdims=True)
        _, sizes, rows = np.linalg.svd(fractions, full_matrices=True)
        ratios = np.zeros(len(names))
        ratios[: len(sizes)] = sizes / sizes[0]
        rank = int((ratios > SAME).sum())
        ratio = float(ratios[rank - 1])
        if ratio < NEARLY_SAME:
            apart = ", ".join(n for n, c in zip(names, rows[rank - 1], strict=True) if abs(c) > 0.1)
            raise TlmlpError(
                f"the frames hardly tell the energy shifts of {apart} apart: an error of 1 meV/atom in their energies "
                f"would change a shift by {1e-3 / ratio:.2g} eV/atom; use the mode mean (loss.energy_shift: mean, "
                "--mode mean), or energies of isolated atoms"
            )
    fitted = len(names) if mode == "least-squares" else 1
    what = f"{', '.join(names)}" if mode == "least-squares" else f"{', '.join(names)}, one value for all"
    line = f"energy shift of {what}: {counted(len(counts), 'frame')} with energies, rank {rank} of {fitted}"
    if rank < fitted:
        line += (
            f"; {fitted - rank} combination{'s' * (fitted - rank > 1)} of shifts cannot be told from these compositions, so "
            "the shifts are as equal as they can be: energies of other compositions are not to be compared"
        )
    elif ratio < ALIKE:
        line += f"; compositions are so alike that an error of the energies counts {1.0 / ratio:.0f}-fold in a shift"
    lines.append(line)
    if absent:
        lines.append(f"energy shift of {', '.join(absent)}: no frame with an energy holds it, so it stays as it is")
    return lines
