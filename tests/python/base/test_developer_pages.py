"""The files that the developer's pages name are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = ["CONTRIBUTING.md", "docs/developer/architecture.md", "docs/developer/recipes.md"]
SUFFIXES = "h|cpp|cu|cuh|py|sh|md|yaml|smk|toml|txt|svg"


def named(page: str) -> list[str]:
    """Paths in backticks; those with NAME are to be made."""
    text = (ROOT / page).read_text()
    return [path for path in re.findall(rf"`([\w./-]+\.(?:{SUFFIXES}))`", text) if "NAME" not in path]


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page):
    for path in named(page):
        if "/" in path:
            assert any((ROOT / folder / path).is_file() for folder in ("", "python/tlmlp")), f"{page} names {path}"
        else:
            assert any(ROOT.glob(f"[!.b]*/**/{path}")) or (ROOT / path).is_file(), f"{page} names {path}"


def test_the_pages_name_files():
    assert all(named(page) for page in PAGES[1:])
