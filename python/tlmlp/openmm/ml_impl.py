"""What openmm-ml's potential ``tlmlp`` does with a System."""

from collections.abc import Iterable
from typing import Any

from openmmml.mlpotential import MLPotentialImpl

from tlmlp.errors import TlmlpError


class TlmlpPotentialImpl(MLPotentialImpl):  # type: ignore[misc] # no annotations there
    """Adds the force of a model to a System.

    ``createSystem`` and ``createMixedSystem`` take the options of :func:`tlmlp.openmm.native_force` (``precision``,
    ``threads``, ``skin``, ``scale``, ``device``) and ``implementation``: "native", "python", "torch", or "auto" (default), which is
    native where that works and python otherwise. The same can be given to ``MLPotential`` for all Systems.
    """

    def __init__(self, model: str, options: dict[str, Any]) -> None:
        self.model, self.options = model, options

    def addForces(self, topology: Any, system: Any, atoms: Iterable[int] | None, forceGroup: int, **args: Any) -> None:
        """Called by openmm-ml; see its documentation for the arguments."""
        options = {**self.options, **args}
        implementation = options.pop("implementation", "auto")
        unknown = sorted(set(options) - {"precision", "threads", "skin", "scale", "device", "portable", "warn_close"})
        if unknown:
            raise TlmlpError(f"unknown option {unknown[0]!r} for the potential 'tlmlp'")
        from tlmlp.openmm.system import available_routes, make_force

        if implementation == "auto":
            implementation = "python" if available_routes()["native"] else "native"
        periodic = topology.getPeriodicBoxVectors() is not None or system.usesPeriodicBoundaryConditions()
        force = make_force(implementation, self.model, topology=topology, atoms=atoms, periodic=periodic, **options)
        force.setForceGroup(forceGroup)
        system.addForce(force)
