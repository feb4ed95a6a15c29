"""Extended XYZ with REF_* labels, in digits that give back the same float64 numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from tlmlp.data.frame import LABELS, Frame
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text


def _numbers(values: np.ndarray) -> str:
    return " ".join(map(repr, np.asarray(values, dtype=np.float64).ravel().tolist()))


def frame_text(frame: Frame) -> str:
    """One frame as :func:`write_frames` writes it."""
    from ase.data import chemical_symbols

    header = []
    if frame.pbc.any() or frame.cell.any():
        header.append(f'Lattice="{_numbers(frame.cell)}"')
    columns = [frame.positions]
    properties = "species:S:1:pos:R:3"
    labels = [(label, getattr(frame, name)) for name, label in LABELS.items() if getattr(frame, name) is not None]
    for label, value in labels:
        if label.per_atom:
            columns.append(value.reshape(len(frame), -1))
            properties += f":{label.key}:R:{columns[-1].shape[1]}"
    header.append(f"Properties={properties}")
    for label, value in labels:
        if not label.per_atom:
            header.append(f'{label.key}="{_numbers(value)}"' if label.shape else f"{label.key}={value!r}")
    if frame.group is not None:
        if any(c in frame.group for c in '"\\\n\r'):
            raise TlmlpError(
                f"{frame.source}: the group name {frame.group!r} must not have quotes, backslashes or line ends"
            )
        header.append(f'group="{frame.group}"')
    if frame.temperature is not None:
        header.append(f"temperature={frame.temperature!r}")
    header.append('pbc="' + " ".join("T" if p else "F" for p in frame.pbc) + '"')
    lines = [str(len(frame)), " ".join(header)]
    for z, row in zip(frame.atomic_numbers.tolist(), np.hstack(columns).tolist(), strict=True):
        lines.append(f"{chemical_symbols[z]} " + " ".join(map(repr, row)))
    return "\n".join(lines) + "\n"


def write_frames(path: str | os.PathLike[str], frames: Iterable[Frame]) -> None:
    """Write ``frames`` as extended XYZ: REF_energy (eV), REF_forces (eV/Å), REF_stress (eV/Å^3, nine numbers, tensile
    positive), ``group`` and ``temperature`` (K) where a frame has them. The file appears whole or not at all."""
    atomic_write_text(path, "".join(map(frame_text, frames)))
