"""Folders of DeePMD and ABACUS, through dpdata (an extra: ``pip install 'tlmlp[formats]'``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.data.content import Content
from tlmlp.data.image import Image
from tlmlp.data.notes import Notes
from tlmlp.data.types import numbers_of_types, refuse_types
from tlmlp.errors import TlmlpError
from tlmlp.text import counted

#: What ABACUS prints at the end of the electronic steps of a configuration.
_ENDED = re.compile(r"convergence (is achieved|has not been achieved)", re.IGNORECASE)


def read_dpdata(content: Content, file: str, types: Sequence[str] | None, notes: Notes) -> list[Image]:
    """Every frame of the folder; dpdata's units are eV, Å, and for the virial eV.

    :raises TlmlpError: without dpdata, for folders that it cannot read, and for types without elements
    """
    try:
        import dpdata
    except ImportError:
        raise TlmlpError(
            f"{file}: folders of {content.kind} are read by dpdata: pip install 'tlmlp[formats]'"
        ) from None
    images: list[Image] = []
    for path, kind in _parts(content):
        for system in _systems(dpdata, path, kind, file):
            images += _images(system.data, path if kind.startswith("deepmd") else None, file, len(images), types)
    return _converged(content.path, images, file, notes) if content.kind.startswith("abacus") else images


def _parts(content: Content) -> list[tuple[Path, str]]:
    if content.kind != "deepmd systems":
        return [(content.path, content.kind)]
    folders = sorted(entry for entry in content.path.iterdir() if (entry / "type.raw").is_file())
    mixed = [any(folder.glob("set.*/real_atom_types.npy")) for folder in folders]
    return [(f, "deepmd/npy/mixed" if m else "deepmd/npy") for f, m in zip(folders, mixed, strict=True)]


def _systems(dpdata: Any, path: Path, kind: str, file: str) -> list[Any]:
    import contextlib
    import io
    import warnings

    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            if kind.endswith("mixed"):
                systems = dpdata.MultiSystems()
                systems.load_systems_from_file(str(path), fmt=kind)
                return list(systems.systems.values())
            return [dpdata.LabeledSystem(str(path), fmt=kind)]
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(f"{file}: dpdata cannot read it as {kind} ({reason[:200]})") from None


def _images(
    data: dict[str, Any], deepmd: Path | None, file: str, first: int, types: Sequence[str] | None
) -> list[Image]:
    from ase.data import atomic_numbers

    names, kinds = data["atom_names"], np.asarray(data["atom_types"]).ravel()
    unnamed = [name for name in names if atomic_numbers.get(name, 0) < 1]
    if unnamed or (deepmd is not None and not (deepmd / "type_map.raw").is_file()):
        numbers = numbers_of_types(kinds.tolist(), 0, types, file)
    else:
        refuse_types(types, file)
        numbers = np.array([atomic_numbers[names[int(k)]] for k in kinds])
    periodic = not data.get("nopbc", False)
    count = len(data["coords"])
    for name in ("energies", "forces", "virials", "cells"):
        if name in data and len(data[name]) != count:
            raise TlmlpError(f"{file}: {counted(count, 'frame')}, but {len(data[name])} entries of {name}")
    images = []
    for n in range(count):
        values: dict[str, Any] = {}
        for name, key in (("energies", "energy"), ("forces", "forces"), ("virials", "virial")):
            if name in data:
                values[key] = np.asarray(data[name][n], dtype=float)
        if "energy" in values:
            values["energy"] = float(values["energy"])
        cell = np.asarray(data["cells"][n], dtype=float) if periodic else np.zeros((3, 3))
        images.append(
            Image(np.asarray(data["coords"][n], dtype=float), cell, np.array([periodic] * 3), numbers, values, f"{file}#{first + n}")
        )  # fmt: skip
    return images


def _converged(folder: Path, images: list[Image], file: str, notes: Notes) -> list[Image]:
    """The ``images`` whose electrons converged by the log; some versions of dpdata leave the others out themselves."""
    from tlmlp.data.convergence import kept_of, say_unconverged

    logs = [log.read_text(errors="replace") for log in sorted(folder.glob("OUT.*/running_*.log"))]
    good = [match[1].lower() == "is achieved" for log in logs for match in _ENDED.finditer(log)]
    if len(images) == len(good):
        return kept_of(images, good, file, notes)
    failed = good.count(False)
    if failed and len(images) != good.count(True):
        raise TlmlpError(
            f"{file}: {failed} of {len(good)} steps did not converge by the log, and dpdata reads {len(images)}: it cannot be "
            "told which are good"
        )
    say_unconverged(failed, len(images), file, notes)
    return images
