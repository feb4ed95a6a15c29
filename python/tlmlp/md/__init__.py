"""Molecular dynamics with an exported model: one run, in LAMMPS, OpenMM or ASE, with the same files as its result.

>>> from tlmlp.md import MDSettings, resume_md, run_md
>>> run_md(MDSettings(model="ge.pt", structure="ge.extxyz", engine="ase", ensemble="nvt", steps=1000), "md/ge")

Nothing heavy is imported before a run starts.
"""

from typing import Any

__all__ = ["MDSettings", "resume_md", "run_md"]


def __getattr__(name: str) -> Any:
    if name == "MDSettings":
        from tlmlp.md.settings import MDSettings

        return MDSettings
    if name in ("run_md", "resume_md"):
        from tlmlp.md import run

        return getattr(run, name)
    raise AttributeError(f"module 'tlmlp.md' has no attribute {name!r}")
