"""The examples that use the calculator, run as a user runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase.calculators.socketio import SocketIOCalculator
from ase.io import read

pytest.importorskip("torch", reason="models for the tests are made with torch")

import tlmlp
from tlmlp.calculators import TlmlpCalculator
from tlmlp.export import export_model
from tlmlp.testing.random_models import SMALL, random_potential

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(tlmlp.__file__).resolve().parents[1])}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("examples") / "si.pt"
    export_model(random_potential(["Si"], 4.3, **SMALL), path, portable=True)
    return path


@pytest.fixture
def structure(tmp_path) -> Path:
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True)
    atoms.rattle(0.02, seed=1)
    path = tmp_path / "structure.xyz"
    atoms.write(path)
    return path


@pytest.mark.parametrize("name", ["relax.py", "ipi/client.py"])
def test_wrong_arguments_print_the_usage(name):
    for arguments in ([], ["one"], ["one", "two", "three", "four"]):
        run = subprocess.run([sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True)
        assert run.returncode == 1 and run.stderr.startswith("usage: python ") and run.stderr.count("\n") == 1


def test_relax(model, structure, tmp_path):
    command = [sys.executable, str(EXAMPLES / "relax.py"), str(model), str(structure), "out.extxyz"]
    run = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("relaxed: ")
    assert float(re.search(r"bulk modulus (\S+) GPa", run.stdout)[1]) > 0.0
    relaxed = read(tmp_path / "out.extxyz")
    start = read(structure)
    for atoms in (relaxed, start):
        atoms.calc = TlmlpCalculator(model, precision="double", backend="torch-plain")
    assert np.abs(relaxed.get_forces()).max() < 1e-3 and np.abs(relaxed.get_stress()).max() < 1e-4
    assert relaxed.get_potential_energy() < start.get_potential_energy() - 0.1


def test_ipi_client_answers_a_server(model, structure, tmp_path):
    """ASE's server of i-PI's protocol asks; the client's numbers are the calculator's."""
    name = f"tlmlp-test-{os.getpid()}"
    command = [sys.executable, str(EXAMPLES / "ipi" / "client.py"), str(model), str(structure), name]
    atoms = read(structure)
    with SocketIOCalculator(unixsocket=name) as server:
        client = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        try:
            atoms.calc = server
            for _ in range(2):
                atoms.rattle(0.05, seed=3)
                expected = atoms.copy()
                expected.calc = TlmlpCalculator(model)
                assert atoms.get_potential_energy() == pytest.approx(expected.get_potential_energy(), abs=1e-9)
                np.testing.assert_allclose(atoms.get_forces(), expected.get_forces(), rtol=0, atol=1e-6)
                np.testing.assert_allclose(atoms.get_stress(), expected.get_stress(), rtol=0, atol=1e-8)
        finally:
            server.close()
            try:
                client.wait(timeout=30)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait()
