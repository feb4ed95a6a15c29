"""Fixtures shared by all Python tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def mlearn_dir() -> Path:
    """Folder with ``Si/training.json`` and so on; the test is skipped where there is no copy."""
    candidates = [os.environ.get("TLMLP_MLEARN_DIR"), ROOT.parent / "shared" / "data" / "mlearn"]
    for folder in candidates:
        if folder and (Path(folder) / "Si" / "training.json").is_file():
            return Path(folder)
    pytest.skip("no copy of the mlearn data: set TLMLP_MLEARN_DIR to a folder with Si/training.json and so on")
