"""The second line of a frame of extended XYZ: pairs of key and value, and the columns that Properties names.

A key that equals a known one but for its case is that key. Another word for a known one, and a key that comes twice,
are refused: the geometry is never left among free metadata.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError

LATTICE, PBC, PROPERTIES = "Lattice", "pbc", "Properties"
#: Keys that are read, whatever their case.
KNOWN_KEYS = {"lattice": LATTICE, "pbc": PBC, "properties": PROPERTIES}
#: Other words for them (without case, "_" and "-"), which are refused unless the key itself is there.
OTHER_WORDS = {
    LATTICE: ("cell", "unitcell", "latticevector", "latticevectors", "cellvectors", "cellvector", "celllattice", "box",
              "boxvectors", "simulationcell", "hmatrix", "latvec", "latvecs", "supercell", "boxsize", "boxlength", "boxlengths",
              "celllength", "celllengths", "cellangles", "cellpar", "cellparameters", "cellparams", "latticeparameters",
              "latticeparams", "latticelengths", "latticeangles", "acell", "rprim", "tv", "tv1", "tv2", "tv3"),
    PBC: ("periodic", "periodicity", "boundary", "boundaryconditions", "boundaries", "bc", "pbcs"),
}  # fmt: skip
#: Lengths of a cell that are given one by one.
LENGTHS = (("a", "b", "c"), ("lx", "ly", "lz"))
#: Words by which a header says that its positions are not in Å, as values of a key that speaks of them, or as flags.
FRACTIONAL = ("fractional", "frac", "direct", "scaled", "crystal", "reduced", "relative")
_OF_POSITIONS = re.compile(r"^(coord|pos|atomicpos)")
#: How alike a key with nine numbers and Lattice must be for a misspelling.
ALIKE = 0.75
#: The value of Properties, under whatever key.
_COLUMNS_VALUE = re.compile(r"\w+:[RISL]:\d+(?::\w+:[RISL]:\d+)*")
#: Columns that are read, whatever their case, by the other names in use too.
KNOWN_COLUMNS = {
    **dict.fromkeys(("species", "element", "elements", "symbol", "symbols"), "species"),
    **dict.fromkeys(("pos", "position", "positions", "coord", "coords", "coordinates", "xyz"), "pos"),
    **dict.fromkeys(("z", "numbers", "atomic_numbers", "atomic_number"), "Z"),
}
DEFAULT_PROPERTIES = "species:S:1:pos:R:3"
TRUTH = {"T": True, "true": True, "True": True, "TRUE": True, "F": False, "false": False, "False": False}
TRUTH["FALSE"] = False

_PAIR = re.compile(
    r"""\s*(?P<key>"[^"]*"|[^\s="'{}\[\]]+)
        (?:\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|[^\s"'{}\[\]]\S*|(?=\s|$)))?
        (?=\s|$)""",
    re.VERBOSE,
)
_FORTRAN = re.compile(r"^([-+]?\d*\.?\d+|[-+]?\d+\.)[dD]([-+]?\d+)$")
_SEPARATORS = re.compile(r"[\s,\[\]]+")


@dataclass(frozen=True)
class Column:
    """One entry of Properties: ``name`` as written (or "species", "pos", "Z"), ``type`` R, I, S or L, its columns."""

    name: str
    type: str
    start: int
    width: int


@dataclass(frozen=True)
class Header:
    """A parsed second line."""

    #: (3, 3) rows, or None.
    lattice: np.ndarray | None
    #: (3,) bool, or None.
    pbc: tuple[bool, bool, bool] | None
    #: Whether Properties was given.
    named_columns: bool
    columns: tuple[Column, ...]
    #: Everything else.
    values: Mapping[str, Any]

    @property
    def width(self) -> int:
        """Number of columns of the lines of atoms."""
        return sum(column.width for column in self.columns)


def parse_header(line: str) -> Header:
    """The header in ``line``; :class:`TlmlpError` (without the place) where it contradicts itself or cannot be parsed."""
    pairs = _pairs(line)
    known: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, text in pairs:
        name = KNOWN_KEYS.get(key.lower())
        if name is not None:
            if name in known:
                raise TlmlpError(f"the key {key!r} is there twice; leave one")
            known[name] = text
        elif key in values:
            raise TlmlpError(f"the key {key!r} is there twice; leave one")
        else:
            values[key] = _value(text)
    if len(known) < len(KNOWN_KEYS):
        _refuse_other_words(known, values)
    _refuse_fractional(values)
    lattice = None if LATTICE not in known else _lattice(known[LATTICE])
    pbc = None if PBC not in known else _pbc(known[PBC])
    columns = parse_properties(known.get(PROPERTIES, DEFAULT_PROPERTIES))
    return Header(lattice, pbc, PROPERTIES in known, columns, values)


def _refuse_other_words(known: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """:class:`TlmlpError` for a key that stands for a known one that is missing."""
    for names in LENGTHS if LATTICE not in known else ():
        found = [key for key, value in values.items() if key.lower() in names and isinstance(value, (int, float))]
        if len(found) == 3:
            raise TlmlpError(f"the keys {', '.join(found)} are not read; write the cell as Lattice=\"ax ay az ...\", as extended XYZ "
                             "does, or leave them out")  # fmt: skip
    for key, value in values.items():
        plain = key.lower().replace("_", "").replace("-", "")
        meant = None
        if LATTICE not in known and (plain in OTHER_WORDS[LATTICE] or (np.size(value) == 9 and _alike(plain))):
            meant = LATTICE
        elif LATTICE in known and PBC not in known and plain in OTHER_WORDS[PBC]:
            meant = PBC
        elif PROPERTIES not in known and isinstance(value, str) and _COLUMNS_VALUE.fullmatch(value):
            meant = PROPERTIES
        if meant is not None:
            raise TlmlpError(f"the key {key!r} is not read; name it {meant}, as extended XYZ does, or leave it out")


def _refuse_fractional(values: Mapping[str, Any]) -> None:
    """:class:`TlmlpError` for a key that says that the positions are fractional."""
    for key, value in values.items():
        plain = key.lower().replace("_", "").replace("-", "")
        said = isinstance(value, str) and _OF_POSITIONS.match(plain) and value.lower() in FRACTIONAL
        flag = value is True and any(plain in (word, f"{word}coordinates", f"{word}positions") for word in FRACTIONAL)
        if said or flag:
            raise TlmlpError(
                f"{key}={value} says that the positions are fractional; extended XYZ has them in Å, convert them"
            )


def _alike(plain: str) -> bool:
    return difflib.SequenceMatcher(None, plain, LATTICE.lower()).ratio() > ALIKE


def _pairs(line: str) -> list[tuple[str, str]]:
    pairs, at, line = [], 0, line.strip()
    while at < len(line):
        match = _PAIR.match(line, at)
        if match is None:
            if any(f"{key}=" in line.lower().replace(" ", "") for key in KNOWN_KEYS):
                raise TlmlpError(f"the header cannot be parsed from {line[at:].strip()[:30]!r} on: is a quote missing?")
            return []  # the free text of a plain XYZ file
        value = match["value"]
        key = match["key"].strip('"')
        pairs.append((key, "T" if value is None else value))
        at = match.end()
    return pairs


def _bare(text: str) -> str:
    """``text`` without the quotes or brackets around it."""
    if len(text) > 1 and text[0] in "\"'{[":
        inner = text[1:-1]
        return re.sub(r"\\(.)", r"\1", inner) if "\\" in inner else inner
    return text


def _value(text: str) -> Any:
    bare = _bare(text)
    if "_" not in bare:
        for number in (int, float):
            try:
                return number(bare)
            except ValueError:
                pass
    if bare.startswith("_JSON "):
        try:
            return np.asarray(json.loads(bare[6:]))
        except ValueError:
            return bare
    words = [word for word in _SEPARATORS.split(bare) if word]
    if not words:
        return bare
    if all(word in TRUTH for word in words):
        truths = [TRUTH[word] for word in words]
        return truths[0] if len(truths) == 1 else np.array(truths)
    if "_" in bare:
        return bare
    try:
        numbers = np.array(words, dtype=float)
    except ValueError:
        try:
            numbers = np.array([_number(word) for word in words])
        except ValueError:
            return bare
    return numbers if len(numbers) > 1 else float(numbers[0])


def _number(word: str) -> float:
    """A number, also in Fortran's way (1.0D-3)."""
    return float(_FORTRAN.sub(r"\1E\2", word))


def _lattice(text: str) -> np.ndarray:
    if "[[" in text.replace(" ", ""):
        raise TlmlpError("the cell is nested in [[ ]], which leaves open whether rows or columns are its vectors; "
                         'write Lattice="ax ay az bx by bz cx cy cz"')  # fmt: skip
    value = _value(text)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size != 9:
        raise TlmlpError(f"{LATTICE} must hold nine numbers (ax ay az bx by bz cx cy cz), got {_bare(text)[:60]!r}")
    return value.reshape(3, 3)


def _pbc(text: str) -> tuple[bool, bool, bool]:
    words = [word for word in _SEPARATORS.split(_bare(text)) if word]
    truths = [TRUTH.get(word, {"1": True, "0": False}.get(word)) for word in words]
    if len(truths) not in (1, 3) or None in truths:
        raise TlmlpError(f'{PBC} must be one or three of T and F, like "T T F", got {_bare(text)[:30]!r}')
    truths = truths * 3 if len(truths) == 1 else truths
    return bool(truths[0]), bool(truths[1]), bool(truths[2])


@lru_cache(maxsize=256)
def parse_properties(text: str) -> tuple[Column, ...]:
    """The columns that ``text`` ("species:S:1:pos:R:3:...") names, the known ones by their names here."""
    fields = _bare(text).split(":")
    columns, start = [], 0
    if len(fields) % 3:
        raise TlmlpError(f"{PROPERTIES} must be triples of name, type and number of columns, got {text!r}")
    for name, kind, width in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        if kind not in ("R", "I", "S", "L") or not width.isdigit() or int(width) < 1:
            raise TlmlpError(
                f"{PROPERTIES}: {name}:{kind}:{width} must have a type of R, I, S, L and a number of columns"
            )
        known = KNOWN_COLUMNS.get(name.lower())
        if known == "pos" and (kind, width) != ("R", "3"):
            raise TlmlpError(f"{PROPERTIES}: the positions must be {name}:R:3, got {name}:{kind}:{width}")
        if known == "Z" and (kind, width) != ("I", "1"):
            known = None
        if known == "species" and (kind, width) != ("S", "1"):
            raise TlmlpError(f"{PROPERTIES}: chemical symbols must be {name}:S:1, got {name}:{kind}:{width}")
        columns.append(Column(known or name, kind, start, int(width)))
        start += int(width)
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise TlmlpError(f"{PROPERTIES} names {name!r} twice; leave one")
    if "pos" not in names or not {"species", "Z"} & set(names):
        raise TlmlpError(f"{PROPERTIES} must name species (or Z) and pos, got {_bare(text)!r}")
    return tuple(columns)
