"""What a file marks as not computed or not to be counted: weights of zero, and numbers that stand for "none"; and the
uncertainties that it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tlmlp.data.notes import Notes
from tlmlp.errors import TlmlpError

#: Parts of the name of a weight or flag that tell which label it is about; a weight with none of them is about all.
_ABOUT = {"energy": ("energ",), "forces": ("forc",), "stress": ("stress", "virial")}
#: Names of weights that are about all labels of a frame, without "_" and "-".
_OF_FRAMES = {
    f"{of}weight{s}"
    for of in ("", "config", "configuration", "frame", "sample", "structure", "loss", "data", "training")
    for s in ("", "s")
}
#: Parts of the name of a flag that says whether a label is there or counts.
_FLAGS = ("mask", "has", "valid", "computed", "calculate", "calculated", "use", "available", "flag", "converged")
#: Names of flags that say whether the electrons of the whole frame converged, without "_" and "-".
_CONVERGED = {f"{of}converged{s}" for of in ("", "is", "scf", "dft", "electronic", "electronically", "electrons", "elec")
              for s in ("", "scf", "electronic", "electronically")}  # fmt: skip
#: Words of names of uncertainties.
_UNCERTAIN = (
    "sigma",
    "sigmas",
    "std",
    "stddev",
    "stdev",
    "uncertainty",
    "uncertainties",
    "unc",
    "err",
    "error",
    "errors",
    "var",
    "variance",
)
NOT_COUNTED = "{key} is {value}: taken as absent: {kind}"
NOT_USED = "{key} is neither 0 nor 1: weights in files are not used, give them to the data sets of the config"
UNCERTAINTY = "{key} is an uncertainty: those in files are not used, weights go to the data sets of the config"
PLACEHOLDER = "{name} = {value:g} stands for a label that was not computed: taken as absent"


def say_uncertainties(values: Mapping[str, Any], source: str, notes: Notes) -> None:
    """Say which entries are uncertainties of labels (energy_sigma, force_sigma, virial_std, ...): they are not used."""
    for key, value in values.items():
        words = _words(key)
        about = any(word.startswith(parts) for parts in _ABOUT.values() for word in words) or "config" in words
        if about and any(word in _UNCERTAIN for word in words) and np.asarray(value).dtype.kind in "if":
            notes.add(UNCERTAINTY.format(key=key), source)


def _words(key: str) -> list[str]:
    """ "energy_sigma", "energy-sigma" and "energySigma" in words without case."""
    return [word for word in re.split(r"[_\W]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()) if word]


def is_weight(key: str) -> bool:
    """Whether ``key`` names a weight of labels (config_weight, config_energy_weight, forces_weight, weight_virial)."""
    name = key.lower().replace("_", "").replace("-", "")
    return name in _OF_FRAMES or ("weight" in name and any(part in name for parts in _ABOUT.values() for part in parts))


def _of_convergence(key: str) -> bool:
    return key.lower().replace("_", "").replace("-", "") in _CONVERGED


def _is_flag(key: str, value: Any) -> bool:
    """Whether ``key`` says if a label is there (has_energy=F, forces_mask=0)."""
    if _of_convergence(key) and isinstance(value, str):
        return value.lower() in ("no", "yes")
    words = re.split(r"[_\W]+", key.lower())
    if not any(word in _FLAGS for word in words) and not _of_convergence(key):
        return False
    array = np.asarray(value)
    return array.dtype.kind == "b" or (array.dtype.kind in "if" and bool(np.isin(array, (0, 1)).all()))


def weightless(values: Mapping[str, Any], there: Callable[[str], bool], source: str, notes: Notes) -> set[str]:
    """Which of "energy", "forces" and "stress" have a weight of zero in ``values``, or a flag that says no.

    :param there: whether an entry called like that label is there at all
    :raises TlmlpError: where the atoms of a frame have different weights, some of them zero
    """
    absent: set[str] = set()
    for key, value in values.items():
        weight = is_weight(key)
        if not weight and not _is_flag(key, value):
            continue
        try:
            numbers = np.asarray(
                value.lower() == "yes" if isinstance(value, str) and not weight else value, dtype=float
            ).ravel()
        except (TypeError, ValueError):
            continue
        if not numbers.size or not np.isfinite(numbers).all():
            continue
        name = key.lower()
        kinds = {kind for kind, parts in _ABOUT.items() if any(part in name for part in parts)}
        kinds = {kind for kind in (kinds or (set(_ABOUT) if weight or _of_convergence(key) else ())) if there(kind)}
        if not kinds:
            continue
        if np.all(numbers == 0.0):
            absent |= kinds
            kind = ", ".join(kind for kind in _ABOUT if kind in kinds)
            notes.add(NOT_COUNTED.format(key=key, kind=kind, value=0 if weight else "F"), source)
        elif np.any(numbers == 0.0):
            raise TlmlpError(
                f"{source}: {key!r} is 0 for some atoms only; labels count for whole frames: take the frame out, or "
                "read it without that label (--no-forces)"
            )
        elif weight and np.any(numbers != 1.0):
            notes.add(NOT_USED.format(key=key), source)
    return absent


def is_placeholder(value: np.ndarray, name: str, source: str, notes: Notes) -> bool:
    """Whether all entries of the label ``value`` (beside zeros) are one number like -1e6 or 99999.

    :raises TlmlpError: where some entries are that, and others are not
    """
    flat = value.ravel()
    suspects = [x for x in flat[np.abs(flat) >= 9999.0].tolist() if _stands_for_none(x)]
    if not suspects:
        return False
    rest = flat[(flat != suspects[0]) & (flat != 0.0)]
    if rest.size:
        if value.size == 1:
            return False
        raise TlmlpError(
            f"{source}: {name!r} holds {suspects[0]:g} beside other numbers; is a part of it not computed?"
        )
    notes.add(PLACEHOLDER.format(name=name, value=suspects[0]), source)
    return True


def _stands_for_none(x: float) -> bool:
    """A power of ten from 1e5 on, or 9999, 99999, ... ."""
    size = abs(x)
    if not np.isfinite(size):
        return False
    power = round(np.log10(size))
    return (power >= 5 and size == 10.0**power) or (power >= 4 and size in (10.0**power - 1.0, 10.0**power - 0.01))
