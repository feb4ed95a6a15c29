"""tlmlp: DimeNet++ potentials, trained on forces and transferred between chemical elements.

Importing this package loads neither torch nor any compiled library; the subpackages do so when used.
"""

from importlib.metadata import PackageNotFoundError, version

from tlmlp.errors import TlmlpError
from tlmlp.shipped import pretrained

try:
    __version__ = version("tlmlp")
except PackageNotFoundError:  # a source tree that was put on the path without being installed
    __version__ = "0+unknown"

__all__ = ["TlmlpError", "__version__", "pretrained"]
