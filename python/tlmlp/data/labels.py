"""Which entry of a file is the energy, the forces, the stress: named by the user, or found among common spellings.

A label is never guessed. Two entries for one quantity must agree. An unknown name that looks like a misspelt label is
refused with the keys that were seen. What a file marks as not computed is absent. Names count without their case and
without "_" and "-". A flag, a setting, or an entry of another shape is no label.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from tlmlp.data.absent import is_placeholder, is_weight, say_uncertainties, weightless
from tlmlp.data.frame import LABELS
from tlmlp.data.image import Image
from tlmlp.data.notes import Notes
from tlmlp.data.stated import Stated, stated_units
from tlmlp.errors import TlmlpError

KINDS = tuple(LABELS)
#: Names without case, "_" and "-", the ones that are preferred first.
SPELLINGS = {
    "energy": ("refenergy", "energy", "dftenergy", "totalenergy", "potentialenergy", "energydft", "energyref",
               "totenergy", "totalenergydft", "etot", "toten"),
    "free energy": ("reffreeenergy", "freeenergy", "dftfreeenergy"),
    "energy per atom": ("refenergyperatom", "energyperatom", "dftenergyperatom"),
    "forces": ("refforces", "forces", "refforce", "dftforces", "dftforce", "force", "forcesdft", "forcesref",
               "forcedft", "forceref"),
    "stress": ("refstress", "stress", "dftstress", "stressdft", "stressref"),
    "virial": ("refvirial", "refvirials", "virial", "virials", "dftvirial", "dftvirials", "virialdft", "virialref"),
}  # fmt: skip
#: Entries that the label can come from, as plain names with their rank.
_RANK = {kind: {spelling: n for n, spelling in enumerate(names)} for kind, names in SPELLINGS.items()}
_SPELLINGS_OF = {
    "energy": {*_RANK["energy"], *_RANK["free energy"], *_RANK["energy per atom"]},
    "forces": set(_RANK["forces"]),
    "stress": {*_RANK["stress"], *_RANK["virial"]},
}
_ALL_SPELLINGS = set().union(*_SPELLINGS_OF.values())
#: An unknown name with this in it, where the label itself is missing, is taken for a misspelling.
LOOKS_LIKE = {"energy": ("energ",), "forces": ("forc",), "stress": ("stress", "virial")}
#: So is one that is as alike to one of these as this, and one that is another word for the label.
ALIKE_TO = {"energy": ("energy",), "forces": ("forces", "force"), "stress": ("stress", "virial")}
ALIKE = 0.8
OTHER_WORDS = {
    "energy": ("e", "e0", "u0", "etotal", "etot", "epot", "escf", "pe", "poteng"),
    "forces": ("f", "frc", "fxyz"),
    "stress": (),
}
#: Minus the forces.
GRADIENTS = ("grad", "grads", "gradient", "gradients")
#: Unless one of these is in it too: a setting, an uncertainty, a prediction, or another quantity.
ANOTHER_THING = (
    "weight", "sigma", "std", "var", "err", "unc", "cut", "tol", "thresh", "conv", "unit", "mask", "kinetic", "fermi",
    "level", "peratom", "correction", "dispersion", "entropy", "gap", "formation", "binding", "cohesive", "adsorption",
    "hull", "reaction", "zeropoint", "max", "mean", "rms", "norm", "shift", "scale", "atomi", "local", "grid", "step",
    "constant", "field", "smear", "width", "window", "range", "spacing", "temp", "ensemble", "pred", "energies", "stresses", "virialstresses",
)  # fmt: skip
#: Virial and stress, and energies and forces under two names, must agree to this share of the largest number.
AGREE = {"energy": 1e-6, "forces": 1e-4, "stress": 1e-2}
FREE_ENERGY = "the energy is the free energy, which the forces belong to; 'energy' differs by up to {:.3g} meV/atom"
ONLY_FREE_ENERGY = "the energy is read from 'free_energy'"
PER_ATOM = "the energy is read from an energy per atom, times the number of atoms"
VOIGT_ORDER = "six numbers of the stress are read as xx yy zz yz xz xy"


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """``name`` without case, "_" and "-"."""
    return name.lower().replace("_", "").replace("-", "")


def read_labels(
    image: Image,
    keys: Mapping[str, str | None],
    without: Collection[str],
    require: Collection[str],
    notes: Notes,
) -> tuple[dict[str, Any], Stated]:
    """``energy`` (eV), ``forces`` (n, 3) eV/Å and ``stress`` (3, 3) eV/Å^3 of ``image``, None where absent, and the
    units that the file states (the caller converts the lengths).

    :param keys: names given by the user, by label
    :param without: labels that the user says are not there
    :param require: labels that must be there; only their absence under any name is reported here, with the keys seen
    :raises TlmlpError: for missing named keys, labels that disagree, misspellings, wrong shapes
    """
    values, source, n = image.values, image.source, len(image.positions)
    units = stated_units(values, source, notes)
    say_uncertainties(values, source, notes)
    absent = weightless(values, lambda kind: _is_named(kind, values, keys[kind]), source, notes) | set(without)
    volume = image.volume * units.length**3
    labels: dict[str, Any] = dict.fromkeys(KINDS)
    for kind in KINDS:
        if kind in absent:
            continue
        if kind == "energy":
            labels[kind] = _energy(values, keys[kind], n, units, source, notes)
        elif kind == "stress":
            labels[kind] = _stress(image, keys[kind], volume, units, notes)
        else:
            found = _entries(kind, values, keys[kind], LABELS[kind].shape_of(n), source)
            _must_agree(kind, found, kind, source)
            labels[kind] = _unless_placeholder(found, getattr(units, kind), source, notes)
        if labels[kind] is None:
            if _is_named(kind, values, keys[kind]):
                continue  # a placeholder, which was said
            _refuse_misspelling(kind, values, n, keys[kind], source)
            if kind in require:
                raise TlmlpError(
                    f"{source}: no {kind}; name the entry with {kind}_key; keys seen: {_seen(values) or 'none'}"
                )
    return labels, units


def _seen(values: Mapping[str, Any]) -> str:
    return ", ".join(sorted(values))


def _is_named(kind: str, values: Mapping[str, Any], key: str | None) -> bool:
    """Whether ``values`` has an entry called like ``kind``."""
    spellings = _SPELLINGS_OF[kind]
    return key is not None or any(plain_name(name) in spellings for name in values)


def _entries(
    kind: str, values: Mapping[str, Any], key: str | None, shape: tuple[int, ...] | None, source: str
) -> list[tuple[str, np.ndarray]]:
    """(name, numbers) of every entry of ``values`` that is called like ``kind``, or of ``key`` alone."""
    if key is not None:
        if key not in values:
            raise TlmlpError(f"{source}: no {kind} under the key {key!r}; keys seen: {_seen(values) or 'none'}")
        names = [key]
    else:
        rank = _RANK[kind]
        names = [name for name in values if plain_name(name) in rank]
        if len(names) > 1:
            names.sort(key=lambda name: rank[plain_name(name)])
    return [(name, _as_numbers(values[name], name, shape, source)) for name in names]


def _as_numbers(value: Any, name: str, shape: tuple[int, ...] | None, source: str) -> np.ndarray:
    if np.asarray(value).dtype.kind == "b":
        raise TlmlpError(f"{source}: {name!r} must be numbers, got {value!r:.40}")
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TlmlpError(f"{source}: {name!r} must be numbers, got {value!r:.40}") from None
    if shape is not None and numbers.shape != shape:
        raise TlmlpError(f"{source}: {name!r} must have shape {shape}, got {numbers.shape}")
    return numbers


def _unless_placeholder(
    found: list[tuple[str, np.ndarray]], factor: float, source: str, notes: Notes
) -> np.ndarray | None:
    if not found or is_placeholder(found[0][1], found[0][0], source, notes):
        return None
    return found[0][1] if factor == 1.0 else found[0][1] * factor


def _must_agree(kind: str, found: list[tuple[str, np.ndarray]], option: str, source: str) -> None:
    for _, value in found[1:]:
        first = found[0][1]
        scale = max(float(np.abs(first).max(initial=0.0)), float(np.abs(value).max(initial=0.0)))
        if np.isfinite(scale) and not np.abs(first - value).max(initial=0.0) <= AGREE[option] * scale:
            raise TlmlpError(
                f"{source}: {kind} is ambiguous, {', '.join(repr(n) for n, _ in found)} differ "
                f"({_short(first, value)}); name one with {kind.split()[0]}_key"
            )


def _short(first: np.ndarray, second: np.ndarray) -> str:
    """The two numbers that differ most."""
    k = int(np.abs(first - second).argmax())
    return f"{first.ravel()[k]:.6g} and {second.ravel()[k]:.6g}"


def _energy(
    values: Mapping[str, Any], key: str | None, n: int, units: Stated, source: str, notes: Notes
) -> float | None:
    found = _entries("energy", values, key, None, source)
    free = [] if key is not None else _entries("free energy", values, None, None, source)
    per_atom = [] if key is not None else _entries("energy per atom", values, None, None, source)
    for name, value in (*found, *free, *per_atom):
        if value.size != 1:
            raise TlmlpError(f"{source}: the energy must be one number, {name!r} has {value.size}")
    found, free, per_atom = ([(name, v.reshape(1)) for name, v in part] for part in (found, free, per_atom))
    for part in (found, free, per_atom):
        _must_agree("energy", part, "energy", source)
    # REF_energy beside ASE's free_energy is the user's own choice; energy beside free_energy is one calculation's pair.
    own_choice = bool(found) and plain_name(found[0][0]).startswith("ref")
    if free and plain_name(free[0][0]).startswith("ref"):
        own_choice = False
    chosen = free if free and not own_choice else found or per_atom
    if chosen is not per_atom and per_atom:
        _must_agree("energy (eV)", [chosen[0], *((name, value * n) for name, value in per_atom)], "stress", source)
    label = _unless_placeholder(chosen, units.energy, source, notes)
    if label is None:
        return None
    energy = float(label[0])
    if chosen is free:
        if not found:
            notes.add(ONLY_FREE_ENERGY, source)
        elif (apart := abs(float(found[0][1][0] - free[0][1][0])) * units.energy) > 0.0:
            notes.add(FREE_ENERGY, source, 1e3 * apart / n)
    if chosen is per_atom:
        notes.add(PER_ATOM, source)
        energy *= n
    return energy


def _stress(image: Image, key: str | None, volume: float, units: Stated, notes: Notes) -> np.ndarray | None:
    """Stress (3, 3); from a virial (eV, -volume times the stress) where the file has that instead."""
    values, source = image.values, image.source
    is_virial = key is not None and "virial" in key.lower()
    stresses = [] if is_virial else _entries("stress", values, key, None, source)
    virials = _entries("virial", values, key, None, source) if is_virial or key is None else []
    found = []
    for name, value in stresses:
        if not is_placeholder(value, name, source, notes):
            found.append((name, stress_matrix(value, name, source) * units.stress))
    for name, value in virials:
        if not is_placeholder(value, name, source, notes):
            if volume == 0.0:
                raise TlmlpError(f"{source}: {name!r} needs a cell with volume")
            found.append((name, -stress_matrix(value, name, source) * units.virial / volume))
    _must_agree("stress (eV/Å^3)", found, "stress", source)
    if found and not image.voigt_known and np.size(values[found[0][0]]) == 6:
        _refuse_other_order(values, source)
        notes.add(VOIGT_ORDER, source)
    return found[0][1] if found else None


def _refuse_other_order(values: Mapping[str, Any], source: str) -> None:
    """:class:`TlmlpError` where the file says that its six numbers have another order."""
    for key, value in values.items():
        if (
            isinstance(value, str)
            and "order" in key.lower()
            and any(w in key.lower() for w in ("stress", "virial", "voigt"))
        ):
            order = ["".join(sorted(pair)) for pair in re.findall("[xyz]{2}", value.lower())]
            if order and order != ["xx", "yy", "zz", "yz", "xz", "xy"]:
                raise TlmlpError(
                    f"{source}: {key}={value} is not the order that is read (xx yy zz yz xz xy); write nine numbers"
                )


def _refuse_misspelling(kind: str, values: Mapping[str, Any], n: int, key: str | None, source: str) -> None:
    suspects = [
        name
        for name, value in values.items()
        if key is None
        and plain_name(name) not in _ALL_SPELLINGS
        and _could_mean(kind, plain_name(name))
        and not is_weight(name)
        and _has_shape_of(kind, value, n)
    ]
    slopes = [name for name, value in values.items() if kind == "forces" and key is None
              and _core(plain_name(name)) in GRADIENTS and _has_shape_of(kind, value, n)]  # fmt: skip
    if slopes and not suspects:
        raise TlmlpError(
            f"{source}: no forces, but {slopes[0]!r}; forces are minus the gradient of the energy: write them as forces, or "
            "say that there are none with --no-forces (data.absent)"
        )
    if kind == "forces" and key is None:
        suspects += [name for name in values if plain_name(name) in ("fx", "fy", "fz", "forcex", "forcey", "forcez")]
    if suspects:
        raise TlmlpError(
            f"{source}: no {kind} under a known name, but {', '.join(map(repr, suspects))}; if that is it, name it with "
            f"{kind}_key, and if there is none, say so with --no-{kind} (data.absent); keys seen: {_seen(values)}"
        )


def _core(plain: str) -> str:
    """A plain name without what says whose label it is (dft, ref) and its unit."""
    return re.sub(r"^(?:ref|dft)|(?:ref|dft|ev)$", "", plain)


def _could_mean(kind: str, plain: str) -> bool:
    """Whether an entry of this plain name may be the label ``kind`` under a name that is not known."""
    core = _core(plain)
    if core in OTHER_WORDS[kind]:
        return True
    if any(part in plain for part in ANOTHER_THING):
        return False
    return any(part in plain for part in LOOKS_LIKE[kind]) or any(
        difflib.SequenceMatcher(None, core, word).ratio() >= ALIKE for word in ALIKE_TO[kind]
    )


def _has_shape_of(kind: str, value: Any, n: int) -> bool:
    """Whether ``value`` could be a label of that kind: numbers, as many as it has."""
    array = np.asarray(value)
    if array.dtype.kind not in "if":
        return False
    if LABELS[kind].per_atom:
        return array.shape == LABELS[kind].shape_of(n)
    return array.size == 1 if kind == "energy" else array.size in (6, 9)


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
