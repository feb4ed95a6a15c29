"""``read_frames``: a file of any kind as frames with labels, in Å, eV, eV/Å and eV/Å^3.

The content tells the kind (content.py), and a reader of that kind gives images (image.py). The labels are chosen from
them in one place (labels.py). Nothing is lost or filled in without a word: docs/reference/data-rules.md has the rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.data.content import Content, look_into
from tlmlp.data.frame import Frame, kelvin
from tlmlp.data.image import Image
from tlmlp.data.isolated import is_isolated
from tlmlp.data.labels import KINDS, plain_name, read_labels
from tlmlp.data.notes import Notes
from tlmlp.data.selector import is_query, select, split_selector
from tlmlp.data.types import SharedTypes, refuse_types
from tlmlp.errors import TlmlpError

#: Keys of the group, the preferred one first, without case, "_" and "-".
GROUP_KEYS = ("group", "configtype")
#: Files that may number their kinds of atoms; their readers take elements of types, or refuse them.
TYPES_WITHOUT_NAMES = ("lammps-dump-text", "mtp")


def read_frames(
    path: str | os.PathLike[str],
    *,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    without: Collection[str] = (),
    types: Sequence[str] | None = None,
    require: Sequence[str] = (),
    notes: Notes | None = None,
) -> list[Frame]:
    """All frames of a file or folder, or those that the index in ``FILE@:10`` selects.

    Labels come from the keys that are given, else from REF_* and the common spellings of labels.py. ``without`` names
    labels ("energy", "forces", "stress") that are not read, whatever the file has. ``types`` gives the elements of a
    file that numbers its kinds of atoms. ``require`` names labels that every frame must have; what the file itself
    marks as not computed (weight 0, placeholders) may be missing all the same. What there is to say about the reading
    goes to ``notes``, and without them to the terminal. Energies in eV, forces in eV/Å, stress in eV/Å^3 (tensile
    positive).

    Raises :class:`TlmlpError` for unreadable files, ambiguous, misspelt and missing labels (with the keys seen), and
    everything that :class:`Frame` refuses.
    """
    told = Notes() if notes is None else notes
    unknown = sorted(set(without) - set(KINDS))
    if unknown:
        raise TlmlpError(f"labels are {', '.join(KINDS)}; got {unknown[0]!r}")
    keys = {"energy": energy_key, "forces": forces_key, "stress": stress_key}
    file, index = split_selector(str(path))
    content = look_into(file)
    told.kinds[str(path)] = content.kind
    found = _found(content, str(file), types, told, index if is_query(index) else None)
    if not found:
        raise TlmlpError(f"{path}: no frames")
    chosen = found if is_query(index) else select(found, index, str(path))
    frames = []
    for item in chosen:
        if isinstance(item, Image):
            frames.append(_frame(item, keys, without, require, told))
        else:
            frames.append(_without(item, without, require))
    if notes is None:
        _print(told)
    return frames


def read_files(
    paths: Sequence[str | os.PathLike[str]], *, types: Sequence[str] | None = None, **options: Any
) -> list[list[Frame]]:
    """The frames of each of several files, with the options of :func:`read_frames`.

    Some of the files may name their elements themselves; ``types`` that no file needs are refused.
    """
    shared = None if types is None else SharedTypes(types)
    found = [read_frames(path, types=shared, **options) for path in paths]
    if shared is not None:
        shared.refuse_unused([str(path) for path in paths])
    return found


def unlabelled_frames(
    text: str, kind: str, file: str, types: Sequence[str] | None = None, notes: Notes | None = None
) -> list[Frame]:
    """The frames of a piece of a file, without labels; for files that are read piece by piece.

    :param kind: of the file, a word of content.py or of ASE
    :param file: what messages call the piece
    :raises TlmlpError: as :func:`read_frames`
    """
    told = Notes() if notes is None else notes
    keys = dict.fromkeys(KINDS)
    found = _found(Content(Path(file), kind, text), file, types, told, None)
    return [
        _frame(item, keys, KINDS, (), told) if isinstance(item, Image) else _without(item, KINDS, ()) for item in found
    ]


def _found(
    content: Content, file: str, types: Sequence[str] | None, notes: Notes, query: str | None
) -> Sequence[Image | Frame]:
    """What the reader of that kind gives; readers are imported where they are used."""
    kind, text = content.kind, content.text or ""
    if kind not in TYPES_WITHOUT_NAMES and not kind.startswith(("deepmd", "abacus/")):
        refuse_types(types, file)
    if kind == "extxyz":
        from tlmlp.data.extxyz import read_extxyz

        return read_extxyz(text, file, notes)
    if kind == "json":
        from tlmlp.data.mlearn_json import is_mlearn, read_mlearn

        try:
            records = json.loads(text)
        except json.JSONDecodeError as error:
            raise TlmlpError(f"{file}: not valid JSON ({error}); is the file truncated?") from None
        if is_mlearn(records):
            return read_mlearn(records, file)
        if isinstance(records, dict) and "ids" not in records and not file.endswith(("nomad-json", ".cml", ".cjson")):
            raise TlmlpError(
                f"{file}: this JSON is neither an mlearn list nor an ASE database; its keys are "
                f"{', '.join(map(str, list(records)[:6]))}"
            )
        if isinstance(records, dict) and "ids" not in records:
            content.kind = "cjson" if file.endswith("cjson") else "nomad-json"
    if kind == "cp2k":
        from tlmlp.data.cp2k import read_cp2k_output

        return [read_cp2k_output(text, file)]
    if kind == "lammps-dump-text":
        from tlmlp.data.lammps_dump import read_lammps_dump

        return read_lammps_dump(text, file, types, notes)
    if kind == "mtp":
        from tlmlp.data.mtp import read_mtp

        return read_mtp(text, file, types)
    if kind == "mlab":
        from tlmlp.data.mlab import read_mlab

        return read_mlab(text, file)
    if kind.startswith(("deepmd", "abacus/")):
        from tlmlp.data.dpdata_files import read_dpdata

        return read_dpdata(content, file, types, notes)
    from tlmlp.data.ase_files import read_through_ase

    return read_through_ase(content, file, notes, query)


def _frame(
    image: Image, keys: Mapping[str, str | None], without: Collection[str], require: Collection[str], notes: Notes
) -> Frame:
    values, group = image.values, group_of(image.values)
    if require and len(image.numbers) == 1:
        bare = Frame(image.positions, image.cell, image.pbc, image.numbers, group=group, source=image.source)
        if is_isolated(bare):  # it gives the zero of the energy; its forces are zero, and often left out
            require = [kind for kind in require if kind == "energy"]
    labels, units = read_labels(image, keys, without, require, notes)
    temperature = values.get("temperature")
    if isinstance(temperature, (int, float, np.number)) and not isinstance(temperature, bool):
        at_kelvin: float | None = float(temperature)
    else:
        at_kelvin = kelvin(group)
    return Frame(
        positions=image.positions if units.length == 1.0 else image.positions * units.length,
        cell=image.cell if units.length == 1.0 else image.cell * units.length,
        pbc=image.pbc,
        atomic_numbers=image.numbers,
        group=group,
        source=image.source,
        temperature=at_kelvin,
        **labels,
    )


def group_of(values: Mapping[str, Any]) -> str | None:
    """The name of the kind of structure that ``values`` hold, if any."""
    named = {plain_name(key): value for key, value in values.items()}
    return next((str(named[key]) for key in GROUP_KEYS if key in named), None)


def _without(frame: Frame, without: Collection[str], require: Collection[str]) -> Frame:
    """``frame``, of a reader that knows its labels, less those of ``without``."""
    from dataclasses import replace

    for kind in require:
        if getattr(frame, kind) is None:
            raise TlmlpError(f"{frame.source}: no {kind}")
    nothing: dict[str, Any] = dict.fromkeys(without)
    return replace(frame, **nothing) if without else frame


def _print(notes: Notes) -> None:
    from tlmlp.console import console

    for line in notes.lines():
        console.note(f"{line}")
