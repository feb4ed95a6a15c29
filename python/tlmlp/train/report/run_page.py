"""``tlmlp report``: everything about one training on one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tlmlp.console import console
from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError
from tlmlp.page import Page
from tlmlp.train.config import as_config
from tlmlp.train.evaluation.comparison import compare_potential
from tlmlp.train.loop.metrics import Metrics
from tlmlp.train.loop.resuming import load_moved
from tlmlp.train.model.modelfile import load_run, weights_sha256
from tlmlp.train.report.figures import errors_by, learning_rate, loss_curves
from tlmlp.train.report.parity import write_parity_csv, write_parity_figure


def report_run(run: Path, data: Sequence[Path] = (), out: Path | None = None, route: str = "ops") -> Path:
    """Write RUN/report.html, one page with its figures inside; figures (PNG) and their numbers (CSV) lie in RUN/report.

    :param data: files to compare with, for example the test set; left out: the validation frames of the run
    :param out: the page; the folder of figures has its name without the ending
    :raises TlmlpError: when there is no training, or matplotlib or jinja2 is missing
    """
    for package in ("matplotlib", "jinja2"):
        if find_spec(package) is None:
            raise TlmlpError(f"tlmlp report needs {package}: pip install {package}")
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
        chosen = load_moved(run, config, metadata["provenance"]["data"])[1]
        frames, name = (chosen.val, "validation frames") if chosen.val else (chosen.all_frames(), "training frames")
    comparison = compare_potential(potential, frames)
    loss_curves(rows, folder / "loss.png")
    learning_rate(rows, folder / "learning_rate.png")
    write_parity_csv(comparison, folder / "parity.csv")
    write_parity_figure(comparison, folder / "parity.png", name)
    groups = errors_by(comparison, "group", [f.group for f in frames], folder / "errors_by_group.png")
    temperatures = [f.temperature for f in frames]
    kelvin = errors_by(comparison, "temperature_K", temperatures, folder / "errors_by_temperature.png")
    facts = (
        f"{sum(p.numel() for p in potential.parameters()):,} parameters, cutoff {potential.cutoff:.4g} Å; energy shift "
        + ", ".join(f"{s} {e:.6f} eV" for s, e in zip(potential.species, potential.energy_shift.tolist(), strict=True))
        + f"; weights sha256 {weights_sha256(potential)}"
    )
    report = Page(f"{run.resolve().name}: {', '.join(potential.species)}")
    report.text(facts)
    report.heading("Errors")
    report.records([{"frames": name, "n": int((~comparison.isolated).sum()), **comparison.errors()}])
    report.records(
        [{"at the end of the training": part, **values} for part, values in (metadata.get("errors") or {}).items()]
    )
    report.heading("Loss")
    report.figure(folder / "loss.png", "Loss against updates")
    report.figure(folder / "learning_rate.png", "Learning rate against updates")
    report.heading(f"Parity on the {name}")
    report.figure(folder / "parity.png", f"Model against reference, {name}")
    for what, rows in (("group", groups), ("temperature", kelvin)):
        if rows:
            report.heading(f"By {what}")
            report.figure(folder / f"errors_by_{what}.png", f"Errors by {what}")
            report.records(rows)
    report.heading("Origin")
    report.settings({key: metadata.get(key) for key in ("model", "min_distance", "provenance")})
    report.heading("Config")
    report.settings(config.to_dict())
    report.write(page)
    console.print(f"report: {page}, figures and numbers: {folder}")
    return page
