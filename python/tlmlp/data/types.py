"""Elements of files that number their kinds of atoms and do not name them: only the user knows which is which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlmlp.errors import TlmlpError


class SharedTypes(list[str]):
    """Elements of types for several files, some of which may name their elements themselves."""

    used = False

    def refuse_unused(self, files: Sequence[str]) -> None:
        """:class:`TlmlpError` where none of the ``files``, which were read with these elements, needed them."""
        if not self.used:
            raise TlmlpError(
                f"{', '.join(files)}: all files name their elements themselves, so --types (data.types) {','.join(self)} has "
                "no meaning for them: leave it out"
            )


def refuse_types(given: Sequence[str] | None, source: str, option: str = "--types (data.types)") -> None:
    """:class:`TlmlpError` where the user has ``given`` elements of types, by ``option``, for a file that names its
    elements itself."""
    if given is not None and not isinstance(given, SharedTypes):
        raise TlmlpError(
            f"{source + ': ' if source else ''}the file names its elements itself, so {option} {','.join(given)} has no meaning for it: leave it out, "
            "and read files that need it apart from this one"
        )


def numbers_of_types(types: Sequence[int], first: int, given: Sequence[str] | None, source: str) -> np.ndarray:
    """Atomic numbers (n,) of ``types``, which count from ``first``, by the symbols that the user ``given``.

    :raises TlmlpError: without symbols, with unknown ones, and for a type without one
    """
    from ase.data import atomic_numbers

    if given is None:
        raise TlmlpError(
            f"{source}: the file numbers its atoms by type and names no elements, and types are not elements; say which "
            f"they are with --types (data.types), in the order of the types from {first} on, like --types Si,Ge"
        )
    if isinstance(given, SharedTypes):
        given.used = True
    for symbol in given:
        if atomic_numbers.get(symbol, 0) < 1:
            raise TlmlpError(f"{source}: --types expects chemical symbols, got {symbol!r}")
    wrong = sorted({int(t) for t in types} - set(range(first, first + len(given))))
    if wrong:
        raise TlmlpError(f"{source}: the file has type {wrong[0]}, and --types names {len(given)} from {first} on")
    return np.array([atomic_numbers[given[int(t) - first]] for t in types], dtype=np.int64)
