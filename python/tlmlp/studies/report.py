"""One self-contained HTML page out of headings, texts, tables, figures and commands."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from tlmlp.files import atomic_write_text

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.7rem } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #d0d7de }
table { border-collapse: collapse; margin: .8rem 0 } th, td { padding: .25rem .9rem; border-bottom: 1px solid #d8dee4 }
th { text-align: right; font-weight: 600 } td { text-align: right; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left }
figure { margin: 1rem 0 } img { max-width: 100% } figcaption { color: #57606a; font-size: .9rem }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; font-size: .85rem }
"""


class Report:
    """Collects the parts of a page in order; :meth:`write` makes the file."""

    def __init__(self, title: str):
        self.title = title
        self.parts: list[str] = []

    def heading(self, text: str) -> None:
        """Start a section."""
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph of plain text."""
        self.parts.append(f"<p>{escape(text)}</p>")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table; units belong into the column titles."""
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
        self.parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>")

    def figure(self, png: Path, caption: str) -> None:
        """A PNG file, embedded."""
        data = base64.b64encode(png.read_bytes()).decode()
        self.parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def commands(self, lines: Iterable[str]) -> None:
        """Command lines to copy."""
        self.parts.append(f"<pre>{escape(chr(10).join(lines))}</pre>")

    def write(self, path: Path) -> None:
        """Write the page."""
        body = "\n".join(self.parts)
        atomic_write_text(
            path,
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style></head>\n"
            f"<body><h1>{escape(self.title)}</h1>\n{body}\n</body></html>\n",
        )
