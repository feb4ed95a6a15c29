"""Frames from the mlearn JSON, extended XYZ, CP2K outputs, and whatever ``ase.io.read`` opens with energies and forces."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.data.cp2k import is_cp2k_output, read_cp2k_output
from tlmlp.data.frame import Frame
from tlmlp.data.labels import find_label, stress_matrix
from tlmlp.errors import TlmlpError
from tlmlp.units import EV_PER_ANG3_IN_GPA, GPA_PER_KBAR

if TYPE_CHECKING:
    from ase import Atoms

GROUP_KEYS = ("group", "config_type")


def read_frames(
    path: str | os.PathLike,
    *,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    require: Sequence[str] = (),
) -> list[Frame]:
    """All frames of a file, or those that ASE's index selects in ``FILE@:10``.

    Labels come from the keys that are given, else from REF_* and the common spellings of labels.py. ``require`` names
    labels ("energy", "forces", "stress") that every frame must have. Energies in eV, forces in eV/Å, stress in
    eV/Å^3 (tensile positive), as ASE and the mlearn files define them.

    Raises :class:`TlmlpError` for unreadable files, ambiguous, misspelt and missing labels (with the keys seen), and
    everything that :class:`Frame` refuses.
    """
    file, index = _split_index(str(path))
    if not file.is_file():
        raise TlmlpError(f"{file}: no such file")
    if file.stat().st_size == 0:
        raise TlmlpError(f"{file}: the file is empty")
    records = _mlearn_records(file) if file.suffix == ".json" else None
    if records is not None:
        frames = _frames_from_mlearn(records, file)[_slice(index, path)]
    elif is_cp2k_output(file):
        frames = [read_cp2k_output(file)][_slice(index, path)]
    else:
        keys = {"energy": energy_key, "forces": forces_key, "stress": stress_key}
        frames = _frames_from_ase(file, index, keys, require)
    for frame in frames:
        for label in require:
            if getattr(frame, label) is None:
                raise TlmlpError(f"{frame.source}: no {label}")
    if not frames:
        raise TlmlpError(f"{path}: no frames")
    return frames


def _split_index(path: str) -> tuple[Path, str]:
    if "@" in path and not Path(path).exists():
        file, _, index = path.rpartition("@")
        return Path(file), index or ":"
    return Path(path), ":"


def _slice(index: str, path: str | os.PathLike) -> slice:
    try:
        parts = [int(part) if part else None for part in index.split(":")]
    except ValueError:
        raise TlmlpError(f"{path}: the index after @ must be like 5 or :10 or ::2, got {index!r}") from None
    if len(parts) == 1 and parts[0] is not None:
        return slice(parts[0], parts[0] + 1 or None)
    if len(parts) not in (2, 3):
        raise TlmlpError(f"{path}: the index after @ must be like 5 or :10 or ::2, got {index!r}")
    return slice(*parts)


# --- mlearn JSON ---------------------------------------------------------------------------------------------------


def _mlearn_records(file: Path) -> list[Any] | None:
    """Parsed records if ``file`` is an mlearn list, None if it is JSON of another kind (an ASE database)."""
    try:
        content = json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TlmlpError(f"{file}: not valid JSON ({error}); is the file truncated?") from None
    if isinstance(content, list) and all(isinstance(r, dict) and "structure" in r and "outputs" in r for r in content):
        return content
    return None


def stress_from_vasp_kbar(six: Sequence[float]) -> np.ndarray:
    """(3, 3) stress in eV/Å^3, tensile positive, from VASP's six numbers in kbar (xx yy zz xy yz zx, positive under
    compression)."""
    xx, yy, zz, xy, yz, zx = (-float(s) * GPA_PER_KBAR / EV_PER_ANG3_IN_GPA for s in six)
    return np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])


def _frames_from_mlearn(records: Sequence[Mapping[str, Any]], file: Path) -> list[Frame]:
    from ase.data import atomic_numbers

    frames = []
    for n, record in enumerate(records):
        source = f"{file}#{n}"
        try:
            structure, outputs = record["structure"], record["outputs"]
            sites = structure["sites"]
            for site in sites:
                if len(site["species"]) != 1 or site["species"][0].get("occu", 1) != 1:
                    raise TlmlpError(f"{source}: a site must hold one atom, got {site['species']}")
            stress = outputs.get("virial_stress")
            frames.append(
                Frame(
                    positions=[site["xyz"] for site in sites],
                    cell=structure["lattice"]["matrix"],
                    pbc=[True] * 3,
                    atomic_numbers=[atomic_numbers[site["species"][0]["element"]] for site in sites],
                    energy=outputs["energy"],
                    forces=outputs["forces"],
                    stress=None if stress is None else stress_from_vasp_kbar(stress),
                    group=record.get("group"),
                    source=source,
                    temperature=_kelvin(record.get("description")),
                )
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise TlmlpError(f"{source}: not a complete mlearn record ({type(error).__name__}: {error})") from None
    return frames


# --- everything else, through ASE ----------------------------------------------------------------------------------


def _frames_from_ase(file: Path, index: str, keys: Mapping[str, str | None], require: Sequence[str]) -> list[Frame]:
    import ase.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # readers warn about constraints and units that do not concern the labels
            images = ase.io.read(file, index=index)
    except Exception as error:  # each of ASE's many readers fails in a way of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(f"{file}: cannot be read ({reason})") from None
    if not isinstance(images, list):
        images = [images]
    numbers = range(len(images))
    return [_frame_from_images(atoms, f"{file}#{n}", keys, require) for n, atoms in zip(numbers, images, strict=True)]


def label_values(atoms: Atoms) -> dict[str, Any]:
    """Everything a reader found in one image that could be a label, by name; forces as written, without constraints."""
    values: dict[str, Any] = {}
    if atoms.calc is not None:
        values.update({name: value for name, value in atoms.calc.results.items() if value is not None})
    values.update(atoms.info)
    values.update({name: value for name, value in atoms.arrays.items() if name not in ("numbers", "positions")})
    return values


def _frame_from_images(atoms: Atoms, source: str, keys: Mapping[str, str | None], require: Sequence[str]) -> Frame:
    values = label_values(atoms)
    labels: dict[str, Any] = {}
    for kind in ("energy", "forces"):
        name = find_label(kind, values, keys[kind], source)
        if name is None and kind in require:
            raise TlmlpError(
                f"{source}: no {kind}; name the entry with {kind}_key; keys seen: {', '.join(sorted(values)) or 'none'}"
            )
        labels[kind] = None if name is None else _as_numbers(values[name], name, source)
    if labels["energy"] is not None:
        if labels["energy"].size != 1:
            raise TlmlpError(f"{source}: the energy must be one number, got {labels['energy'].size}")
        labels["energy"] = float(labels["energy"].ravel()[0])
    labels["stress"] = _stress(atoms, values, keys["stress"], source)
    group = next((str(values[key]) for key in GROUP_KEYS if key in values), None)
    temperature = values.get("temperature")
    temperature = float(temperature) if isinstance(temperature, (int, float, np.number)) else _kelvin(group)
    return Frame.from_atoms(atoms, **labels, group=group, source=source, temperature=temperature)


def _kelvin(text: object) -> float | None:
    """The temperature in "... at 300 K" or "300K"."""
    found = re.search(r"(?:^|\s)(\d+(?:\.\d+)?) ?K$", text) if isinstance(text, str) else None
    return None if found is None else float(found[1])


def _as_numbers(value: Any, name: str, source: str) -> np.ndarray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TlmlpError(f"{source}: {name!r} must be numbers, got {value!r:.40}") from None


def _stress(atoms: Atoms, values: Mapping[str, Any], key: str | None, source: str) -> np.ndarray | None:
    """Stress (3, 3); from a virial (eV, -volume times the stress) where the file has that instead."""
    name = find_label("stress", values, key, source)
    if name is not None and "virial" not in name.lower():
        return stress_matrix(_as_numbers(values[name], name, source), name, source)
    name = name or find_label("virial", values, None, source)
    if name is None:
        return None
    volume = atoms.cell.volume
    if volume == 0.0:
        raise TlmlpError(f"{source}: {name!r} needs a cell with volume")
    return -stress_matrix(_as_numbers(values[name], name, source), name, source) / volume
