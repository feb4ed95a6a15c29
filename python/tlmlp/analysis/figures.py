"""Figures and tables of an analysis: PNG and SVG of the same sheet, and its numbers as CSV."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlmlp.files import atomic_write_bytes, atomic_write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours that people with any colour vision tell apart (Okabe and Ito), without yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def save_sheet(sheet: Figure, stem: Path) -> None:
    """Write ``stem.png`` and ``stem.svg``, each whole or not at all; equal figures give equal files."""
    import matplotlib

    for kind, options in (
        ("png", {"dpi": 150, "metadata": {"Software": None}}),
        ("svg", {"metadata": {"Date": None, "Creator": None}}),
    ):
        content = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "tlmlp"}):  # else names inside of the SVG are drawn at random
            sheet.savefig(content, format=kind, **options)
        atomic_write_bytes(stem.with_name(f"{stem.name}.{kind}"), content.getvalue())


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """A CSV file with a header line; columns of one length, numbers with 8 digits."""
    arrays = [np.asarray(column) for column in columns.values()]
    lines = [",".join(columns)]
    for row in zip(*arrays, strict=True):
        lines.append(",".join(f"{value:.8g}" if isinstance(value, float) else str(value) for value in row))
    atomic_write_text(path, "\n".join(lines) + "\n")
