"""``tlmlp openmm build``: the native force compiled from the sources of the package, and used by a new process."""

import json
import subprocess
import sys

import pytest

from tlmlp.errors import TlmlpError
from tlmlp.openmm import build, library

USE = """
import sys
from pathlib import Path
from tlmlp.openmm import library
library.load.cache_clear()
library.library_path = lambda: Path(sys.argv[1])
from tlmlp.openmm import evaluate
from ase import Atoms
print(library.load()._name)
print(repr(evaluate(sys.argv[2], Atoms("Ge2", [[0, 0, 0], [0, 0, 2.4]]), precision="double")["energy"]))
"""


def test_the_native_force_is_compiled_and_runs(monkeypatch, tmp_path, germanium, built_engine):
    monkeypatch.setenv("TLMLP_ENGINE_BUILD", str(built_engine))
    path = build.build_openmm(tmp_path / "lib")
    assert path == tmp_path / "lib" / library.NAME
    assert json.loads(path.with_suffix(".json").read_text())["openmm"] == library.built_for()
    run = subprocess.run([sys.executable, "-c", USE, str(path), str(germanium[1])], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    name, energy = run.stdout.splitlines()
    assert name == str(path)

    from ase import Atoms

    from tlmlp.openmm import evaluate

    dimer = Atoms("Ge2", [[0, 0, 0], [0, 0, 2.4]])
    assert abs(float(energy) - evaluate(germanium[1], dimer, precision="double")["energy"]) < 1e-12


def test_an_engine_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("TLMLP_ENGINE_BUILD", str(tmp_path))
    with pytest.raises(TlmlpError, match=r"compiling the native force failed: .*TLMLP_ENGINE_BUILD") as caught:
        build.build_openmm(tmp_path / "lib")
    assert "\n" not in str(caught.value)


def test_without_openmm_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TlmlpError, match=r"pip install 'tlmlp\[openmm\]'"):
        build.build_openmm(tmp_path)
