"""tlmlp: DimeNet++ potentials, trained on forces and transferred between chemical elements.

Importing this package loads neither torch nor any compiled library; the subpackages do so when used.
"""

from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.shipped import pretrained

__all__ = ["TlmlpError", "__version__", "pretrained"]

__version__: str


def __getattr__(name: str) -> Any:
    """The version when it is asked for: reading the metadata takes longer than the rest of the import."""
    if name != "__version__":
        raise AttributeError(f"module 'tlmlp' has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tlmlp")
    except PackageNotFoundError:  # a source tree that was put on the path without being installed
        return "0+unknown"
