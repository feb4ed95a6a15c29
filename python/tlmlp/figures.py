"""Figures and tables: PNG and SVG of the same sheet, and its numbers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.files import atomic_write_bytes, atomic_write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours that people with any colour vision tell apart (Okabe and Ito), without yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


#: Format to the options of matplotlib's ``savefig``.
_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 150, "metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}


def sheet_bytes(sheet: Figure, kind: str) -> bytes:
    """The figure as a file of ``kind``, png or svg; equal figures give equal bytes."""
    import matplotlib

    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tlmlp"}):  # else names inside of the SVG are drawn at random
        sheet.savefig(content, format=kind, **_FORMATS[kind])
    return content.getvalue()


def save_sheet(sheet: Figure, stem: Path, formats: Sequence[str] = ("png", "svg")) -> None:
    """Write ``stem.png`` and ``stem.svg``, each whole or not at all."""
    for kind in formats:
        atomic_write_bytes(stem.with_name(f"{stem.name}.{kind}"), sheet_bytes(sheet, kind))


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """A CSV file with a header line; columns of one length, numbers with 8 digits."""
    arrays = [np.asarray(column) for column in columns.values()]
    lines = [",".join(columns)]
    for row in zip(*arrays, strict=True):
        lines.append(",".join(f"{value:.8g}" if isinstance(value, float) else str(value) for value in row))
    atomic_write_text(path, "\n".join(lines) + "\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """``rows`` with the keys of the first as columns; None becomes an empty field."""
    text = io.StringIO()
    out = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    atomic_write_text(path, text.getvalue())
