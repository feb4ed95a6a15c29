"""The mlearn JSON: a list of records with a structure (pymatgen) and outputs of VASP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlmlp.data.frame import Frame, kelvin
from tlmlp.errors import TlmlpError
from tlmlp.units import EV_PER_ANG3_IN_GPA, GPA_PER_KBAR


def is_mlearn(content: Any) -> bool:
    """Whether ``content`` (parsed JSON) is a list of mlearn records."""
    return isinstance(content, list) and all(
        isinstance(r, dict) and "structure" in r and "outputs" in r for r in content
    )


def stress_from_vasp_kbar(six: Sequence[float]) -> np.ndarray:
    """(3, 3) stress in eV/Å^3, tensile positive, from VASP's six numbers in kbar (xx yy zz xy yz zx, positive under
    compression)."""
    xx, yy, zz, xy, yz, zx = (-float(s) * GPA_PER_KBAR / EV_PER_ANG3_IN_GPA for s in six)
    return np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])


def read_mlearn(records: Sequence[Mapping[str, Any]], file: str) -> list[Frame]:
    """A frame per record.

    :raises TlmlpError: for records that are not complete, or that have sites with several or partial atoms
    """
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
            if record.get("num_atoms", len(sites)) != len(sites):
                raise TlmlpError(f"{source}: the record says {record['num_atoms']} atoms and has {len(sites)} sites")
            stress = outputs.get("virial_stress")
            frames.append(
                Frame(
                    positions=np.array([site["xyz"] for site in sites]),
                    cell=structure["lattice"]["matrix"],
                    pbc=np.ones(3, dtype=bool),
                    atomic_numbers=np.array([atomic_numbers[site["species"][0]["element"]] for site in sites]),
                    energy=outputs["energy"],
                    forces=outputs["forces"],
                    stress=None if stress is None else stress_from_vasp_kbar(stress),
                    group=record.get("group"),
                    source=source,
                    temperature=kelvin(record.get("description")),
                )
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise TlmlpError(f"{source}: not a complete mlearn record ({type(error).__name__}: {error})") from None
    return frames
