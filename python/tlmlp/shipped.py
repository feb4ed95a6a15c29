"""Trained models that come with the package, and their names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tlmlp.errors import TlmlpError

FOLDER = Path(__file__).with_name("pretrained")


def names() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.pt"))


def pretrained(name: str) -> Path:
    """The exported model ``name``, for example ``"si-dft"``: a file for every place that takes a model.

    >>> import tlmlp
    >>> tlmlp.pretrained("si-dft").name
    'si-dft.pt'

    :raises TlmlpError: when there is no such model
    """
    if name not in names():
        raise TlmlpError(f"no model called {name!r} comes with the package; there is {', '.join(names()) or 'none'}")
    return FOLDER / f"{name}.pt"


def model_card(name: str) -> dict[str, Any]:
    """Data, errors, hash and licence of a model that comes with the package.

    :raises TlmlpError: when there is no such model
    """
    import json

    return json.loads(pretrained(name).with_suffix(".json").read_text())


def model_path(model: str | os.PathLike[str]) -> Path:
    """The file or directory ``model``; where there is none, the model of that name that comes with the package."""
    path = Path(model)
    if not path.exists() and os.fspath(model) in names():
        return pretrained(os.fspath(model))
    return path
