"""Evaluation of a model on files: table on standard output, JSON, parity figure and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tlmlp.console import console, progress
from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.train.evaluation import compare_potential
from tlmlp.train.modelfile import open_model
from tlmlp.train.parity import write_parity_csv, write_parity_figure
from tlmlp.train.runs import print_error_rows


def evaluate_files(
    model: Path,
    data: Sequence[Path],
    *,
    json_file: Path | None = None,
    figure: Path | None = None,
    route: str = "ops",
    keys: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Evaluate ``model`` on the frames of ``data``; returns what goes into the JSON file.

    :param figure: PNG file, its numbers go beside it (CSV); left out: the JSON file's name, else a name of its own in
        the run directory, or for a model file in the current folder
    :param keys: ``energy_key``, ``forces_key`` and ``stress_key`` of the files
    :raises TlmlpError: when model or data cannot be read, hold different elements, or have no labels at all
    """
    if figure is not None and figure.suffix.lower() != ".png":
        raise TlmlpError(f"--figure expects a file name that ends in .png, got {figure}")
    potential, _ = open_model(model, route=route)
    frames = [frame for file in data for frame in read_frames(file, **(keys or {}))]
    with progress("evaluating", len(frames)) as bar:
        comparison = compare_potential(potential, frames, bar.advance)
    summary = comparison.summary()
    if all(value is None for value in comparison.errors().values()):
        raise TlmlpError(f"{', '.join(map(str, data))}: no energies, forces or stresses to compare with")
    rows = [("all", summary["frames"], summary)]
    rows += [(name, group["frames"], group) for name, group in summary["groups"].items()]
    names = ", ".join(file.name for file in data)
    print_error_rows(f"{model} on {names}", rows)
    if json_file is not None:
        atomic_write_json(json_file, summary)
    figure = figure or (json_file.with_suffix(".png") if json_file else _default_figure(model, data[0]))
    write_parity_csv(comparison, figure.with_suffix(".csv"))
    if find_spec("matplotlib") is None:
        console.print(
            f"no figure without matplotlib (pip install matplotlib); its numbers: {figure.with_suffix('.csv')}"
        )
    else:
        write_parity_figure(comparison, figure, f"{model.name} on {names}")
        console.print(f"figure: {figure}, its numbers: {figure.with_suffix('.csv')}")
    return summary


def _default_figure(model: Path, data: Path) -> Path:
    """In the run directory, or for a model file in the current folder."""
    name = f"parity-{data.name.split('.')[0]}.png"
    return model / name if model.is_dir() else Path(f"{model.stem}-{name}")
