"""The structures of a file one after the other, in constant memory where the format allows it; labels are not read."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tlmlp.data.frame import Frame
from tlmlp.errors import TlmlpError

if TYPE_CHECKING:
    from ase import Atoms

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: Formats that ASE reads frame by frame, by the ending.
_BY_FRAME = (".traj", ".nc")


def stream_frames(
    path: str | os.PathLike,
    *,
    elements: Sequence[str] | None = None,
    skip: int = 0,
    at: Callable[[float], None] = lambda share: None,
) -> Iterator[Frame]:
    """Every structure of a file in order, with its group and temperature where the file has them.

    XYZ, extended XYZ and text dumps of LAMMPS, also compressed (.gz, .bz2, .xz), are cut into frames while they are
    read, and ASE's own trajectories are read frame by frame: memory does not grow with the file. Everything else that
    :func:`~tlmlp.data.read_frames` knows is read whole.

    :param elements: chemical symbols of the types 1, 2, ... of a LAMMPS dump without the column ``element``
    :param skip: frames to leave out at the beginning; those that are cut are not even parsed
    :param at: called with the share of the file that has been read, from 0 to 1
    :raises TlmlpError: for a file that is missing, empty, cut short or unreadable, and everything that
        :class:`Frame` refuses, naming the frame
    """
    path = Path(path)
    if not path.is_file():
        raise TlmlpError(f"{path} does not exist: expected a file with structures")
    if path.stat().st_size == 0:
        raise TlmlpError(f"{path} is empty: expected structures")
    number = skip
    try:
        for frame in itertools.islice(_frames(path, elements, skip, at), None):
            yield frame
            number += 1
    except TlmlpError:
        raise
    except Exception as error:  # each of ASE's many readers fails in a way of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(f"{path}: frame {number} cannot be read ({reason})") from None
    if number == 0:
        raise TlmlpError(f"{path} holds no structure")
    at(1.0)


def _frames(path: Path, elements: Sequence[str] | None, skip: int, at: Callable[[float], None]) -> Iterator[Frame]:
    kind = _cut_format(path)
    if kind is not None:
        yield from _cut(path, kind, elements, skip, at)
    elif path.suffix in _BY_FRAME:
        import ase.io

        for number, atoms in enumerate(ase.io.iread(path, index=":")):
            if number >= skip:
                yield _frame(atoms, f"{path}#{number}")
    else:
        from tlmlp.data.readers import read_frames

        yield from read_frames(path)[skip:]


def _frame(atoms: Atoms, source: str) -> Frame:
    group = next((str(atoms.info[key]) for key in ("group", "config_type") if key in atoms.info), None)
    temperature = atoms.info.get("temperature")
    known = isinstance(temperature, int | float | np.number) and not isinstance(temperature, bool)
    return Frame.from_atoms(atoms, group=group, source=source, temperature=float(temperature) if known else None)


def _cut_format(path: Path) -> str | None:
    """ASE's name of a text format that is cut into frames here, or None."""
    try:
        with _open(path)[0] as stream:
            first, second = stream.readline(4096), stream.readline(65536)
    except (UnicodeDecodeError, OSError, EOFError, lzma.LZMAError):
        return None
    if first.startswith("ITEM:"):
        return "lammps-dump-text"
    named = {".xyz", ".extxyz"} & set(path.suffixes)
    return "extxyz" if first.strip().isdigit() and (named or "Properties=" in second) else None


def _open(path: Path) -> tuple[IO[str], IO[bytes]]:
    """The text, and the file below it, whose position tells how far it has been read."""
    raw = open(path, "rb")
    opener = _OPENERS.get(path.suffix)
    return io.TextIOWrapper(opener(raw) if opener else raw, encoding="utf-8"), raw


def _cut(
    path: Path, kind: str, elements: Sequence[str] | None, skip: int, at: Callable[[float], None]
) -> Iterator[Frame]:
    import ase.io

    size = path.stat().st_size
    stream, raw = _open(path)
    with raw, stream:
        for number, lines in enumerate(_xyz_frames(stream, path) if kind == "extxyz" else _dump_frames(stream, path)):
            if number < skip:
                continue
            options = _dump_options(lines, elements, path) if kind == "lammps-dump-text" else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # readers warn about what does not concern the geometry
                atoms = ase.io.read(io.StringIO("".join(lines)), format=kind, **options)
            share = min(1.0, raw.tell() / size)
            yield _frame(atoms, f"{path}#{number}")
            at(share)


def _xyz_frames(stream: IO[str], path: Path) -> Iterator[list[str]]:
    for number in itertools.count():
        head = stream.readline()
        while head and not head.strip():
            head = stream.readline()
        if not head:
            return
        if not head.strip().isdigit():
            raise TlmlpError(f"{path}: frame {number} must begin with its number of atoms, got {head.strip()[:40]!r}")
        lines = list(itertools.islice(stream, int(head) + 1))
        if len(lines) <= int(head):
            raise TlmlpError(
                f"{path}: frame {number} has {max(0, len(lines) - 1)} of its {int(head)} atoms: is the file cut short?"
            )
        yield [head, *lines]


def _dump_frames(stream: IO[str], path: Path) -> Iterator[list[str]]:
    """A frame of a dump ends with its last atom; lines such as ITEM: UNITS may stand before ITEM: TIMESTEP."""
    lines: list[str] = []
    count = None
    for number in itertools.count():
        for line in stream:
            lines.append(line)
            if line.startswith("ITEM: NUMBER OF ATOMS"):
                lines.append(stream.readline())
                count = int(lines[-1])
            if line.startswith("ITEM: ATOMS"):
                break
        else:
            if any(line.strip() for line in lines):
                raise TlmlpError(f"{path}: the file ends within the head of frame {number}: is it cut short?")
            return
        if count is None:
            raise TlmlpError(f"{path}: frame {number} has no ITEM: NUMBER OF ATOMS")
        atoms = list(itertools.islice(stream, count))
        if len(atoms) < count:
            raise TlmlpError(f"{path}: frame {number} has {len(atoms)} of its {count} atoms: is the file cut short?")
        yield lines + atoms
        lines = []


def _dump_options(lines: Sequence[str], elements: Sequence[str] | None, path: Path) -> dict[str, Any]:
    columns = next(line.split()[2:] for line in lines if line.startswith("ITEM: ATOMS"))
    if elements is not None:
        return {"specorder": [*elements]}
    if "element" not in columns:
        raise TlmlpError(
            f"{path}: the dump has no column `element`: name the elements of types 1, 2, ... (--elements Si,Ge)"
        )
    return {}
