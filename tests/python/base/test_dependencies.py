"""Arrows point one way: each subpackage imports only those before it in the list, and the core of C++ only itself.

docs/developer/architecture.md has the drawing.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "python" / "tlmlp"
#: Subpackages of tlmlp, from the ground up; modules beside them that are more than ground stand with them.
ORDER = [
    "data",
    "ops",
    "cuda",
    "models",
    "export",
    "lammps",
    "openmm",
    "calculators",
    "torchsim",
    "train",
    "bench",
    "md",
    "analysis",
    "testing",
    "studies",
    "doctor",
    "cli",
    "__main__",
]
#: The shelves of tlmlp.train, from the ground up; modules beside them use all of them.
SHELVES = ["config", "data", "optimise", "model", "evaluation", "loop", "report", "element_transfer"]
#: Folders of C++ and those whose headers each may include beside its own.
INCLUDES = {
    "csrc/core": [],
    "csrc/training": ["csrc/core"],
    "csrc/cuda": ["csrc/core"],
    "csrc/openmm": ["csrc/core", "csrc/cuda"],
    "csrc/torch": ["csrc/core", "csrc/training", "csrc/cuda"],
    "csrc/pybind": ["csrc/core", "csrc/training", "csrc/cuda", "csrc/torch"],
    "lammps_plugin": ["csrc/core", "csrc/cuda"],
}


def shelf(module: str) -> str | None:
    """The part of the house that a module of tlmlp belongs to; None for the ground floor."""
    first = module.split(".")[1] if module.count(".") else "__init__"
    return first if (PACKAGE / first).is_dir() or first in ORDER else None


def imports(path: Path, inside: bool = True) -> set[str]:
    """Names of the modules of tlmlp that a file imports: anywhere in it, or those outside functions alone."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if inside else tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tlmlp":
            found |= {f"tlmlp.{name.name}" for name in node.names} if node.module == "tlmlp" else {node.module}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "tlmlp"}
    return found


def test_the_list_names_every_subpackage():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= set(ORDER), packages - set(ORDER)


@pytest.mark.parametrize("place", [None, *ORDER])
def test_a_subpackage_imports_what_lies_below_it(place):
    if place is None:
        files = [path for path in PACKAGE.glob("*.py") if path.stem not in ORDER]
    else:
        files = sorted((PACKAGE / place).rglob("*.py")) or [PACKAGE / f"{place}.py"]
    allowed = [] if place is None else ORDER[: ORDER.index(place) + 1]
    for file in files:
        above = {module for module in imports(file) if shelf(module) not in (None, *allowed)}
        assert not above, f"{file.relative_to(ROOT)} imports {sorted(above)}"


@pytest.mark.parametrize("place", SHELVES)
def test_a_shelf_of_train_imports_what_lies_below_it(place):
    """Imports inside functions are left out: ``resume`` goes on with whatever began, and so calls upwards."""
    assert {path.parent.name for path in (PACKAGE / "train").glob("*/__init__.py")} == set(SHELVES)
    below = SHELVES[: SHELVES.index(place) + 1]
    for file in sorted((PACKAGE / "train" / place).glob("*.py")):
        used = {name for name in imports(file, inside=False) if name.startswith("tlmlp.train")}
        above = {name for name in used if [*name.split("."), ""][2] not in below}
        assert not above, f"{file.relative_to(ROOT)} imports {sorted(above)}"


@pytest.mark.parametrize("folder", INCLUDES)
def test_a_folder_of_cpp_includes_what_lies_below_it(folder):
    own = {path.name for path in (ROOT / folder).rglob("*") if path.is_file()}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
            continue
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), flags=re.M):
            homes = [
                other
                for other in INCLUDES
                if other != folder
                and any(f"/{file.as_posix()}".endswith(f"/{name}") for file in (ROOT / other).rglob(Path(name).name))
            ]
            if Path(name).name in own or not homes:
                continue
            assert set(homes) & set(INCLUDES[folder]), f"{path.relative_to(ROOT)} includes {name} of {homes}"
