"""Every route against the oracle, and routes of one engine and precision against each other."""

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export import read_header
from tlmlp.testing.conformance.routes import Result, Route, routes
from tlmlp.testing.conformance.systems import SYSTEMS, read_systems
from tlmlp.testing.structures import Structure

#: (eV per atom, eV/Å) from the oracle, by precision.
FROM_ORACLE = {"double": (1e-8, 1e-8), "single": (1e-5, 2e-5)}
#: (eV, eV/Å) between two hosts of the same engine and precision. In single precision over the systems that no host
#: turns into a frame of its own: elsewhere the network is given numbers that differ in the seventh digit already.
BETWEEN_HOSTS = (1e-6, 1e-6)


@dataclass(frozen=True)
class Row:
    """Largest differences of one route over all its systems, and the systems where they are."""

    route: str
    #: Systems computed; 0 for a route that cannot run here.
    systems: int
    #: eV per atom and eV/Å from the oracle.
    oracle: tuple[float, float] | None = None
    #: eV and eV/Å from the first route of the same engine and precision, see :data:`BETWEEN_HOSTS`; None for that one.
    hosts: tuple[float, float] | None = None
    #: Name of the system with the largest difference in the forces from the oracle.
    worst: str = ""
    #: "passed", "failed: ...", or "skipped: ...".
    verdict: str = "passed"


def compare(
    model: str | os.PathLike,
    *,
    systems: str | os.PathLike = SYSTEMS,
    threads: int = 1,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Evaluate ``systems`` by every route there is.

    :param on_row: called with each row as soon as it is known
    :raises TlmlpError: when the model file is unusable, or there is no torch for the oracle
    """
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
    failures = _beyond((energy, forces), FROM_ORACLE[route.precision], "the oracle")
    first = firsts.setdefault((route.engine, route.precision), got)
    if first is not got:
        alike = [name for name, system in chosen.items() if route.precision == "double" or not _turned(system)]
        hosts = _largest({name: got[name] for name in alike}, first, per_atom=False)[:2]
        failures += _beyond(hosts, BETWEEN_HOSTS, "the same engine elsewhere")
    verdict = f"failed: {'; '.join(failures)}" if failures else "passed"
    return Row(route.name, len(chosen), (energy, forces), hosts, worst, verdict)


def _turned(system: Structure) -> bool:
    """Whether a host that wants lower triangular cells turns the system."""
    return system.pbc.any() and (np.triu(system.cell, 1).any() or (np.diag(system.cell)[system.pbc] <= 0.0).any())


def _largest(got: dict[str, Result], expected: dict[str, Result], per_atom: bool = True) -> tuple[float, float, str]:
    energy = forces = 0.0
    worst = ""
    for name, (one, one_forces) in got.items():
        other, other_forces = expected[name]
        if one_forces.shape != other_forces.shape:
            raise TlmlpError(f"{name}: forces of shape {one_forces.shape}, expected {other_forces.shape}")
        # Written so that NaN counts as the largest difference.
        difference = abs(one - other) / (max(len(one_forces), 1) if per_atom else 1)
        energy = difference if not difference <= energy else energy
        largest = float(np.abs(one_forces - other_forces).max(initial=0.0))
        if not largest <= forces:
            forces, worst = largest, name
    return energy, forces, worst


def _beyond(differences: Iterable[float], limits: Iterable[float], whom: str) -> list[str]:
    names = ("energy", "forces")
    return [
        f"{name} differ from {whom} by {value:.1e}, {limit:g} allowed"
        for name, value, limit in zip(names, differences, limits, strict=True)
        if not value <= limit
    ]
