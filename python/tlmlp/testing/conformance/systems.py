"""The systems: a JSON list that any suite in any language can read.

Each entry has ``name``, ``species`` (n,) rows of the model's list of species (modulo its length), ``positions`` (n, 3) and
``cell`` (3, 3, rows) in Å, and ``pbc`` (3,).
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.testing.structures import Structure

SYSTEMS = Path(__file__).with_name("systems.json")


def read_systems(atomic_numbers: Sequence[int], path: str | os.PathLike[str] = SYSTEMS) -> dict[str, Structure]:
    """Structures by name, of the elements of a model.

    :param atomic_numbers: of the model's species, in its order
    :raises TlmlpError: when the file is not what it should be
    """
    numbers = np.asarray(atomic_numbers, dtype=np.int64)
    try:
        entries = json.loads(Path(path).read_text())
        return {
            entry["name"]: Structure(
                positions=np.array(entry["positions"], dtype=np.float64).reshape(-1, 3),
                cell=np.array(entry["cell"], dtype=np.float64).reshape(3, 3),
                pbc=np.array(entry["pbc"], dtype=bool).reshape(3),
                atomic_numbers=numbers[np.array(entry["species"], dtype=np.int64) % len(numbers)],
            )
            for entry in entries
        }
    except FileNotFoundError:
        raise TlmlpError(f"{path} does not exist") from None
    except (ValueError, KeyError, TypeError) as error:
        raise TlmlpError(
            f"{path} must be a JSON list of systems with name, species, positions, cell, pbc: {error!r}"
        ) from None
