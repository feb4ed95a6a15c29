"""The compiled torch operators ``torch.ops.tlmlp.*``: where the library lies, loading it, compiling it anew.

The library is tied to the minor version of the torch it was built with; ``lib/libtlmlp_ops.json`` records it.
"""

from tlmlp.ops.build import build_ops
from tlmlp.ops.library import library_path, load

__all__ = ["build_ops", "library_path", "load"]
