"""Pages, docstrings and comments are written in plain words: sentences of at most 25 words, the terms of the field."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
)
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("python/tlmlp", "csrc", "lammps_plugin")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".h", ".cpp", ".cu", ".cuh")
)
LONGEST_SENTENCE, LONGEST_LINE = 25, 100
#: Words that are notes to oneself or that the field has a term for, and what to say.
INSTEAD = {
    r"TODO|FIXME|XXX|HACK": "what is so, or nothing",
    r"go(es)? on (with|from|where)|gone on with": "resume, or continue",
    r"at hand": "available, kept, given",
    r"obviously|of course|simply|nicely|a hair|magic|stuff": "nothing",
    r"(of|to|from|by|leave|than) us|our own|let us|I (am|do|think|have)": "the package, the caller, the engine",
}


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


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring and of each run of comment lines; a comment behind code begins a new run."""
    source = path.read_text()
    found: list[tuple[int, int, bool, str]] = []  # line, column, alone on its line, text
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node)
                if docstring:
                    yield node.body[0].lineno, docstring
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                alone = token.line.lstrip().startswith("#")
                found.append((*token.start, alone, re.sub(r"^#+:? ?", "", token.string)))
    else:
        for number, line in enumerate(source.splitlines(), 1):
            mark = re.search(r"(?<![:\"'])//+[!<]* ?", line)
            if mark:
                found.append((number, mark.start(), not line[: mark.start()].strip(), line[mark.end() :]))
    run: list[str] = []
    first = 0
    for n, (number, column, alone, text) in enumerate(found):
        if run and alone and (number - 1, column) == found[n - 1][:2]:
            run.append(text)
        else:
            if run:
                yield first, "\n".join(run)
            run, first = [text], number
    if run:
        yield first, "\n".join(run)


def plain(text: str) -> str:
    """The text of a docstring or comment without doctests, tables, formulas and roles."""
    text = re.sub(
        r"^\s*(>>>|\.\.\. ).*$|^ {2,}.*$", "", re.sub(r"^\s*:\w+[^:]*:", "\n\n", text, flags=re.M), flags=re.M
    )
    return re.sub(r"``[^`]*``|:\w+:`[^`]*`", "code", text)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_docstrings_and_comments_are_plain(source):
    wrong = []
    for line, text in texts(ROOT / source):
        text = plain(text)
        wrong += [f"{source}:{line}: {words(s)} words: {s}" for s in sentences(text) if words(s) > LONGEST_SENTENCE]
        wrong += [
            f"{source}:{line}: {found[0]!r}: say {better}"
            for pattern, better in INSTEAD.items()
            for found in re.finditer(rf"\b({pattern})\b", text)
        ]
    assert not wrong, "\n".join(wrong)


def wording(node: ast.expr) -> str:
    """The words of a string that a call is given; what is filled in counts as one."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "value" for part in node.values)
    return wording(node.left) + wording(node.right) if isinstance(node, ast.BinOp) else ""


@pytest.mark.parametrize("source", [source for source in SOURCES if source.suffix == ".py"], ids=str)
def test_messages_are_plain(source):
    """Errors, warnings, help of options, and paragraphs of reports; lists of what other programs print are none."""
    calls = (node for node in ast.walk(ast.parse((ROOT / source).read_text())) if isinstance(node, ast.Call))
    texts = (wording(given) for call in calls for given in [*call.args, *(k.value for k in call.keywords)])
    long = [s for text in texts if "|" not in text for s in sentences(text) if words(s) > LONGEST_SENTENCE]
    assert not long, "\n".join(long)


def test_the_counter_counts():
    text = "# A heading\n\nOne two. Three `four five`\nsix:\n\n- seven [eight nine](x.md), ten\n\n| a | b |\n\n```\ncode\n```\n"
    assert sentences(text) == ["One two.", "Three code six:", "seven eight nine, ten"]
