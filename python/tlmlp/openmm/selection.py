"""What every force has in common: the model's bytes, and which particles it acts on."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.export.model_file import engine_part, read_header

Element = int | str


@dataclass(frozen=True)
class Selection:
    """A model and the particles it acts on."""

    #: Path as given, for messages.
    name: str
    #: ``tlmlp.json`` of the model.
    header: dict[str, Any]
    #: The model file without its TorchScript part: all that the engine reads.
    model: bytes
    #: Particle indices; None: all particles of the System, for a model of one species.
    particles: list[int] | None
    #: Atomic number of each of them; None with ``particles``.
    numbers: list[int] | None
    periodic: bool

    @property
    def rows(self) -> list[int] | None:
        """Species index of each particle in the model; None where all particles are selected."""
        if self.numbers is None:
            return None
        row = {int(z): k for k, z in enumerate(self.header["atomic_numbers"])}
        return [row[z] for z in self.numbers]


def select(
    model: str | os.PathLike[str],
    topology: Any = None,
    elements: Iterable[Element | None] | None = None,
    atoms: Iterable[int] | None = None,
    periodic: bool | None = None,
) -> Selection:
    """Read the model and find out which particles it acts on.

    :param topology: ``openmm.app.Topology``; its particles without element (virtual sites) are left out
    :param elements: instead of it, chemical symbol or atomic number of every particle; None, 0 or "X" for one without
    :param atoms: indices of the particles that the model acts on; all by default
    :param periodic: by default what the topology says, True without one
    :raises TlmlpError: when the file is unusable, or atoms and elements do not fit each other or the model
    """
    header, part = read_header(model), engine_part(model)
    if topology is not None and elements is not None:
        raise TlmlpError("give `topology` or `elements`, not both")
    if periodic is None:
        periodic = topology is None or topology.getPeriodicBoxVectors() is not None
    known = _elements(topology, elements)
    chosen = None if atoms is None else _indices(atoms, None if known is None else len(known))
    if known is None:
        if len(header["species"]) > 1:
            raise TlmlpError(
                f"the model knows {', '.join(header['species'])}: give `topology` or `elements` to say which particle is what"
            )
        numbers = None if chosen is None else [int(header["atomic_numbers"][0])] * len(chosen)
    else:
        if chosen is None:
            chosen = [index for index, number in enumerate(known) if number]
        numbers = [known[index] for index in chosen]
        _check_known(header, chosen, numbers)
    if chosen is not None and not chosen:
        raise TlmlpError("no atoms: the topology has no particle with an element, or `atoms` is empty")
    name = os.fsencode(model).decode("utf-8", "replace")  # OpenMM's strings are UTF-8
    return Selection(name, header, part, chosen, numbers, bool(periodic))


def _elements(topology: Any, elements: Iterable[Element | None] | None) -> list[int] | None:
    """Atomic number of every particle, 0 for one without element; None when nothing says."""
    if topology is not None:
        return [0 if atom.element is None else int(atom.element.atomic_number) for atom in topology.atoms()]
    if elements is None:
        return None
    return [_number(element) for element in elements]


def _number(element: Element | None) -> int:
    """Atomic number; 0 for None, 0 and "X", which are no element, as a topology's virtual sites are."""
    from ase.data import atomic_numbers

    number = 0 if element is None else atomic_numbers.get(element) if isinstance(element, str) else element
    if isinstance(number, bool) or not isinstance(number, Integral) or not 0 <= number < len(atomic_numbers):
        raise TlmlpError(
            f"`elements` must hold chemical symbols or atomic numbers, got {element!r} (None stands for no element)"
        )
    return int(number)


def _indices(atoms: Iterable[int], count: int | None) -> list[int]:
    chosen = list(atoms)
    for index in chosen:
        if isinstance(index, bool) or not isinstance(index, Integral):
            raise TlmlpError(f"`atoms` must hold indices, got {index!r}")
    chosen = [int(index) for index in chosen]
    wrong = [index for index in chosen if index < 0 or (count is not None and index >= count)]
    if wrong:
        raise TlmlpError(f"`atoms` must hold indices from 0 to {'...' if count is None else count - 1}, got {wrong[0]}")
    if len(set(chosen)) != len(chosen):
        raise TlmlpError("`atoms` names a particle twice")
    return chosen


def _check_known(header: dict[str, Any], chosen: Sequence[int], numbers: Sequence[int]) -> None:
    from ase.data import chemical_symbols

    for index, number in zip(chosen, numbers, strict=True):
        if number not in header["atomic_numbers"]:
            symbol = chemical_symbols[number] if 0 < number < len(chemical_symbols) else f"element {number}"
            what = symbol if number else "without element"
            raise TlmlpError(f"particle {index} is {what}, the model knows {', '.join(header['species'])}")
