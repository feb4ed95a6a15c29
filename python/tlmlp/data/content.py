"""What a file is, by its content; its name decides only where the content does not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from tlmlp.errors import TlmlpError

#: Beginnings of binary files.
_MAGIC = (
    (b"\x93NUMPY", "numpy array"),
    (b"PK\x03\x04", "zip archive"),
    (b"- of Ulm", "traj"),
    (b"SQLite format 3", "db"),
    (b"\x89HDF", "hdf5"),
    (b"CDF", "netcdf"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
#: Texts near the beginning of an output, and what it is then; the first that is found decides.
_MARKS = (
    (re.compile(r"^\s*ITEM: (?:TIMESTEP|UNITS|TIME)", re.MULTILINE), "lammps-dump-text"),
    (re.compile(r"^\s*BEGIN_CFG", re.MULTILINE), "mtp"),
    (re.compile(r"^\s*1\.0 Version.*?The number of configurations", re.DOTALL), "mlab"),
    (re.compile(r"^\s*\d+\s+atoms\s*\n.*^\s*\d+\s+atom types\s*$", re.MULTILINE | re.DOTALL), "lammps-data"),
    (re.compile(r"\A\s*begin\s*\n"), "runnerdata"),
    (re.compile(r"<modeling>"), "vasp-xml"),
    (re.compile(r"^ ?vasp\.\d|^\s*executed on .*\n.*|\n INCAR:\s", 0), "vasp-out"),
    (re.compile(r"CP2K\| version string"), "cp2k"),
    (re.compile(r"^\s*Program PWSCF", re.MULTILINE), "espresso-out"),
    (re.compile(r"^\s*WELCOME TO ABACUS|^\s*ABACUS v", re.MULTILINE), "abacus log"),
)


@dataclass
class Content:
    """A file as it was found."""

    path: Path
    #: A name of this module or of ASE's readers.
    kind: str
    #: The whole content as text; None for binary files, and for those that ASE opens by their path.
    text: str | None = None
    #: Whether it was compressed.
    packed: bool = False


def look_into(path: Path) -> Content:
    """Read ``path`` as far as it takes to tell what it is; the files in a folder tell what it is.

    :raises TlmlpError: for missing, empty and damaged files, and those of which no reader is known
    """
    if path.is_dir():
        return Content(path, _kind_of_folder(path))
    if not path.is_file():
        raise TlmlpError(f"{path}: no such file")
    try:
        raw = path.read_bytes()
        data = raw
        while (inner := _unpacked(data)) is not data:
            data = inner
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise TlmlpError(f"{path}: cannot be read ({error}); is the file truncated?") from None
    if not data.strip():
        raise TlmlpError(f"{path}: the file is empty")
    packed = data is not raw
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return Content(path, _readable(kind, path), packed=packed)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TlmlpError(f"{path}: the text is in UTF-16; save it as UTF-8")
    text = data.decode("utf-8-sig", errors="replace")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old
    return Content(path, _kind_of_text(text, path), text, packed)


def _unpacked(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"BZh"):
        return bz2.decompress(data)
    if data.startswith(b"\xfd7zXZ\x00"):
        return lzma.decompress(data)
    return data


def _readable(kind: str, path: Path) -> str:
    if kind in ("numpy array", "zip archive"):
        raise TlmlpError(
            f"{path}: this is a {'numpy array' if kind == 'numpy array' else 'zip archive (an .npz?)'}, which does not say "
            "what its numbers are; a DeePMD data set is named by its folder (the one with type.raw)"
        )
    if kind == "zstd":
        raise TlmlpError(f"{path}: the file is compressed by zstd; unpack it first (unzstd)")
    return {"netcdf": "netcdftrajectory"}.get(kind, kind)


def _kind_of_text(text: str, path: Path) -> str:
    head = text[: 1 << 16]
    first = head.lstrip().split("\n", 1)[0].strip()
    if first.startswith("version https://git-lfs"):
        raise TlmlpError(f"{path}: this is a Git LFS pointer, not the file; fetch it with git lfs pull")
    if re.match(r"<(!doctype )?html", first, re.IGNORECASE):
        raise TlmlpError(f"{path}: this is a web page, not data; did the download go wrong?")
    if first.startswith(("{", "[")):
        return "json"
    if re.fullmatch(r"[+-]?\d+", first) and _like_xyz(head, path):
        return "extxyz"
    for mark, kind in _MARKS:
        if mark.search(head):
            return kind
    return _kind_for_ase(path, text)


def _like_xyz(head: str, path: Path) -> bool:
    """Whether a text that begins with a number is extended XYZ: VASP's structures and .gro begin with free text, which
    may be one."""
    lines = head.lstrip().split("\n", 3)
    if len(lines) < 3 or re.search(r"properties\s*=|lattice\s*=", lines[1], re.IGNORECASE):
        return True
    if re.match(r"POSCAR|CONTCAR|XDATCAR|POTCAR", path.name):
        return False
    words = lines[2].split()
    return path.suffix != ".gro" or (len(words) == 4 and words[0].isalpha())


def _kind_for_ase(path: Path, text: str) -> str:
    """By the marks and names that ASE knows."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    try:
        kind = filetype(str(path), read=True)
    except UnknownFileTypeError:
        try:  # the content alone, of a compressed file
            kind = filetype(io.BytesIO(text[: 1 << 16].encode()), read=True)
        except Exception:
            kind = ""
    except Exception as error:
        raise TlmlpError(f"{path}: cannot be read ({error})") from None
    if kind in ("extxyz", "xyz"):
        return "extxyz"
    if kind in ioformats and kind not in _ONLY_BY_NAME:
        return kind
    raise TlmlpError(
        f"{path}: cannot be read: neither its content nor its name tells what it is; extended XYZ begins with a number of "
        f"atoms, this file with {text.lstrip().split(chr(10), 1)[0].strip()[:40]!r} (docs/howto/own-data.md lists what is read)"
    )


#: Names that ASE takes for a format whatever the content is, of which the content was already looked at.
_ONLY_BY_NAME = ("vasp-xml", "lammps-dump-text", "json")


def _kind_of_folder(path: Path) -> str:
    names = {entry.name for entry in path.iterdir()}
    if "type.raw" in names:
        if not any(name.startswith("set.") for name in names):
            return "deepmd/raw" if "coord.raw" in names else _unknown_folder(path)
        return "deepmd/npy/mixed" if any(path.glob("set.*/real_atom_types.npy")) else "deepmd/npy"
    if any(entry.is_dir() and (entry / "type.raw").is_file() for entry in path.iterdir()):
        return "deepmd systems"
    logs = sorted(file.name for file in path.glob("OUT.*/running_*.log"))
    if "INPUT" in names and logs:
        kinds = {"running_scf.log": "abacus/scf", "running_md.log": "abacus/md"}
        return kinds.get(logs[0], "abacus/relax")
    if any(name.endswith(".traj") for name in names) or "metadata.json" in names:
        return "bundletrajectory"
    return _unknown_folder(path)


def _unknown_folder(path: Path) -> str:
    hints = [name for name in ("OUTCAR", "vasprun.xml", "OUTCAR.gz", "vasprun.xml.gz") if (path / name).is_file()]
    hint = (
        f"name the file, {path / hints[0]}"
        if hints
        else "folders are read of DeePMD (type.raw) and ABACUS (INPUT, OUT.*)"
    )
    raise TlmlpError(f"{path}: this is a folder; {hint}")
