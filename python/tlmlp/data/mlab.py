"""VASP's ML_AB (ML_ABN): the ab initio steps of a run that learns a force field on the way."""

from __future__ import annotations

import re

import numpy as np

from tlmlp.data.image import Image
from tlmlp.data.mlearn_json import stress_from_vasp_kbar
from tlmlp.errors import TlmlpError


def read_mlab(text: str, file: str) -> list[Image]:
    """Every configuration: energy (eV), forces (eV/Å) and stress (kbar in the file, sign and order of VASP).

    :raises TlmlpError: for configurations that are not complete, and another number of them than the file announces
    """
    announced = re.search(r"The number of configurations\s*\n-+\s*\n\s*(\d+)", text)
    parts = re.split(r"^\s*Configuration num\.\s+\d+\s*$", text, flags=re.MULTILINE)[1:]
    if announced is None or int(announced[1]) != len(parts):
        said = "no number" if announced is None else announced[1]
        raise TlmlpError(
            f"{file}: the file announces {said} of configurations and holds {len(parts)}; is it truncated?"
        )
    images = []
    for n, part in enumerate(parts):
        source = f"{file}#{n}"
        try:
            images.append(_configuration(part, source))
        except (ValueError, IndexError, KeyError) as error:
            raise TlmlpError(f"{source}: not a complete configuration of ML_AB ({error})") from None
    return images


def _block(part: str, title: str) -> list[list[str]]:
    """Words of the lines below ``title`` and its rule, up to the next rule."""
    pattern = rf"^[ \t]*{re.escape(title)}[ \t]*\n[ \t]*-+[ \t]*\n(.*?)(?=^[ \t]*[-=*]{{10,}})"
    found = re.search(pattern, part, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"no {title!r}")
    return [line.split() for line in found[1].splitlines() if line.strip()]


def _configuration(part: str, source: str) -> Image:
    from ase.data import atomic_numbers

    count = int(_block(part, "The number of atoms")[0][0])
    numbers = [
        z for symbol, n in _block(part, "Atom types and atom numbers") for z in [atomic_numbers[symbol]] * int(n)
    ]
    cell = np.array(_block(part, "Primitive lattice vectors (ang.)"), dtype=float)
    positions = np.array(_block(part, "Atomic positions (ang.)"), dtype=float)
    forces = np.array(_block(part, "Forces (eV ang.^-1)"), dtype=float)
    energy = float(_block(part, "Total energy (eV)")[0][0])
    for name, array in (("positions", positions), ("forces", forces)):
        if array.shape != (count, 3):
            raise ValueError(f"{count} atoms, and {name} of shape {array.shape}")
    if len(numbers) != count or cell.shape != (3, 3):
        raise ValueError(f"{count} atoms, and {len(numbers)} by type")
    values: dict[str, object] = {"energy": energy, "forces": forces}
    if "Stress (kbar)" in part:
        stress = part[part.index("Stress (kbar)") :]
        xx, yy, zz = map(float, _block(stress, "XX YY ZZ")[0])
        xy, yz, zx = map(float, _block(stress, "XY YZ ZX")[0])
        values["stress"] = stress_from_vasp_kbar([xx, yy, zz, xy, yz, zx])
    return Image(positions, cell, np.array([True] * 3), np.array(numbers), values, source)
