"""OpenMM: forces that run an exported model, and what leads there and back.

:func:`native_force`   the engine as a C++ force; the fastest, and the one to use
:func:`python_force`   the engine behind OpenMM's PythonForce; for an OpenMM that the native force was not built for
:func:`torch_force`    TorchForce of openmm-torch, in an environment that has it

Each returns an ``openmm.Force`` for ``system.addForce``. Importing this package makes the native force known to OpenMM,
so that a System that holds one can be read from XML; where that is impossible, importing still works, and
:func:`native_force` says why.
"""

from typing import Any

from tlmlp.openmm.library import load_if_possible

__all__ = [
    "OpenMMStructure",
    "available_routes",
    "create_system",
    "evaluate",
    "from_ase",
    "native_force",
    "python_force",
    "statistics",
    "torch_force",
]

_HOME = {
    "OpenMMStructure": "structure",
    "available_routes": "system",
    "create_system": "system",
    "evaluate": "system",
    "from_ase": "structure",
    "native_force": "native",
    "python_force": "python_route",
    "statistics": "native",
    "torch_force": "torch_route",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(f"tlmlp.openmm.{_HOME[name]}"), name)
    raise AttributeError(f"module 'tlmlp.openmm' has no attribute {name!r}")


load_if_possible()
