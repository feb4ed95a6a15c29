"""``tlmlp predict``: energies, forces and stresses of every structure of many files, in constant memory, resumable."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlmlp.analysis.models import open_model
from tlmlp.console import console
from tlmlp.data.stream import stream_frames
from tlmlp.data.writers import frame_text
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json

if TYPE_CHECKING:
    from tlmlp.analysis.models import ForceModel, Model
    from tlmlp.data.frame import Frame
    from tlmlp.data.notes import Notes

#: s between the moments to which a killed call goes back.
KEEP_EVERY = 10.0
#: Frames in memory at most.
KEEP_FRAMES = 1000
ENDINGS = (".extxyz", ".xyz", ".extxyz.gz", ".xyz.gz")


@dataclass(frozen=True)
class Predicted:
    """What :func:`predict` wrote."""

    frames: int
    atoms: int
    #: Of this call, without frames of an earlier one that was killed.
    seconds: float
    #: Frames that an earlier call had written.
    resumed_from: int


def predict(
    model: Model,
    files: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    precision: str = "double",
    threads: int = 1,
    types: Sequence[str] | None = None,
    at: Callable[[float, int], None] = lambda share, frames: None,
    notes: Notes | None = None,
) -> Predicted:
    """Write every structure of ``files`` with the energies, forces and stresses of ``model`` into one extended XYZ file.

    :param out: REF_energy (eV), REF_forces (eV/Å) and, of cells with a volume, REF_stress (eV/Å^3, tensile positive);
        group and temperature are kept, labels of the input are not; compressed where the name ends in .gz
    :param precision: of the network: "double", or "single", which is faster
    :param types: elements of files that number their kinds of atoms, such as LAMMPS dumps without the column ``element``
    :param at: called with the share of the work that is done and the number of frames
    :param notes: what there is to say about the reading
    :raises TlmlpError: when a file cannot be read or the model refuses a structure, naming it

    Memory does not grow with the files (formats: :func:`~tlmlp.data.stream.stream_frames`). The file appears when it is
    whole; until then OUT.part grows, and the same call continues from there after it was killed.
    """
    out = Path(out)
    if not out.name.endswith(ENDINGS):
        raise TlmlpError(f"--out must end in {', '.join(ENDINGS)}, got {out}")
    paths = [Path(file) for file in files]
    if not paths:
        raise TlmlpError("expected one file or more with structures")
    for file in paths:
        if not file.exists():
            raise TlmlpError(f"{file} does not exist: expected a file with structures")
        if out.exists() and file.samefile(out):
            raise TlmlpError(f"{out} is one of the files to read: choose another name for the result")
    opened = open_model(model, threads=threads, precision=precision, skin=0.0)
    sizes = [file.stat().st_size for file in paths]
    key = {
        "model": opened.origin,
        "precision": precision,
        "types": None if types is None else [*types],
        "files": [[str(file.absolute()), s, file.stat().st_mtime_ns] for file, s in zip(paths, sizes, strict=True)],
    }
    start = time.monotonic()
    total = max(1, sum(sizes))
    with _Part(out, key) as part:
        resumed = part.frames
        for n, file in enumerate(paths[part.file :], part.file):
            before, share = sum(sizes[:n]), [0.0]
            skip = part.frame if n == part.file else 0
            part.begin(n, skip)
            for frame in stream_frames(file, types=types, skip=skip, at=partial(share.__setitem__, 0), notes=notes):
                part.write(frame_text(_labelled(frame, opened)), len(frame))
                at((before + share[0] * sizes[n]) / total, part.frames)
        part.finish()
    at(1.0, part.frames)
    return Predicted(part.frames, part.atoms, time.monotonic() - start, resumed)


def _labelled(frame: Frame, model: ForceModel) -> Frame:
    """``frame`` with the model's energy, forces, and stress where the cell has a volume."""
    from ase import Atoms

    atoms = Atoms(frame.atomic_numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
    model.check(atoms, frame.source)
    atoms.calc = model.calculator
    try:
        energy, forces = float(atoms.get_potential_energy()), atoms.get_forces()
        stress = atoms.get_stress(voigt=False) if frame.pbc.all() and frame.volume > 0.0 else None
    except TlmlpError as error:
        raise TlmlpError(f"{frame.source}: {error}") from None
    return replace(frame, energy=energy, forces=forces, stress=stress)


class _Part:
    """OUT.part, which grows, and OUT.part.json, which says how much of it is certain and what it was made of."""

    def __init__(self, out: Path, key: dict[str, Any]) -> None:
        self.out, self._key = out, key
        self._path, self._state = out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.part.json")
        self._packed = out.suffix == ".gz"
        #: Frames and atoms in the file, and where the input stands: number of the file and frames read of it.
        self.frames = self.atoms = self.file = self.frame = 0

    def __enter__(self) -> _Part:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._raw = open(self._path, "ab")
        try:
            fcntl.flock(self._raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._raw.close()
            raise TlmlpError(
                f"{self._path} is being written by another process: wait for it, or change --out"
            ) from None
        size = 0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads(self._state.read_text())
            if state["key"] == self._key and state["bytes"] <= self._path.stat().st_size:
                size = state["bytes"]
                self.frames, self.atoms, self.file, self.frame = (
                    state[name] for name in ("frames", "atoms", "file", "frame")
                )
        if size == 0 and self._path.stat().st_size:
            console.note(f"{self._path} is of another call and is replaced")
        self._raw.truncate(size)
        self._text: list[str] = []
        self._kept = time.monotonic()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is not None and not self._raw.closed:
                self._keep()  # what was computed before an error or an interrupt is not lost
        finally:
            self._raw.close()

    def begin(self, file: int, frame: int) -> None:
        """The next frames are of this file, from this one on."""
        self.file, self.frame = file, frame

    def write(self, text: str, atoms: int) -> None:
        """One frame more."""
        self._text.append(text)
        self.frames, self.atoms, self.frame = self.frames + 1, self.atoms + atoms, self.frame + 1
        if time.monotonic() - self._kept > KEEP_EVERY or len(self._text) >= KEEP_FRAMES:
            self._keep()

    def finish(self) -> None:
        """The part becomes the file."""
        self._keep()
        self._raw.close()
        self._path.replace(self.out)
        self._state.unlink(missing_ok=True)

    def _keep(self) -> None:
        content = "".join(self._text).encode()
        self._raw.write(
            gzip.compress(content, mtime=0) if self._packed and content else content
        )  # gzip files may be joined
        self._text = []
        self._raw.flush()
        os.fsync(self._raw.fileno())
        atomic_write_json(
            self._state,
            {
                "key": self._key,
                "bytes": self._raw.tell(),
                "frames": self.frames,
                "atoms": self.atoms,
                "file": self.file,
                "frame": self.frame,
            },
        )
        self._kept = time.monotonic()
