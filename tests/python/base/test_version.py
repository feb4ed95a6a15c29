"""The version stands in one place, and all others agree with it."""

import re
from importlib.metadata import version
from pathlib import Path

import tlmlp

ROOT = Path(__file__).resolve().parents[3]


def written() -> str:
    """The version in the C++ header, the one place."""
    header = (ROOT / "csrc" / "core" / "include" / "tlmlp" / "version.h").read_text()
    return re.search(r'TLMLP_VERSION "(.+)"', header)[1]


def test_the_package_has_the_version_of_the_header():
    assert tlmlp.__version__ == version("tlmlp") == written()


def test_the_citation_and_the_changelog_name_the_version():
    assert f"\nversion: {written()}\n" in (ROOT / "CITATION.cff").read_text()
    newest = re.search(r"^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == written()


def test_no_other_file_repeats_the_version():
    for name in ("pyproject.toml", "CMakeLists.txt"):
        assert f'"{written()}"' not in (ROOT / name).read_text()
