"""Break the prose of Markdown pages at 100 columns: python scripts/wrap_markdown.py [FILES], all pages by default.

Tables, code, formulas, headings, pictures and directives stay as they are; so do the words.
"""

import re
import sys
import textwrap
from pathlib import Path

COLUMNS = 100
#: Beginnings of lines that are no prose.
NO_PROSE = re.compile(r"(#|\||<|!\[|:|\(\S+\)=)")
ITEM = re.compile(r"\s*([-*]|\d+\.)\s+")
#: What must not begin a line: Markdown would read a list, a table or a heading.
NOT_FIRST = re.compile(r"([-+*]|\d+[.)])\s|[|#]")


def wrapped(paragraph: list[str]) -> list[str]:
    """The lines of a paragraph or of an item of a list, broken anew; what stands in backticks is one word."""
    item = ITEM.match(paragraph[0])
    first = item[0] if item else re.match(r"\s*", paragraph[0])[0]
    indent = " " * len(first)
    text = " ".join([paragraph[0][len(first) :], *paragraph[1:]])
    words = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\0"), " ".join(text.split()))
    lines = textwrap.wrap(
        words, COLUMNS, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    for number in range(1, len(lines)):
        start = lines[number].lstrip()
        if NOT_FIRST.match(start):
            word, _, rest = start.partition(" ")
            lines[number - 1] += f" {word}"
            lines[number] = indent + rest
    return [line.replace("\0", " ") for line in lines if line.strip()]


def rewrapped(text: str) -> str:
    """A page with its prose broken anew."""
    out: list[str] = []
    paragraph: list[str] = []
    fence, formula = "", False

    def flush() -> None:
        if paragraph:
            out.extend(wrapped(paragraph))
            paragraph.clear()

    for line in text.split("\n"):
        mark = re.match(r"\s*(`{3,})", line)
        if fence:
            out.append(line)
            if mark and mark[1].startswith(fence):
                fence = ""
            continue
        if mark or formula or line.startswith("$$"):
            flush()
            out.append(line)
            fence = mark[1] if mark else ""
            if line.startswith("$$"):
                formula = not formula
        elif not line.strip() or NO_PROSE.match(line.strip()) or (line.startswith("    ") and not paragraph):
            flush()
            out.append(line)
        else:
            if ITEM.match(line):
                flush()
            paragraph.append(line)
    flush()
    return "\n".join(out)


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    pages = [Path(name) for name in sys.argv[1:]] or [
        *sorted(root.glob("docs/**/*.md")),
        root / "README.md",
        root / "CONTRIBUTING.md",
    ]
    for page in pages:
        before = page.read_text()
        after = rewrapped(before)
        if after != before:
            page.write_text(after)
            print(f"wrapped {page}")
