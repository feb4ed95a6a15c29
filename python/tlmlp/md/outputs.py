"""thermo.csv and trajectory.extxyz, which grow during a run and are cut back to its checkpoint when it continues."""

import io
import os
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from tlmlp.errors import TlmlpError
from tlmlp.md.state import COLUMNS, State, to_atoms

THERMO, TRAJECTORY = "thermo.csv", "trajectory.extxyz"


class Outputs:
    """The growing files of a run in ``folder``.

    :param lengths: bytes of each file at the checkpoint from which the run continues; None starts them anew
    :raises TlmlpError: when a file is shorter than at the checkpoint
    """

    def __init__(self, folder: Path, lengths: dict[str, int] | None = None) -> None:
        self._files = {}
        for name in (THERMO, TRAJECTORY):
            path = folder / name
            if lengths is None:
                path.write_bytes(b"")
            elif not path.is_file() or path.stat().st_size < lengths[name]:
                raise TlmlpError(f"{path} is shorter than when its checkpoint was written: it cannot be continued")
            stream = open(path, "r+b")
            stream.truncate(lengths[name] if lengths else 0)
            stream.seek(0, os.SEEK_END)
            self._files[name] = stream
        #: A run that an earlier version began continues with the columns that it has.
        self._columns: tuple[str, ...] = COLUMNS
        if lengths is not None:
            with open(folder / THERMO, encoding="utf-8") as written:
                self._columns = tuple(written.readline().strip().split(","))
        if lengths is None:
            self._write(THERMO, ",".join(COLUMNS) + "\n")

    def thermo(self, row: dict[str, float | None]) -> None:
        """Append a row."""
        step, *values = (row[name] for name in self._columns)
        self._write(THERMO, ",".join([str(step), *("" if v is None else f"{v:.12g}" for v in values)]) + "\n")

    def frame(self, step: int, time_ps: float, state: State, template: Atoms) -> None:
        """Append a frame with momenta, energy, forces and stress."""
        atoms = to_atoms(state, template)
        atoms.info |= {"step": step, "time_ps": time_ps}
        text = io.StringIO()
        ase.io.write(text, atoms, format="extxyz")
        self._write(TRAJECTORY, text.getvalue())

    def lengths(self) -> dict[str, int]:
        """Bytes of each file, which are on the disk when this returns."""
        for stream in self._files.values():
            os.fsync(stream.fileno())
        return {name: stream.tell() for name, stream in self._files.items()}

    def close(self) -> None:
        """Close the files."""
        for stream in self._files.values():
            stream.close()

    def _write(self, name: str, text: str) -> None:
        self._files[name].write(text.encode())
        self._files[name].flush()


def read_thermo(path: Path) -> dict[str, np.ndarray]:
    """Columns of a thermo.csv by name; empty entries become NaN."""
    lines = path.read_text().splitlines()
    rows = [[float(word) if word else np.nan for word in line.split(",")] for line in lines[1:]]
    return dict(zip(lines[0].split(","), np.array(rows).reshape(len(rows), -1).T, strict=True))
