"""Evaluation of a model on files: table on standard output, JSON, parity figure and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tlmlp.console import console, progress
from tlmlp.data import read_files
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json
from tlmlp.train.evaluation.comparison import Comparison, compare_potential
from tlmlp.train.loop.launch import print_error_rows
from tlmlp.train.model.modelfile import open_model
from tlmlp.train.report.parity import write_parity_csv, write_parity_figure


def evaluate_files(
    model: Path,
    data: Sequence[Path],
    *,
    json_file: Path | None = None,
    figure: Path | None = None,
    route: str = "ops",
    keys: Mapping[str, Any] | None = None,
    which: Literal["best", "last"] = "best",
) -> dict[str, Any]:
    """Evaluate ``model`` on the frames of ``data``; returns what goes into the JSON file.

    :param figure: PNG file, its numbers go beside it (CSV); left out: the JSON file's name, else a name of its own in
        the run directory or beside the model file; a model that comes with the package gets none unasked
    :param keys: arguments of ``read_files``
    :param which: of a run directory, its ``best`` model or the ``last``
    :raises TlmlpError: when model or data cannot be read, hold different elements, or have no labels at all
    """
    if figure is not None and figure.suffix.lower() != ".png":
        raise TlmlpError(f"--figure expects a file name that ends in .png, got {figure}")
    potential, _ = open_model(model, which, route)
    frames = [frame for frames in read_files(data, **(keys or {})) for frame in frames]
    with progress("evaluating", len(frames)) as bar:
        comparison = compare_potential(potential, frames, bar.advance)
    summary = comparison.summary()
    labels = (*comparison.errors().values(), *comparison.isolated_errors().values())
    if all(value is None for value in labels):
        raise TlmlpError(f"{', '.join(map(str, data))}: no energies, forces or stresses to compare with")
    rows = [("all", summary["frames"], summary)]
    rows += [(name, group["frames"], group) for name, group in summary["groups"].items()]
    if "isolated_atoms" in summary:
        rows.append(("isolated atoms", summary["isolated_atoms"]["frames"], summary["isolated_atoms"]))
    names = ", ".join(file.name for file in data)
    print_error_rows(f"{model} on {names}", rows)
    if json_file is not None:
        atomic_write_json(json_file, summary)
    told = figure or (json_file.with_suffix(".png") if json_file else None)
    place = told or _default_figure(model, data[0])
    if place is None:
        console.print("no figure beside a model that comes with the package; name a place with --figure FILE.png")
        return summary
    try:
        _write_figure(comparison, place, f"{model.name} on {names}")
    except OSError as error:
        reason = f"{place.parent}: the figure cannot be written there ({error.strerror})"
        if told is not None:
            raise TlmlpError(f"{reason}; name another place with --figure") from None
        console.print(f"{reason}; name a place with --figure FILE.png")
    return summary


def _write_figure(comparison: Comparison, place: Path, title: str) -> None:
    numbers = place.with_suffix(".csv")
    write_parity_csv(comparison, numbers)
    if find_spec("matplotlib") is None:
        console.print(f"no figure without matplotlib (pip install matplotlib); its numbers: {numbers}")
        return
    write_parity_figure(comparison, place, title)
    console.print(f"figure: {place}, its numbers: {numbers}")


def _default_figure(model: Path, data: Path) -> Path | None:
    """In the run directory, or beside the model file; None for a model in the package's own folder."""
    import tlmlp

    name = f"parity-{data.name.split('.')[0].split('@')[0]}.png"
    if model.is_dir():
        return model / name
    home = Path(tlmlp.__file__).parent.resolve()
    return None if home in model.resolve().parents else model.with_name(f"{model.stem}-{name}")
