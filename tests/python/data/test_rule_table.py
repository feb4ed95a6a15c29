"""The table of rules in the docs: the files that decide and the tables of rows are there, and none that decides is missing."""

import re
from pathlib import Path

import pytest

import tlmlp

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "python" / "tlmlp"
TABLE = ROOT / "docs" / "reference" / "data-rules.md"
#: Modules of tlmlp/data that decide nothing about an input: they carry, write, make or look things up.
DECIDE_NOTHING = {
    "__init__", "image", "notes", "readers", "writers", "report", "stream", "closest", "download", "generate", "mlearn", "sw_table",
    "lammps_dynamics", "lammps_potential", "ase_files", "dpdata_files", "cp2k", "mlab", "mtp", "mlearn_json",
}  # fmt: skip


def rows():
    """(rule, files that decide, tables of rows) of the page."""
    found, before = [], ""
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and not set(cells[0]) <= {"-", " "} and cells[0] != "rule":
            before = cells[3].replace("the same", before.partition(" (")[0])
            found.append((cells[0], cells[2], before))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_rule_names_what_is_there(row):
    _, decide, tests = row
    for name in re.findall(r"`([\w/]+\.py)`", decide):
        assert (PACKAGE / "data" / name).is_file() or (PACKAGE / name).is_file(), name
    named = re.findall(r"`([\w/]+\.py)`(?: \(([A-Z_, ]+)\))?", tests)
    assert named, "no rows"
    for file, tables in named:
        text = (ROOT / "tests" / "python" / file).read_text()
        for table in filter(None, tables.split(", ")):
            assert re.search(rf"^{table} (\+?=)", text, re.MULTILINE), (file, table)


def test_no_file_that_decides_is_missing():
    decide = set(re.findall(r"`(?:data/)?(\w+)\.py`", " ".join(row[1] for row in rows())))
    modules = {path.stem for path in Path(tlmlp.__file__).parent.joinpath("data").glob("*.py")}
    assert modules - decide <= DECIDE_NOTHING
