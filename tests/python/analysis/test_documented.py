"""The Python of the pages on phonons and properties runs as it stands, and says what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("phonopy", reason="the extra analysis is not installed")

DOCS = Path(__file__).resolve().parents[3] / "docs" / "howto"


def run(page: str, number: int, folder: Path, monkeypatch) -> dict:
    block = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.S)[number]
    assert len([line for line in block.splitlines() if line.strip()]) <= 12
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(block, page, "exec"), names)
    return names


def test_phonons(tmp_path, monkeypatch):
    names = run("phonons.md", 0, tmp_path, monkeypatch)
    assert names["silicon"].gamma.optical == pytest.approx([14.53] * 3, abs=0.1)
    assert (tmp_path / "phonons" / "phonopy.yaml").is_file()


def test_properties(tmp_path, monkeypatch):
    from tlmlp.data import read_frames

    names = run("properties.md", 0, tmp_path, monkeypatch)
    assert names["constants"].cubic == pytest.approx((146.1, 69.1, 74.2), rel=0.01)
    assert (names["state"].a0, names["state"].b0) == pytest.approx((5.468, 94.4), rel=0.01)
    (frame,) = read_frames(tmp_path / "labelled.extxyz")
    assert frame.energy / len(frame) == pytest.approx(names["state"].e0, abs=1e-4)
    assert np.abs(frame.stress).max() < 1e-6


@pytest.mark.filterwarnings("ignore")  # its R² averages over components that are zero
def test_matcalc(tmp_path, monkeypatch):
    """Elasticity, equation of state and phonons by another package, on our calculator."""
    pytest.importorskip("matcalc", reason="matcalc is not installed")
    names = run("properties.md", 1, tmp_path, monkeypatch)
    tensor = names["tensor"]
    assert (tensor[0, 0], tensor[0, 1], tensor[3, 3]) == pytest.approx((146.1, 69.1, 74.2), rel=0.01)
    assert names["modulus"] == pytest.approx(94.4, rel=0.01)
    assert names["modes"]["frequencies"].max() == pytest.approx(14.53, abs=0.1)
