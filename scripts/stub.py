"""Write python/tlmlp/_core.pyi, the types of the compiled module, from the module that is installed.

usage: .venv/bin/python scripts/stub.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(__file__).resolve().parents[1] / "python" / "tlmlp" / "_core.pyi"

#: pybind11 knows no more of these results and arguments than their outer type.
OUTER = {
    ": dict)": ": dict[str, typing.Any])",
    "-> dict:": "-> dict[str, typing.Any]:",
    "-> list:": "-> list[typing.Any]:",
    "-> tuple:": "-> tuple[numpy.typing.NDArray[numpy.float64], ...]:",
}


def stub() -> str:
    """The stub of the installed module, formatted."""
    folder = str(Path(sys.executable).parent)
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([f"{folder}/pybind11-stubgen", "tlmlp._core", "-o", place], cwd=place, check=True)
        text = (Path(place) / "tlmlp" / "_core.pyi").read_text()
    for outer, whole in OUTER.items():
        text = text.replace(outer, whole)
    text = "# Made by scripts/stub.py from the compiled module.\n" + text
    for command in (("check", "--quiet", "--fix"), ("format", "--quiet")):
        text = subprocess.run(
            [f"{folder}/ruff", *command, "--stdin-filename", str(STUB), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


if __name__ == "__main__":
    STUB.write_text(stub())
