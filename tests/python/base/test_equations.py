"""The equations of the theory are numbered in order, and what code and pages cite is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THEORY = ROOT / "docs" / "background" / "theory.md"
SOURCES = [("python/tlmlp", "*.py"), ("csrc", "*.h"), ("csrc", "*.cpp"), ("csrc", "*.cuh"), ("lammps_plugin", "*.cpp")]
CITATION = re.compile(
    r"equations? \((\d+)\)(?:(?:, | and | to )\((\d+)\))*\s+of\s+(?:\W+\s*)?docs/background/theory\.md"
)


def cited() -> dict[str, set[int]]:
    found = {}
    for folder, name in SOURCES:
        for path in sorted((ROOT / folder).rglob(name)):
            for citation in CITATION.finditer(path.read_text()):
                numbers = {int(n) for n in re.findall(r"\((\d+)\)", citation[0])}
                found.setdefault(path.relative_to(ROOT).as_posix(), set()).update(numbers)
    return found


def test_the_numbers_go_up_by_one():
    numbers = [int(n) for n in re.findall(r"\\tag\{(\d+)\}", THEORY.read_text())]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 12


def test_numbered_equations_have_one_line():
    """Sphinx puts a formula with a line break into ``split``, where MathJax takes a number for an error."""
    for page in (ROOT / "docs").rglob("*.md"):
        for formula in re.findall(r"\$\$(.+?)\$\$", page.read_text(), flags=re.S):
            assert not ("\\\\" in formula and "\\tag" in formula), (page, formula)


def test_what_is_cited_is_there():
    text = THEORY.read_text()
    numbers = {int(n) for n in re.findall(r"\\tag\{(\d+)\}", text)}
    assert {int(n) for n in re.findall(r"equations? \((\d+)\)", text)} <= numbers
    by_file = cited()
    assert by_file, "no code cites an equation"
    for file, cites in by_file.items():
        assert cites <= numbers, f"{file} cites {cites - numbers}"
