"""LAMMPS' own finite differences against the forces and the virial of the pair style."""

import ase.build
import numpy as np
import pytest


@pytest.mark.parametrize("newton", ["on", "off"])
def test_numdiff_forces_and_virial(germanium, decks, helpers, newton):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
    atoms.rattle(0.15, seed=2)
    head = helpers.head.format(newton=newton, boundary="p p p", data=decks.data(atoms, ["Ge"]))
    body = (
        head.replace("newton", "atom_modify map yes\nnewton")
        + germanium.pair()
        + """
fix differences all numdiff 1 1e-4
fix strains all numdiff/virial 1 1e-5
variable worst atom "(f_differences[1]-fx)^2 + (f_differences[2]-fy)^2 + (f_differences[3]-fz)^2"
compute worst all reduce max v_worst
thermo_style custom step c_worst f_strains[*] pxx pyy pzz pyz pxz pxy vol
thermo_modify norm no format float %.15g
run 0
"""
    )
    run = decks.run_text(body)
    row = {name: column[0] for name, column in run.tables[-1].items()}
    largest = np.abs(helpers.reference(atoms, germanium)["forces"]).max()
    assert np.sqrt(row["c_worst"]) < 1e-6 * largest
    order = ["Pxx", "Pyy", "Pzz", "Pyz", "Pxz", "Pxy"]  # of fix numdiff/virial, in pressure units
    pressure = np.array([row[name] for name in order])
    strains = np.array([row[f"f_strains[{k}]"] for k in range(1, 7)])
    np.testing.assert_allclose(strains, pressure, rtol=0, atol=1e-6 * np.abs(pressure).max())


def test_centroid_and_ordinary_virial_of_a_dimer(germanium, decks, helpers):
    """Half of r x dE/dr on either atom, all nine components, along a tilted bond."""
    bond = np.array([1.3, 1.1, -1.6])
    atoms = ase.Atoms("Ge2", [[9.0, 9.0, 9.0], np.array([9.0, 9.0, 9.0]) + bond], cell=[20, 20, 20], pbc=True)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dump = decks.add(head + germanium.pair())
    decks.run()
    got = helpers.read_dump(dump)
    expected = -0.5 * helpers.bar * np.outer(bond, got["forces"][1])  # a stress, so minus the virial
    nine = expected[[0, 1, 2, 0, 0, 1, 1, 2, 2], [0, 1, 2, 1, 2, 2, 0, 0, 1]]
    for atom in (0, 1):
        np.testing.assert_allclose(got["centroid"][atom], nine, rtol=1e-9)
        np.testing.assert_allclose(got["virial"][atom], nine[:6], rtol=1e-9)
