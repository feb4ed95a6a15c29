"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("core/libtlmlp_core.a", "core/libtlmlp_structures.a", "cuda/libtlmlp_cuda.a")


@pytest.fixture
def built_engine() -> Path:
    """The build folder of this checkout, for tests of what is built on the engine: compiling it again is no part of them."""
    for folder in sorted((ROOT / "build").glob("cp*")):
        cache = folder / "CMakeCache.txt"
        if all((folder / "csrc" / name).is_file() for name in LIBRARIES) and "TLMLP_CUDA:BOOL=OFF" in cache.read_text():
            return folder
    pytest.skip("no finished build of the engine in build/: scripts/setup.sh makes one")
