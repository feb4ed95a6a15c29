"""The pages are written in plain words: sentences of at most 25 words, lines of at most 100 columns."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
)
LONGEST_SENTENCE, LONGEST_LINE = 25, 100


def prose(text: str) -> str:
    """The text without code, tables, formulas, headings, directives and pictures; list items end like sentences."""
    text = re.sub(r"^( *)(`{3,}).*?^ *\2\s*$", "\n\n", text, flags=re.S | re.M)
    text = re.sub(r"\$\$.*?\$\$", "\n\n", text, flags=re.S)
    lines = []
    for line in text.splitlines():
        if re.match(r"\s*(\||#|<!--|!\[|\(\S+\)=)", line) or line.startswith("    "):
            line = ""
        lines.append(re.sub(r"^\s*([-*]|\d+\.) ", "\n\n", line))
    text = "\n".join(lines)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"`[^`]*`|\$[^$]*\$", "code", text)


def sentences(text: str) -> list[str]:
    found = []
    for paragraph in re.split(r"\n\s*\n", prose(text)):
        text = " ".join(paragraph.split())
        text = re.sub(r"\b(e\.g|i\.e|al|Fig|Eq|Phys|Rev|Chem|approx|vs)\.|(?<=\s)([A-Z])\.", r"\1\2", text)
        found += [
            sentence for sentence in re.split(r"(?<=[.!?:;])\s+|(?<=[.!?][)*])\s+|(?<=[.!?]\*\*)\s+", text) if sentence
        ]
    return found


def words(sentence: str) -> int:
    """How many words a sentence has; numbers and signs are none."""
    return sum(re.search(r"[^\W\d_]", word) is not None for word in sentence.split())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_sentence_is_long(page):
    long = [s for s in sentences((ROOT / page).read_text()) if words(s) > LONGEST_SENTENCE]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_line_is_wide(page):
    """Rows of tables and code keep their width."""
    fence, formula = None, False
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        mark = re.match(r"\s*(`{3,})", line)
        if mark:
            fence = None if fence and mark[1].startswith(fence) else fence or mark[1]
            continue
        if line == "$$":
            formula = not formula
        if fence or formula or line.lstrip().startswith("|") or "](http" in line or line.startswith(("$$", "![")):
            continue
        assert len(line) <= LONGEST_LINE, f"{page}, line {number}: {len(line)} columns; run scripts/wrap_markdown.py"


def test_the_counter_counts():
    text = "# A heading\n\nOne two. Three `four five`\nsix:\n\n- seven [eight nine](x.md), ten\n\n| a | b |\n\n```\ncode\n```\n"
    assert sentences(text) == ["One two.", "Three code six:", "seven eight nine, ten"]
