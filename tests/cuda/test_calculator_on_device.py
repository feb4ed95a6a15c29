"""The ASE calculator with the engine on a device."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made with torch")

from ase import Atoms

from tlmlp import _core
from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.testing import standard_structures
from tlmlp.testing.random_models import SMALL, random_potential


def test_the_calculator_agrees_with_the_cpu(device, tmp_path):
    export_model(random_potential(("Si",), 4.3, **SMALL), tmp_path / "si.pt", {}, portable=True)
    s = standard_structures(("Si",))["skewed"]
    results = []
    for where in ("cpu", device):
        atoms = Atoms(s.atomic_numbers, s.positions, cell=s.cell, pbc=s.pbc)
        atoms.calc = TlmlpCalculator(tmp_path / "si.pt", precision="double", device=where)
        results.append([atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(), atoms.get_stresses()])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def test_devices_that_cannot_be_used_are_refused(tmp_path):
    export_model(random_potential(("Si",), 4.3, **SMALL), tmp_path / "si.pt", {}, portable=True)
    with pytest.raises(TlmlpError, match="only the engine runs on devices"):
        TlmlpCalculator(tmp_path / "si.pt", backend="torch", device="cuda")
    if not _core.built_with_cuda():
        with pytest.raises(TlmlpError, match="no CUDA"):
            TlmlpCalculator(tmp_path / "si.pt", device="cuda")
