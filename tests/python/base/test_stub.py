"""The types of the compiled module, as they are written down, are those of the module."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_stub_is_that_of_the_module():
    spec = importlib.util.spec_from_file_location("stub", ROOT / "scripts" / "stub.py")
    stub = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stub)
    assert stub.STUB.read_text() == stub.stub(), "the binding has changed: run scripts/stub.py with this build"


def test_the_package_says_that_it_is_typed():
    import tlmlp

    assert (Path(tlmlp.__file__).parent / "py.typed").is_file()
