"""Forces of many supercells that survive a kill, so that the same command continues where it was."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.files import atomic_write_bytes, sha256_bytes

if TYPE_CHECKING:
    from ase import Atoms

#: s between two writings.
KEEP_EVERY = 10.0


class KeptForces:
    """Forces in the order of ``cells``; those of an earlier call with the same cells and model are there already.

    :param path: where they are kept; None: nowhere
    :param model: what computes them, as it goes into a summary
    """

    def __init__(self, path: Path | None, cells: Sequence[Atoms], model: dict[str, Any]) -> None:
        self._path, self._kept = path, time.monotonic()
        geometry = b"".join(c.positions.tobytes() + c.cell.array.tobytes() + c.numbers.tobytes() for c in cells)
        self._key = sha256_bytes(json.dumps(model, sort_keys=True).encode() + geometry)
        #: (n, 3) eV/Å each.
        self.forces: list[np.ndarray] = []
        if path is not None and path.is_file():
            try:
                with np.load(path, allow_pickle=False) as content:
                    if str(content["key"]) == self._key:
                        self.forces = list(content["forces"])
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                self.forces = []

    def append(self, forces: np.ndarray) -> None:
        """The next one; written now and then."""
        self.forces.append(forces)
        if self._path is not None and time.monotonic() - self._kept > KEEP_EVERY:
            content = io.BytesIO()
            np.savez(content, key=np.array(self._key), forces=np.array(self.forces))
            atomic_write_bytes(self._path, content.getvalue())
            self._kept = time.monotonic()
