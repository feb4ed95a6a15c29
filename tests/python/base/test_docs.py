"""The code blocks of the pages about hosts run as they stand, each on its own in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tlmlp

ROOT = Path(__file__).resolve().parents[3]
NEEDS = {"openmm": "openmm", "openmmml": "openmmml", "torch_sim": "torch_sim"}
#: Blocks that another test runs, or that install things, by a word in them.
ELSEWHERE = {
    "tlmlp train": "the names that it makes stand ready",
    "i-pi ": "i-PI is not installed; tests/python/calculators/test_examples.py runs the client",
    "tlmlp conformance": "tests/conformance",
    "tlmlp openmm build": "tests/python/openmm/test_build.py",
    "torchforce": "tests/torchforce",
    "benchmarks/": "a benchmark of an hour",
}


def blocks(language):
    for page in ("ase", "openmm", "md"):
        text = (ROOT / "docs" / "howto" / f"{page}.md").read_text()
        for number, block in enumerate(re.findall(rf"```{language}\n(.*?)```", text, flags=re.S), 1):
            yield pytest.param(block, id=f"{page}, {language} block {number}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With the models that the committee's bash block makes."""
    for k in range(3):
        shutil.copy(tlmlp.pretrained("si-dft"), tmp_path / f"si-{k}.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", blocks("python"))
def test_python_blocks_run_verbatim(block, folder):
    for module in re.findall(r"^(?:import|from) (\w+)", block, flags=re.M):
        if module in NEEDS and find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "tlmlp.openmm" in block:
        from tlmlp.openmm import available_routes

        if reason := available_routes()["native"]:
            pytest.skip(reason)
    # A process of its own: no block lives on what another one imported.
    environment = os.environ | {"PYTHONPATH": str(Path(tlmlp.__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-"], input=block, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("bash"))
def test_bash_blocks_run_verbatim(block, folder):
    for word, where in ELSEWHERE.items():
        if word in block:
            pytest.skip(where)
    if "--engine lammps" in block:
        from tlmlp.md.simulation import engine_missing

        if reason := engine_missing("lammps"):
            pytest.skip(reason)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-ec", block], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
