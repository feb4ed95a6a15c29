"""Which entry of a file is the energy, the forces, the stress: named by the user, or found among common spellings.

A label is never guessed: two candidates with different numbers, or an unknown name that looks like a misspelt label,
are refused with the keys that were seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError

SPELLINGS = {
    "energy": (
        "REF_energy",
        "energy",
        "ref_energy",
        "dft_energy",
        "DFT_energy",
        "Energy",
        "total_energy",
        "potential_energy",
        "energy_dft",
        "TotEnergy",
    ),
    "forces": (
        "REF_forces",
        "forces",
        "REF_force",
        "ref_forces",
        "dft_forces",
        "DFT_forces",
        "dft_force",
        "Forces",
        "force",
        "Force",
        "forces_dft",
    ),
    "stress": ("REF_stress", "stress", "ref_stress", "dft_stress", "DFT_stress", "Stress"),
    "virial": ("REF_virial", "REF_virials", "virial", "virials", "dft_virial", "DFT_virial", "dft_virials"),
}
#: An unknown key with this in its name, where the label itself is missing, is taken for a misspelling.
LOOKS_LIKE = {"energy": ("energ",), "forces": ("forc",), "stress": ("stress",), "virial": ("virial",)}
#: What ASE calculators give beside the labels; never mistaken for one.
NOT_A_LABEL = {
    "free_energy",
    "energies",
    "stresses",
    "energy_sigma",
    "force_sigma",
    "virial_sigma",
    "stress_sigma",
    "energy_per_atom",
    "energy_weight",
    "forces_weight",
    "force_weight",
    "stress_weight",
    "virial_weight",
    "energy_std",
    "config_energy_weight",
    "config_forces_weight",
    "config_stress_weight",
    "REF_free_energy",
}


def find_label(kind: str, values: Mapping[str, Any], key: str | None, source: str) -> str | None:
    """Name of the entry of ``values`` that holds ``kind`` ("energy", "forces", "stress" or "virial"), or None.

    ``key`` names it outright. Raises :class:`TlmlpError` where that key is absent, where several spellings with
    different numbers are there, and where only something like a misspelling is.
    """
    seen = "keys seen: " + (", ".join(sorted(values)) or "none")
    if key is not None:
        if key not in values:
            raise TlmlpError(f"{source}: no {kind} under the key {key!r}; {seen}")
        return key
    found = [name for name in SPELLINGS[kind] if name in values]
    if not found:
        suspects = [
            name
            for name in values
            if name not in NOT_A_LABEL and any(part in name.lower() for part in LOOKS_LIKE[kind])
        ]
        if suspects:
            option = "stress_key" if kind == "virial" else f"{kind}_key"
            raise TlmlpError(
                f"{source}: no {kind} under a known name, but {', '.join(map(repr, suspects))}; "
                f"if that is it, name it with {option}; {seen}"
            )
        return None
    first = np.asarray(values[found[0]]).ravel()
    for other in found[1:]:
        if not np.array_equal(first, np.asarray(values[other]).ravel()):
            raise TlmlpError(
                f"{source}: {kind} is ambiguous, {', '.join(map(repr, found))} differ; name one with {kind}_key; {seen}"
            )
    return found[0]


def stress_matrix(value: Any, key: str, source: str) -> np.ndarray:
    """(3, 3) stress from six numbers in ASE's Voigt order (xx yy zz yz xz xy), nine numbers, or a matrix."""
    value = np.asarray(value, dtype=float)
    if value.size == 6:
        xx, yy, zz, yz, xz, xy = value.ravel()
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if value.size != 9:
        raise TlmlpError(f"{source}: {key!r} must have 6 or 9 numbers, got {value.size}")
    matrix = value.reshape(3, 3)
    # NaN and infinity are refused, with their place, by the frame.
    if np.isfinite(matrix).all() and not np.allclose(matrix, matrix.T, atol=1e-6 + 1e-4 * abs(matrix).max()):
        raise TlmlpError(f"{source}: {key!r} must be symmetric, got {matrix.tolist()}")
    return 0.5 * (matrix + matrix.T)
