"""Units that a file states itself: ``energy-unit=hartree`` and the like are converted, or refused with their key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlmlp.data.notes import Notes
from tlmlp.errors import TlmlpError
from tlmlp.units import EV_IN_KJ_PER_MOL, EV_PER_ANG3_IN_GPA

#: CODATA 2018, as in units.py.
HARTREE_IN_EV = 27.211386245988
BOHR_IN_ANGSTROM = 0.529177210903
KCAL_IN_KJ = 4.184

_ENERGY = {
    **dict.fromkeys(("ev", "electronvolt", "electronvolts"), 1.0),
    "mev": 1e-3,
    **dict.fromkeys(("hartree", "ha", "eh", "au", "hartrees"), HARTREE_IN_EV),
    **dict.fromkeys(("ry", "rydberg", "rydbergs"), 0.5 * HARTREE_IN_EV),
    **dict.fromkeys(("kcal/mol", "kcalmol-1"), KCAL_IN_KJ / EV_IN_KJ_PER_MOL),
    **dict.fromkeys(("kj/mol", "kjmol-1"), 1.0 / EV_IN_KJ_PER_MOL),
}
_LENGTH = {
    **dict.fromkeys(("ang", "angstrom", "angstroms", "å", "a"), 1.0),
    **dict.fromkeys(("bohr", "au", "a0"), BOHR_IN_ANGSTROM),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 10.0),
    "pm": 0.01,
}
_PRESSURE = {
    "gpa": 1.0 / EV_PER_ANG3_IN_GPA,
    **dict.fromkeys(("kbar", "kb"), 0.1 / EV_PER_ANG3_IN_GPA),
    "mpa": 1e-3 / EV_PER_ANG3_IN_GPA,
    "bar": 1e-4 / EV_PER_ANG3_IN_GPA,
    "pa": 1e-9 / EV_PER_ANG3_IN_GPA,
    "au": HARTREE_IN_EV / BOHR_IN_ANGSTROM**3,
}
#: What a key with "unit" in it may speak of; the first word that it begins or ends with decides.
_ABOUT = {
    "energy": "energy", "energies": "energy", "force": "forces", "forces": "forces", "stress": "stress",
    "stresses": "stress", "virial": "virial", "virials": "virial", "length": "length", "lengths": "length",
    "distance": "length", "distances": "length", "position": "length", "positions": "length", "pos": "length",
    "coordinate": "length", "coordinates": "length", "coords": "length", "cell": "length", "lattice": "length",
}  # fmt: skip
_ANY_LENGTH = ("length", "lengths", "distance", "distances")
#: Quantities that are not read, whatever their unit.
_OTHERS = (
    "dipole", "charge", "charges", "time", "timestep", "temperature", "mass", "velocity", "velocities", "magmom",
    "magmoms", "polarizability", "pressure", "frequency", "hessian", "momenta", "momentum",
)  # fmt: skip
_UNIT_KEY = re.compile(
    r"(?:(?:ref|dft)[_-]?)?(?P<before>[a-z]*?)[_.-]?(?:units?)(?:[_.-]?(?:of[_.-]?)?(?P<after>[a-z]+))?$"
)
#: A unit for everything: that of ASE and of LAMMPS' metal.
_OURS = ("metal", "ase", "ev,ang", "ev/ang", "ev,angstrom", "ev,å", "ev")


CONVERTED = "{key}={value}: the {about} {verb} converted"


@dataclass
class Stated:
    """Factors from the file's units to Å, eV, eV/Å and eV/Å^3."""

    length: float = 1.0
    energy: float = 1.0
    forces: float = 1.0
    stress: float = 1.0
    virial: float = 1.0


def stated_units(values: Mapping[str, Any], source: str, notes: Notes) -> Stated:
    """The units that ``values`` state; what is converted is said.

    :raises TlmlpError: for a unit that is not known, and for one that is not said of what it is
    """
    units = Stated()
    said: dict[str, tuple[str, str, float]] = {}
    for key, value in values.items():
        if not isinstance(value, str) or "unit" not in key.lower():
            continue
        match = _UNIT_KEY.match(key.lower())
        if match is None or match["after"] in ("cell", "cells"):
            continue
        word = match["before"] or match["after"] or ""
        if word in _OTHERS:
            continue
        about = _ABOUT.get(word)
        factor = _factor(about, value)
        if factor is None:
            raise TlmlpError(
                f"{source}: {key}={value} states a unit that is not known here; convert to Å, eV, eV/Å and eV/Å^3 and "
                "leave the key out"
            )
        if about is not None:
            for other, text, before in said.values():
                if _ABOUT[_about(other)] == about and before != factor:
                    raise TlmlpError(
                        f"{source}: {other}={text} and {key}={value} state different units for the {about}"
                    )
            said[word] = (key, value, factor)
            setattr(units, about, factor)
            if factor != 1.0:
                notes.add(
                    CONVERTED.format(key=key, value=value, about=about, verb="are" if about == "forces" else "is"),
                    source,
                )
            if about == "energy" and not any(_ABOUT.get(_about(k)) == "virial" for k in values):
                units.virial = factor
    _refuse_half_of_the_lengths(said, source)
    return units


def _refuse_half_of_the_lengths(said: Mapping[str, tuple[str, str, float]], source: str) -> None:
    """A unit other than Å for the positions alone leaves that of the cell open, and the other way round."""
    of_cell = [word for word in said if word in ("cell", "lattice")]
    of_atoms = [word for word in said if _ABOUT[word] == "length" and word not in ("cell", "lattice", *_ANY_LENGTH)]
    if any(word in said for word in _ANY_LENGTH) or bool(of_cell) == bool(of_atoms):
        return
    key, value, factor = said[(of_cell or of_atoms)[0]]
    if factor != 1.0:
        raise TlmlpError(
            f"{source}: {key}={value} states the unit of the {'cell' if of_cell else 'positions'} alone; state length-unit "
            "for both, or convert them to Å"
        )


def _about(key: str) -> str:
    match = _UNIT_KEY.match(key.lower())
    return "" if match is None else match["before"] or match["after"] or ""


def _factor(about: str | None, value: str) -> float | None:
    unit = re.sub(r"[\s()*]", "", value.lower()).replace("**", "^").replace("a.u.", "au").replace("a.u", "au")
    unit = unit.replace("ångström", "å").replace("angstroms", "ang").replace("angstrom", "ang").replace("å", "ang")
    if about is None:
        return 1.0 if unit in _OURS else None
    if about in ("energy", "virial"):
        return _ENERGY.get(unit)
    if about == "length":
        return _LENGTH.get(unit)
    if about == "stress" and unit in _PRESSURE:
        return _PRESSURE[unit]
    if unit == "au":
        return HARTREE_IN_EV / BOHR_IN_ANGSTROM
    energy, _, length = unit.rpartition("/")
    if about == "stress":
        length = length.removesuffix("^3").removesuffix("3")
    if energy not in _ENERGY or length not in _LENGTH:
        return None
    return _ENERGY[energy] / _LENGTH[length] ** (3 if about == "stress" else 1)
