"""Stresses of the atoms: ASE's numbers are those of LAMMPS' ``compute stress/atom``."""

import ase.build
import numpy as np
import pytest

pytest.importorskip("torch", reason="models for the tests are made with torch")

from tlmlp.calculators import TlmlpCalculator
from tlmlp.export import export_model
from tlmlp.md.simulation import engine_missing
from tlmlp.testing.random_models import SMALL, random_potential

DECK = """
units metal
atom_style atomic
region box prism 0 5.3 0 5.6 0 5.9 1.1 -0.7 0.9 units box
create_box 1 box
mass 1 28
{atoms}
pair_style tlmlp precision double
pair_coeff * * {model} Si
compute virial all stress/atom NULL virial
dump virial all custom 1 virial.dump id c_virial[*]
dump_modify virial sort id format float %.15g
run 0
"""


def test_lammps_has_the_same(tmp_path):
    reason = engine_missing("lammps")
    if reason is not None:
        pytest.skip(reason)
    from tlmlp.lammps import run_lammps

    model = tmp_path / "si.pt"
    export_model(random_potential(["Si"], 4.8, **SMALL), model)
    cell = np.array([[5.3, 0, 0], [1.1, 5.6, 0], [-0.7, 0.9, 5.9]])
    atoms = ase.Atoms("Si3", scaled_positions=[[0.1, 0.1, 0.1], [0.4, 0.3, 0.45], [0.7, 0.8, 0.5]], cell=cell, pbc=True)
    placed = "\n".join("create_atoms 1 single {:.17g} {:.17g} {:.17g} units box".format(*x) for x in atoms.positions)
    run_lammps(DECK.format(model=model, atoms=placed), cwd=tmp_path)
    rows = (tmp_path / "virial.dump").read_text().split("ITEM: ATOMS", 1)[1].splitlines()[1:]
    six = np.array([[float(word) for word in row.split()[1:]] for row in rows])  # xx yy zz xy xz yz
    lammps = six[:, [0, 1, 2, 5, 4, 3]]
    atoms.calc = TlmlpCalculator(model, precision="double")
    bar = 1.6021765e6  # LAMMPS' eV/Å^3
    np.testing.assert_allclose(atoms.get_stresses() * atoms.get_volume(), lammps / bar, rtol=0, atol=1e-9)
    assert np.abs(lammps / bar).max() > 0.1
