"""``tlmlp report``: everything about one training on one HTML page."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tlmlp.console import console
from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.train.config import as_config
from tlmlp.train.evaluation import compare_potential
from tlmlp.train.figures import errors_by, learning_rate, loss_curves
from tlmlp.train.metrics import Metrics
from tlmlp.train.modelfile import load_run, weights_sha256
from tlmlp.train.parity import write_parity_csv, write_parity_figure
from tlmlp.train.selection import load_data

_STYLE = """body{font-family:sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0}td,th{border:1px solid #ccc;padding:.25em .6em;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:100%}pre{background:#f5f5f5;padding:1em;overflow-x:auto}"""


def report_run(run: Path, data: Sequence[Path] = (), out: Path | None = None, route: str = "ops") -> Path:
    """Write RUN/report.html, one page with its figures inside; figures (PNG) and their numbers (CSV) lie in RUN/report.

    :param data: files to compare with, for example the test set; left out: the validation frames of the run
    :param out: the page; the folder of figures has its name without the ending
    :raises TlmlpError: when there is no training, or matplotlib is missing
    """
    if find_spec("matplotlib") is None:
        raise TlmlpError("tlmlp report needs matplotlib: pip install matplotlib")
    potential, metadata = load_run(run, route=route)
    rows = Metrics(run, writes=False).rows()
    if not rows:
        raise TlmlpError(f"{run}: no metrics.jsonl; is it the directory of a training?")
    page = out or run / "report.html"
    folder = page.with_suffix("")
    config = as_config(run / "config.yaml")
    if data:
        frames, name = [f for file in data for f in read_frames(file)], ", ".join(file.name for file in data)
    else:
        chosen = load_data(config.data, config.loss, config.transfer.replay)
        frames, name = (chosen.val, "validation frames") if chosen.val else (chosen.all_frames(), "training frames")
    comparison = compare_potential(potential, frames)
    loss_curves(rows, folder / "loss.png")
    learning_rate(rows, folder / "learning_rate.png")
    write_parity_csv(comparison, folder / "parity.csv")
    write_parity_figure(comparison, folder / "parity.png", name)
    groups = errors_by(comparison, "group", [f.group for f in frames], folder / "errors_by_group.png")
    temperatures = [f.temperature for f in frames]
    kelvin = errors_by(comparison, "temperature_K", temperatures, folder / "errors_by_temperature.png")
    sections = [
        ("Errors", _table([{"frames": name, "n": len(frames), **comparison.errors()}])),
        ("", _training_errors(metadata)),
        ("Loss", _image(folder / "loss.png") + _image(folder / "learning_rate.png")),
        (f"Parity on the {name}", _image(folder / "parity.png")),
        ("By group", _image(folder / "errors_by_group.png") + _table(groups) if groups else ""),
        ("By temperature", _image(folder / "errors_by_temperature.png") + _table(kelvin) if kelvin else ""),
        ("Origin", _pre({key: metadata.get(key) for key in ("model", "min_distance", "provenance")})),
        ("Config", _pre(config.to_dict())),
    ]
    title = f"{run.resolve().name}: {', '.join(potential.species)}"
    facts = (
        f"{sum(p.numel() for p in potential.parameters()):,} parameters, cutoff {potential.cutoff:g} Å; energy shift "
        + ", ".join(f"{s} {e:.6f} eV" for s, e in zip(potential.species, potential.energy_shift.tolist(), strict=True))
        + f"; weights sha256 {weights_sha256(potential)}"
    )
    body = "".join((f"<h2>{html.escape(head)}</h2>" if head and text else "") + text for head, text in sections)
    atomic_write_text(
        page,
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1><p>{html.escape(facts)}</p>{body}</body></html>\n",
    )
    console.print(f"report: {page}, figures and numbers: {folder}")
    return page


def _training_errors(metadata: Mapping[str, Any]) -> str:
    errors = metadata.get("errors") or {}
    return _table([{"at the end of the training": name, **values} for name, values in errors.items()])


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(key.replace('_', ' '))}</th>" for key in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))


def _image(path: Path) -> str:
    return f'<p><img alt="{path.stem}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"></p>'


def _pre(content: Mapping[str, Any]) -> str:
    return f"<pre>{html.escape(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))}</pre>"
