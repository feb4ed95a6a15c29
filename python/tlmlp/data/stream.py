"""The structures of a file one after the other, in constant memory where the format allows it; labels are not read."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from tlmlp.data.frame import Frame
from tlmlp.data.labels import KINDS
from tlmlp.data.notes import Notes
from tlmlp.data.readers import group_of, read_frames, unlabelled_frames
from tlmlp.data.types import refuse_types
from tlmlp.errors import TlmlpError
from tlmlp.text import counted

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: Formats that ASE reads frame by frame, by the ending.
_BY_FRAME = (".traj", ".nc")


def stream_frames(
    path: str | os.PathLike[str],
    *,
    types: Sequence[str] | None = None,
    skip: int = 0,
    at: Callable[[float], None] = lambda share: None,
    notes: Notes | None = None,
) -> Iterator[Frame]:
    """Every structure of a file in order, with its group and temperature where the file has them.

    XYZ, extended XYZ and text dumps of LAMMPS, also compressed (.gz, .bz2, .xz), are cut into frames while they are
    read. ASE's own trajectories are read frame by frame. Memory does not grow with the file. Everything else that
    :func:`~tlmlp.data.read_frames` knows is read whole.

    :param types: elements of a file that numbers its kinds of atoms
    :param skip: frames to leave out at the beginning; those that are cut are not even parsed
    :param at: called with the share of the file that has been read, from 0 to 1
    :param notes: what there is to say about the reading
    :raises TlmlpError: for a file that is missing, empty, cut short or unreadable, and everything that
        :class:`Frame` refuses, naming the frame
    """
    path = Path(path)
    if not path.exists():
        raise TlmlpError(f"{path} does not exist: expected a file with structures")
    number = skip
    try:
        for frame in _frames(path, types, skip, at, Notes() if notes is None else notes):
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


def _frames(
    path: Path, types: Sequence[str] | None, skip: int, at: Callable[[float], None], notes: Notes
) -> Iterator[Frame]:
    kind = _cut_format(path)
    if kind is not None:
        yield from _cut(path, kind, types, skip, at, notes)
    elif path.suffix in _BY_FRAME:
        import ase.io

        refuse_types(types, str(path))
        for number, atoms in enumerate(ase.io.iread(path, index=":")):
            if number >= skip:
                yield Frame.from_atoms(atoms, source=f"{path}#{number}", group=group_of(atoms.info))
    else:
        yield from read_frames(path, without=KINDS, types=types, notes=notes)[skip:]


def _cut_format(path: Path) -> str | None:
    """The name of a text format that is cut into frames here, or None."""
    if path.is_dir():
        return None
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
    path: Path, kind: str, types: Sequence[str] | None, skip: int, at: Callable[[float], None], notes: Notes
) -> Iterator[Frame]:
    size = path.stat().st_size
    stream, raw = _open(path)
    with raw, stream:
        for number, lines in enumerate(_xyz_frames(stream, path) if kind == "extxyz" else _dump_frames(stream, path)):
            if number >= skip:
                (frame,) = unlabelled_frames("".join(lines), kind, f"{path}#{number}", types, notes)
                share = min(1.0, raw.tell() / size)
                yield replace(frame, source=f"{path}#{number}")
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
                f"{path}: frame {number} has {max(0, len(lines) - 1)} of its {counted(int(head), 'atom')}: is the file cut short?"
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
            raise TlmlpError(
                f"{path}: frame {number} has {len(atoms)} of its {counted(count, 'atom')}: is the file cut short?"
            )
        yield lines + atoms
        lines = []
