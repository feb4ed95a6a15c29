"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("core/libtlmlp_core.a", "core/libtlmlp_structures.a", "cuda/libtlmlp_cuda.a")

#: Files of few tests that take long. They come first, so that no worker begins one when the others have finished.
LONGEST = ("test_studies.py", "test_killed.py", "test_processes.py", "test_few_frames.py", "test_docs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, all others in their order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def built_engine() -> Path:
    """The build folder of this checkout, for tests of what is built on the engine: compiling it again is no part of them."""
    for folder in sorted((ROOT / "build").glob("cp*")):
        cache = folder / "CMakeCache.txt"
        if all((folder / "csrc" / name).is_file() for name in LIBRARIES) and "TLMLP_CUDA:BOOL=OFF" in cache.read_text():
            return folder
    pytest.skip("no finished build of the engine in build/: scripts/setup.sh makes one")
