"""Frames of isolated atoms, which tell the zero of the energy and nothing else.

They are recognised here alone, and left out of everything that is fitted or averaged per atom: the energy shift, the
loss, the errors, the search for clumps of energies.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.data.neighbours import neighbour_list, perpendicular_widths
from tlmlp.errors import TlmlpError

#: Å; atoms further apart than this do not feel each other.
REACH = 6.0
#: A frame of one atom in a group of such a name is isolated however small its cell is; the words of the name are joined,
#: without case, numbers and the symbol of the atom.
_NAMES = re.compile(r"(isolated|single|free|lone|vacuum|iso)?atoms?|isolated|e0s?")


def is_isolated(frame: Frame) -> bool:
    """Whether no two atoms of ``frame``, images included, are nearer than :data:`REACH`, or it is one atom that its
    group calls isolated."""
    if len(frame) == 1 and frame.group is not None and _calls_isolated(frame.group, int(frame.atomic_numbers[0])):
        return True
    if len(frame) > 8:
        return False  # so many isolated atoms are no data set's, and the search costs time
    if frame.pbc.all() and perpendicular_widths(frame.cell).min() < REACH:
        return False
    try:
        edges, _, _ = neighbour_list(frame.positions, frame.cell, frame.pbc, REACH)
    except TlmlpError:
        return False  # coinciding atoms, which are reported elsewhere
    return edges.shape[1] == 0


def _calls_isolated(group: str, number: int) -> bool:
    """Whether a frame of one atom, with this name of its group, is called isolated: IsolatedAtom, isolated-atom_Si, E0."""
    from ase.data import chemical_symbols

    words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", group).lower())
    kept = [word for word in words if not word.isdigit() and word != chemical_symbols[number].lower()]
    return _NAMES.fullmatch("".join(kept)) is not None


def isolated_mask(frames: Sequence[Frame]) -> np.ndarray:
    """(n_frames,) bool."""
    return np.array([is_isolated(frame) for frame in frames], dtype=bool)


def isolated_energies(frames: Sequence[Frame]) -> dict[str, float]:
    """eV of an isolated atom of each element that ``frames`` hold one of, by symbol; the mean where there are several.

    :raises TlmlpError: where two frames of one element differ by more than 0.05 eV
    """
    from ase.data import chemical_symbols

    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for frame in frames:
        if frame.energy is not None and len(set(frame.atomic_numbers.tolist())) == 1 and is_isolated(frame):
            symbol = chemical_symbols[int(frame.atomic_numbers[0])]
            found[symbol].append((frame.energy / len(frame), frame.source))
    energies = {}
    for symbol, entries in found.items():
        lowest, highest = min(entries), max(entries)
        if highest[0] - lowest[0] > 0.05:
            raise TlmlpError(
                f"the isolated atoms of {symbol} have energies from {lowest[0]:.6g} eV ({lowest[1]}) to "
                f"{highest[0]:.6g} eV ({highest[1]}); leave one, or give loss.isolated_energies (--isolated)"
            )
        energies[symbol] = float(np.mean([energy for energy, _ in entries]))
    return energies
