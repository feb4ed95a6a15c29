"""Every route against the oracle, and routes of one engine and precision against each other."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export import read_header
from tlmlp.shipped import model_path
from tlmlp.testing.conformance.routes import Result, Route, routes
from tlmlp.testing.conformance.systems import SYSTEMS, read_systems
from tlmlp.testing.structures import Structure

#: (eV per atom, eV/Å) from the oracle, by precision, for a system of the size 1, see :func:`size`.
FROM_ORACLE = {"double": (1e-8, 1e-8), "single": (1e-5, 2e-5)}
#: The same between two hosts of the same engine and precision. In single precision another order of sums may change 8
#: units of the last place (1.2e-7) of an energy of 1 eV per atom. Of a force of 1 eV/Å it may change 16. In single precision it
#: holds for the systems that no host turns into a frame of its own. Elsewhere the network is given numbers that differ
#: in the seventh digit already.
BETWEEN_HOSTS = {"double": (1e-8, 1e-8), "single": (1e-6, 2e-6)}


@dataclass(frozen=True)
class Row:
    """Largest differences of one route over all its systems, and the systems where they are."""

    route: str
    #: Systems computed; 0 for a route that cannot run here.
    systems: int
    #: eV per atom and eV/Å from the oracle.
    oracle: tuple[float, float] | None = None
    #: eV per atom and eV/Å from the first route of the same engine and precision, see :data:`BETWEEN_HOSTS`; None for that one.
    hosts: tuple[float, float] | None = None
    #: Name of the system with the largest difference in the forces from the oracle.
    worst: str = ""
    #: "passed", "failed: ...", or "skipped: ...".
    verdict: str = "passed"


def compare(
    model: str | os.PathLike[str],
    *,
    systems: str | os.PathLike[str] = SYSTEMS,
    threads: int = 1,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Evaluate ``systems`` by every route there is.

    :param on_row: called with each row as soon as it is known
    :raises TlmlpError: when the model file is unusable, or there is no torch for the oracle
    """
    model = model_path(model)
    header = read_header(model)
    structures = read_systems(header["atomic_numbers"], systems)
    rows: list[Row] = []
    expected: dict[str, Result] = {}
    firsts: dict[tuple[str, str], dict[str, Result]] = {}
    for route in routes(model, threads):
        if route.engine == "oracle":
            if route.missing:
                raise TlmlpError(f"the oracle cannot run: {route.missing}")
            expected = dict(zip(structures, route.compute(list(structures.values())), strict=True))
            continue
        row = _row(route, structures, expected, firsts)
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return rows


def _row(
    route: Route,
    structures: dict[str, Structure],
    expected: dict[str, Result],
    firsts: dict[tuple[str, str], dict[str, Result]],
) -> Row:
    if route.missing:
        return Row(route.name, 0, verdict=f"skipped: {route.missing}")
    chosen = {name: s for name, s in structures.items() if route.mixed or s.pbc.all() or not s.pbc.any()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of atoms closer than in the training data of the model
            got = dict(zip(chosen, route.compute(list(chosen.values())), strict=True))
    except Exception as error:  # whatever a host raises is a result of this comparison
        return Row(route.name, len(chosen), verdict=f"failed: {' '.join(str(error).split())}")
    energy, forces, worst = _largest(got, expected)
    hosts = None
    failures = _beyond(got, expected, expected, FROM_ORACLE[route.precision], "the oracle")
    first = firsts.setdefault((route.engine, route.precision), got)
    if first is not got:
        alike = [name for name, system in chosen.items() if route.precision == "double" or not _turned(system)]
        same = {name: got[name] for name in alike}
        hosts = _largest(same, first)[:2]
        failures += _beyond(same, first, expected, BETWEEN_HOSTS[route.precision], "the same engine elsewhere")
    verdict = f"failed: {'; '.join(failures)}" if failures else "passed"
    return Row(route.name, len(chosen), (energy, forces), hosts, worst, verdict)


def _turned(system: Structure) -> bool:
    """Whether a host that wants lower triangular cells turns the system."""
    upper, diagonal = np.triu(system.cell, 1), np.diag(system.cell)[system.pbc]
    return bool(system.pbc.any() and (upper.any() or (diagonal <= 0.0).any()))


def size(expected: Result) -> tuple[float, float]:
    """What the limits of a system are multiplied with: its energy per atom in eV and its largest force in eV/Å, 1 at least."""
    energy, forces = expected
    return max(1.0, abs(energy) / max(len(forces), 1)), max(1.0, float(np.abs(forces).max(initial=0.0)))


def differences(one: Result, other: Result) -> tuple[float, float]:
    """In energy, eV per atom, and the largest in a component of the forces, eV/Å.

    :raises TlmlpError: when the numbers of atoms differ
    """
    if one[1].shape != other[1].shape:
        raise TlmlpError(f"forces of shape {one[1].shape}, expected {other[1].shape}")
    return abs(one[0] - other[0]) / max(len(one[1]), 1), float(np.abs(one[1] - other[1]).max(initial=0.0))


def _largest(got: dict[str, Result], expected: dict[str, Result]) -> tuple[float, float, str]:
    energy = forces = 0.0
    worst = ""
    for name, result in got.items():
        # Written so that NaN counts as the largest difference.
        difference, largest = differences(result, expected[name])
        energy = difference if not difference <= energy else energy
        if not largest <= forces:
            forces, worst = largest, name
    return energy, forces, worst


def _beyond(
    got: dict[str, Result],
    other: dict[str, Result],
    expected: dict[str, Result],
    limits: tuple[float, float],
    whom: str,
) -> list[str]:
    """Where energies or forces differ by more than the limits times the size of their system."""
    failures = []
    for name, result in got.items():
        allowed = [limit * scale for limit, scale in zip(limits, size(expected[name]), strict=True)]
        for what, value, limit in zip(("energy", "forces"), differences(result, other[name]), allowed, strict=True):
            if not value <= limit:
                unit = "eV/atom" if what == "energy" else "eV/Å"
                failures.append(f"{name}: {what} differ from {whom} by {value:.1e} {unit}, {limit:.1e} allowed")
    return failures
