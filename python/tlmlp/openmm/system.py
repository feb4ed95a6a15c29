"""Systems that run on a model, and single evaluations through OpenMM."""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.openmm.structure import OpenMMStructure, from_ase
from tlmlp.units import EV_IN_KJ_PER_MOL, NM_PER_ANGSTROM

ROUTES = ("native", "python", "torch")


def make_force(route: str, model: str | os.PathLike[str], **options: Any) -> Any:
    """The force of a route: "native", "python" or "torch".

    :raises TlmlpError: on another name, and whatever the route raises
    """
    from tlmlp import openmm as forces

    if route not in ROUTES:
        raise TlmlpError(f"`route` must be {', '.join(ROUTES[:-1])} or {ROUTES[-1]}, got {route!r}")
    return getattr(forces, f"{route}_force")(model, **options)


def create_system(model: str | os.PathLike[str], structure: Any, *, route: str = "native", **options: Any) -> Any:
    """``openmm.System`` with the particles, the box and the force of a model.

    :param structure: ``openmm.app.Topology``, :class:`OpenMMStructure`, or what :func:`from_ase` takes
    :param route: "native", "python" or "torch"
    :param options: of the force
    :raises TlmlpError: when the structure is unusable or does not fit the model
    """
    import openmm

    system = openmm.System()
    if hasattr(structure, "getPeriodicBoxVectors"):
        box = structure.getPeriodicBoxVectors()
        masses = [0.0 if atom.element is None else atom.element.mass for atom in structure.atoms()]
        options["topology"] = structure
    else:
        made = structure if isinstance(structure, OpenMMStructure) else from_ase(structure)
        box = None if made.box is None else made.box.tolist()
        masses = made.masses.tolist()
        options.update(elements=made.numbers.tolist(), periodic=box is not None)
    for mass in masses:
        system.addParticle(mass)
    if box is not None:
        system.setDefaultPeriodicBoxVectors(*box)
    system.addForce(make_force(route, model, **options))
    return system


def evaluate(
    model: str | os.PathLike[str], structure: Any, *, route: str = "native", platform: str = "Reference", **options: Any
) -> dict[str, Any]:
    """Energy (eV) and forces (n, 3) in eV/Å of one structure through OpenMM, in the structure's own frame.

    :param structure: what :func:`from_ase` takes
    :param platform: OpenMM's name: "Reference", "CPU", ...
    :raises TlmlpError: when the structure, the model or the platform is unusable
    """
    import openmm

    made = structure if isinstance(structure, OpenMMStructure) else from_ase(structure)
    if len(made) == 0:
        return {"energy": 0.0, "forces": np.zeros((0, 3))}  # OpenMM has no System without particles
    try:
        place = openmm.Platform.getPlatformByName(platform)
        context = openmm.Context(create_system(model, made, route=route, **options), _integrator(), place)
        context.setPositions(made.positions)
        state = context.getState(getEnergy=True, getForces=True)
    except openmm.OpenMMException as error:
        raise TlmlpError(" ".join(str(error).split())) from None
    energy = state.getPotentialEnergy()._value / EV_IN_KJ_PER_MOL
    forces = state.getForces(asNumpy=True)._value / (EV_IN_KJ_PER_MOL / NM_PER_ANGSTROM)
    return {"energy": float(energy), "forces": made.vectors_to_ase(forces)}


def _integrator() -> Any:
    import openmm

    return openmm.VerletIntegrator(0.0005)


def available_routes() -> dict[str, str | None]:
    """For each route None where it works here, else the reason why not."""
    from tlmlp.openmm import library, torch_route

    if importlib.util.find_spec("openmm") is None:
        return dict.fromkeys(ROUTES, "OpenMM is not installed here: pip install 'tlmlp[openmm]'")
    out: dict[str, str | None] = {}
    checks: tuple[Callable[[], object], ...] = (library.load, _check_python, torch_route.check)
    for route, check in zip(ROUTES, checks, strict=True):
        try:
            check()
            out[route] = None
        except TlmlpError as error:
            out[route] = str(error)
    return out


def _check_python() -> None:
    from tlmlp.openmm.python_route import check

    check()
