"""Exported models: one file for LAMMPS, OpenMM, ASE and this package.

``read_header`` and ``read_model_file`` need no torch and run no code of the file; the rest imports torch when used.
"""

from typing import Any

from tlmlp.export.model_file import read_header, read_model_file

__all__ = ["export_model", "load_archive", "load_potential", "read_header", "read_model_file", "verify"]

_LAZY = {"export_model": "writer", "load_archive": "writer", "load_potential": "writer", "verify": "verification"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(f"tlmlp.export.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'tlmlp.export' has no attribute {name!r}")
