"""TorchForce of openmm-torch, running the model as TorchScript."""

import importlib.util
import os
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.openmm.native import check_options
from tlmlp.openmm.selection import Element, select

#: What fits together: openmmtorch 1.5 fails on tensors of torch 2.10 and later, and crashes OpenMM 8.6 on reading XML.
VERSIONS = "openmmtorch 1.5 with torch 2.9 and openmm 8.5"
_NEWEST = {"torch": (2, 9), "openmm": (8, 5)}


def check() -> None:
    """:raises TlmlpError: when TorchForce cannot work here, with the versions that are installed"""
    found = {name: _version(name) for name in ("openmmtorch", "torch", "openmm")}
    missing = [name for name in found if importlib.util.find_spec(name) is None]
    newer = [name for name, limit in _NEWEST.items() if (release := found[name]) and _series(release) > limit]
    if missing or newer:
        here = ", ".join(f"{name} {release or 'missing'}" for name, release in found.items())
        raise TlmlpError(
            f"TorchForce needs {VERSIONS} (here: {here}): scripts/torchforce-env.sh makes such an environment; "
            "native_force needs no torch"
        )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _series(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("+")[0].split(".")[:2])


def script_module(
    model: str | os.PathLike[str],
    topology: Any = None,
    *,
    elements: Iterable[Element] | None = None,
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
    precision: str = "single",
    portable: bool = False,
) -> tuple[Any, bool]:
    """The TorchScript module that :func:`torch_force` runs, and whether it is to be called with the box.

    It is made from the description and the parameters of the file; the TorchScript inside the file is not run.

    :raises TlmlpError: when the file is unusable, the particles do not fit it, or the operators are missing
    """
    check_options(precision, None, 0.0, None)
    selection = select(model, topology, elements, atoms, periodic)
    import torch

    from tlmlp.export import load_potential
    from tlmlp.export.script import ExportedModel

    dtype = torch.float64 if precision == "double" else torch.float32
    potential = load_potential(model, route="plain" if portable else "ops", dtype=dtype)
    rows, particles = selection.rows, selection.particles
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        module = torch.jit.script(ExportedModel(potential, portable, rows, particles))
    return module, selection.periodic


def torch_force(
    model: str | os.PathLike[str],
    topology: Any = None,
    *,
    elements: Iterable[Element] | None = None,
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
    precision: str = "single",
    scale: str | None = None,
    portable: bool = False,
) -> Any:
    """``openmmtorch.TorchForce``; arguments as those of :func:`tlmlp.openmm.native_force`.

    The operator library is loaded first, as it must be in a process that reads such a System from XML
    (``tlmlp.ops.load()``).

    :param portable: standard torch operators alone: needs no library of this package, and is several times slower
    :raises TlmlpError: when openmmtorch, or a torch and OpenMM that fit it, are missing, the operators cannot be loaded,
        the file is unusable, or the particles do not fit it
    """
    check()
    check_options(precision, None, 0.0, scale)
    module, is_periodic = script_module(
        model,
        topology,
        elements=elements,
        atoms=atoms,
        periodic=periodic,
        precision=precision,
        portable=portable,
    )
    try:
        from openmmtorch import TorchForce
    except ImportError as error:
        raise TlmlpError(f"openmmtorch cannot be imported ({error}); it needs {VERSIONS}") from None
    force = TorchForce(module)
    force.setOutputsForces(True)
    force.setUsesPeriodicBoundaryConditions(is_periodic)
    if scale is not None:
        force.addGlobalParameter(scale, 1.0)
        force.addEnergyParameterDerivative(scale)
    force.setName("TLMLPTorchForce")
    return force
