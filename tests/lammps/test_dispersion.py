"""docs/howto/dispersion.md: D3 beside a model, in LAMMPS and by another implementation in ASE."""

import re
from pathlib import Path

import ase.build
import numpy as np
import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "dispersion.md").read_text()


def lines(model: Path, damping: str) -> str:
    """The input lines of the page."""
    (block,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.S)
    assert "tlmlp dispersion/d3 bj pbe" in block and "si.pt Ge" not in block
    block = block.replace("hybrid/overlay tlmlp ", "hybrid/overlay tlmlp precision double ")
    return block.replace("d3 bj pbe", f"d3 {damping} pbe").replace("si.pt Si", f"{model} Ge").replace("d3 Si", "d3 Ge")


@pytest.mark.parametrize(("damping", "name"), [("bj", "d3bj"), ("original", "d3zero")])
def test_lammps_and_ase_agree(germanium, decks, helpers, damping, name):
    dftd3 = pytest.importorskip("dftd3.ase", reason="dftd3 is not installed")
    from ase.calculators.mixing import SumCalculator

    atoms = ase.build.bulk("Ge", "diamond", 5.66, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=1)
    dump = decks.add(
        helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
        + lines(germanium.path, damping)
    )
    decks.run()
    got = helpers.read_dump(dump)
    pairs = dftd3.DFTD3(params_tweaks={"method": "PBE", "atm": False}, damping=name)
    both = atoms.copy()
    both.calc = SumCalculator([germanium.calculator(), pairs])
    bare = atoms.copy()
    bare.calc = germanium.calculator()
    dispersion = both.get_potential_energy() - bare.get_potential_energy()
    assert dispersion < -0.05 * len(atoms)
    assert got["energies"].sum() == pytest.approx(both.get_potential_energy(), abs=1e-6 * len(atoms))
    np.testing.assert_allclose(got["forces"], both.get_forces(), rtol=0, atol=1e-6)
