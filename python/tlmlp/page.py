"""One self-contained HTML page out of headings, texts, tables, figures and commands: every report is one of these."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlmlp.files import atomic_write_text

TEMPLATES = Path(__file__).parent / "templates"


class Page:
    """Collects the parts of a page in order; :meth:`write` renders ``templates/page.html.j2``. All text is escaped."""

    def __init__(self, title: str):
        self.title = title
        self.parts: list[dict[str, Any]] = []

    def heading(self, text: str) -> None:
        """Start a section."""
        self.parts.append({"kind": "heading", "text": text})

    def text(self, text: str) -> None:
        """A paragraph of plain text."""
        self.parts.append({"kind": "text", "text": text})

    def list(self, items: Iterable[str]) -> None:
        """A list of sentences."""
        self.parts.append({"kind": "list", "items_": list(items)})

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table; units belong into the column titles. None is shown as a dash, numbers with four digits."""
        cells = [[_cell(cell) for cell in row] for row in rows]
        self.parts.append({"kind": "table", "columns": list(columns), "rows": cells})

    def records(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """A table of rows with equal keys; nothing where there are none."""
        if rows:
            self.table([key.replace("_", " ") for key in rows[0]], [list(row.values()) for row in rows])

    def figure(self, png: Path, caption: str) -> None:
        """A PNG file, embedded."""
        data = base64.b64encode(png.read_bytes()).decode()
        self.parts.append({"kind": "figure", "data": data, "caption": caption})

    def commands(self, lines: Iterable[str]) -> None:
        """Command lines to copy."""
        self.parts.append({"kind": "pre", "text": "\n".join(lines)})

    def settings(self, content: Mapping[str, Any]) -> None:
        """Nested settings as YAML."""
        import yaml

        text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
        self.parts.append({"kind": "pre", "text": text})

    def write(self, path: Path) -> None:
        """Write the page."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        page = environment.get_template("page.html.j2").render(title=self.title, parts=self.parts)
        atomic_write_text(path, page)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
