"""The model that the benchmarks run: trained weights, since a user's case is no random network."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tlmlp.bench.random_model import write_engine_model
from tlmlp.bench.systems import CUTOFF
from tlmlp.export.model_file import read_header, read_model_file
from tlmlp.shipped import model_path

#: Whose weights are taken where no model is given.
DEFAULT_MODEL = "si-dft"


class BenchModel(NamedTuple):
    """A model file, its description, and how the report calls it."""

    path: Path
    header: dict[str, Any]
    name: str


def model_for_bench(model: str | None, folder: str | Path) -> BenchModel:
    """``model`` as it is; where none is given the shipped silicon model with its cutoff scaled to that of the benchmarks,
    written to ``folder``: functions of the distance over the cutoff, and all weights, stay what they are.

    :raises TlmlpError: when the model cannot be used
    """
    if model is not None:
        return BenchModel(model_path(model), read_header(model), str(model))
    header, weights = read_model_file(DEFAULT_MODEL)
    name = f"{DEFAULT_MODEL}, its cutoff of {header['cutoff']:g} Å scaled to {CUTOFF:g} Å"
    header = {
        **header,
        "cutoff": CUTOFF,
        "model": {**header["model"], "cutoff": CUTOFF},
        "golden": [],
        "provenance": {"made_for": "tlmlp bench", "model": name},
    }
    path = Path(folder) / "silicon.pt"
    arrays = {key: np.ascontiguousarray(value) for key, value in weights.items()}
    return BenchModel(path, write_engine_model(path, header, arrays), name)
