"""Everything else, through ``ase.io.read``: steps that did not converge are left out, inventions taken out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from tlmlp.data.content import Content
from tlmlp.data.convergence import (
    CUT,
    drop_unconverged,
    outcar_steps,
    refuse_unconverged,
    say_unconverged,
    whole_espresso,
    whole_lines,
    whole_vasprun,
)
from tlmlp.data.image import Image, image_from_atoms
from tlmlp.data.notes import Notes
from tlmlp.data.types import numbers_of_types
from tlmlp.errors import TlmlpError


def read_through_ase(content: Content, file: str, notes: Notes, index: str | None = None) -> list[Image]:
    """Every image of ``content`` in file order, or those of a query of an ASE database (``index``).

    :raises TlmlpError: for what ASE cannot read, and where it reads fewer steps than the file has
    """
    kind, text = content.kind, content.text
    if kind == "vasp-out" and text is not None:
        text = whole_lines(text)
        steps = outcar_steps(text, file)
        if not steps.converged:
            raise TlmlpError(f"{file}: the OUTCAR has no complete ionic step")
        return _numbered(drop_unconverged(_read(content, file, text), steps, file, notes), file)
    if kind == "vasp-xml" and text is not None:
        text, steps = whole_vasprun(text, file)
        if not steps.converged:
            raise TlmlpError(f"{file}: the vasprun.xml has no step with labels")
        return _numbered(drop_unconverged(_read(content, file, text), steps, file, notes), file)
    if kind == "espresso-out" and text is not None:
        text, failed, cut = whole_espresso(text, file)
        images = _read(content, file, text)
        say_unconverged(failed, len(images), file, notes)
        if not images:
            raise TlmlpError(f"{file}: the pw.x output ends before its first step is complete")
        if cut:
            notes.add(CUT, file)
        return _numbered(images, file)
    if kind == "lammps-dump-binary":
        raise TlmlpError(f"{file}: a binary dump has no elements and no units; write a text dump with a column element")
    if kind == "lammps-data" and "\nMasses" not in (text or ""):
        numbers_of_types([], 1, None, file)
    if kind == "runnerdata":
        _refuse_other_lines(text or "", file)
        notes.add("input.data of RuNNer and n2p2 names no units: bohr and Hartree are assumed", file)
    if text is not None:
        refuse_unconverged(text, file)
    return _numbered(_read(content, file, None, index), file)


#: Words that a line of input.data begins with, beside "begin" and "end".
_RUNNER_WORDS = ("comment", "lattice", "atom", "energy", "charge")


def _refuse_other_lines(text: str, file: str) -> None:
    """:class:`TlmlpError` for a line of an input.data that belongs to no structure, and for a structure without an end."""
    begun = 0
    for n, line in enumerate(text.splitlines(), 1):
        word = line.split(maxsplit=1)[0].lower() if line.strip() else ""
        if not word or word.startswith("#"):
            continue
        if word not in ("end", *_RUNNER_WORDS) if begun else word != "begin":
            expected = f"{', '.join(_RUNNER_WORDS)} or end" if begun else "begin"
            raise TlmlpError(f"{file}, line {n}: {expected} was expected, got {line.strip()[:40]!r}")
        begun = {"begin": n, "end": 0}.get(word, begun)
    if begun:
        raise TlmlpError(f"{file}, line {begun}: the structure that begins here has no end; is the file truncated?")


class _Named(io.StringIO):
    """Text with the name of its file, which some readers ask for."""

    def __init__(self, text: str, name: str):
        super().__init__(text)
        self.name = name


def _read(content: Content, file: str, text: str | None, index: str | None = None) -> list[Any]:
    import ase.io

    source: Any = str(content.path)
    # ASE splits names at "@", and unpacks by the name alone.
    if text is not None or (content.text is not None and (content.packed or "@" in content.path.name)):
        source = _Named(text if text is not None else content.text or "", str(content.path))
    elif "@" in content.path.name or content.packed:
        raise TlmlpError(f"{file}: ASE opens such a file by its name only; rename or unpack it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # readers warn about constraints and units that do not concern the labels
            images = ase.io.read(source, index=":" if index is None else index, format=content.kind)
    except Exception as error:  # each of ASE's many readers fails in a way of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(
            f"{file}: cannot be read as {content.kind} ({reason[:200]}); is the file complete, and is it that?"
        ) from None
    return images if isinstance(images, list) else [images]


def _numbered(images: Sequence[Any], file: str) -> list[Image]:
    return [image_from_atoms(atoms, f"{file}#{n}") for n, atoms in enumerate(images)]
