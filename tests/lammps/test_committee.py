"""The committee: the mean drives, the deviation per atom is the standard deviation over the members, on any rank count."""

import ase.build
import numpy as np
import pytest

PAIR = "pair_style tlmlp precision double committee 2{output}\npair_coeff * * {first} {second} Ge\n"
DEVIATION = """
fix deviation all pair 1 tlmlp force_deviation 0
compute deviation all pair tlmlp
compute peratom all pe/atom
thermo_style custom step pe pxx c_deviation[1] c_deviation[2] c_deviation[3]
thermo_modify norm no format float %.15g
dump forces all custom 1 forces.dump id fx fy fz f_deviation c_peratom
dump_modify forces sort id format float %.15g
run 2
"""


@pytest.mark.parametrize(("ranks", "newton"), [(1, "on"), (2, "off")])
def test_mean_and_deviation(germanium, second_germanium, decks, helpers, ranks, newton):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat((1, 1, 2))
    atoms.rattle(0.1, seed=5)
    pair = PAIR.format(first=germanium.path, second=second_germanium.path, output=" out_freq 2 out_file deviation.dat")
    head = helpers.head.format(newton=newton, boundary="p p p", data=decks.data(atoms, ["Ge"]))
    table = decks.run_text(head + pair + DEVIATION, ranks=ranks).tables[-1]

    members = [helpers.reference(atoms, model) for model in (germanium, second_germanium)]
    forces = np.array([member["forces"] for member in members])
    energies = np.array([member["energy"] for member in members])
    deviation = np.sqrt(((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    lines = (decks.folder / "forces.dump").read_text().split("ITEM: ATOMS")[-1].splitlines()[1:]
    got = np.array([[float(word) for word in line.split()] for line in lines])  # nothing moves: there is no integrator
    np.testing.assert_allclose(got[:, 1:4], forces.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(got[:, 4], deviation, atol=1e-9)
    np.testing.assert_allclose(got[:, 5].sum(), energies.mean(), rtol=1e-10)
    expected = [deviation.max(), deviation.mean(), energies.std() / len(atoms)]
    np.testing.assert_allclose([table[f"c_deviation[{k}]"][-1] for k in (1, 2, 3)], expected, rtol=1e-8)
    np.testing.assert_allclose(table["PotEng"][-1], energies.mean(), rtol=1e-10)
    rows = np.loadtxt(decks.folder / "deviation.dat")
    assert rows[:, 0].tolist() == [0, 2]
    np.testing.assert_allclose(rows[1, 1:], expected, rtol=1e-6)


def test_a_file_that_cannot_be_written_is_warned_of(germanium, second_germanium, decks, helpers):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    pair = PAIR.format(first=germanium.path, second=second_germanium.path, output=" out_freq 1 out_file no/where.dat")
    assert "cannot write no/where.dat" in decks.run_text(head + pair + "run 0\n").output


def test_the_deviation_is_of_committees_alone(germanium, decks, helpers):
    from tlmlp.errors import TlmlpError

    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    with pytest.raises(TlmlpError, match="extract"):
        decks.run_text(head + germanium.pair() + "fix 1 all pair 1 tlmlp force_deviation 0\nrun 0\n")
