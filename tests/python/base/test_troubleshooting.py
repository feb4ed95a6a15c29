"""Every message of the page on troubleshooting is one that the code, or another program, says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "howto" / "troubleshooting.md").read_text()
SOURCES = [
    ("python/tlmlp", "*.py"),
    ("lammps_plugin", "*.cpp"),
    ("csrc", "*.cpp"),
    ("csrc", "*.h"),
    ("scripts", "*.sh"),
]
#: Messages of LAMMPS and of the system's loader.
OF_OTHERS = {
    "Unrecognized pair style 'tlmlp'",
    "libmpi.so.12: cannot open shared object file",
    "Neighbor list overflow, boost neigh_modify one",
    "Lost atoms",
}
MESSAGES = re.findall(r"^\| `([^`]+)` \|", PAGE, flags=re.M)


@pytest.fixture(scope="module")
def sources() -> str:
    text = "\n".join(path.read_text() for folder, name in SOURCES for path in sorted((ROOT / folder).rglob(name)))
    return re.sub(r'"\s*f?"', "", text)  # strings that go on in the next line


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_is_said(message, sources):
    if message in OF_OTHERS:
        return
    pieces = [piece.strip(" ,") for piece in message.split("...")]
    assert all(piece in sources for piece in pieces), message


def test_the_page_has_messages():
    assert len(MESSAGES) > 20 and OF_OTHERS <= set(MESSAGES)
