"""Models with a ZBL repulsion of their own: LAMMPS adds it once, on any number of ranks, and warns of a second one."""

import ase.build
import numpy as np
import pytest


@pytest.fixture(scope="module")
def repulsive(helpers, tmp_path_factory):
    """One species, small network, repulsion between 1.5 and 2.6 Å."""
    return helpers.model(tmp_path_factory.mktemp("models"), ["Ge"], zbl={"inner": 1.5, "outer": 2.6})


def crystal() -> ase.Atoms:
    """Bonds of 2.2 to 2.7 Å: most within the reach of the repulsion."""
    atoms = ase.build.bulk("Ge", "diamond", 5.6, cubic=True).repeat((2, 1, 1))
    atoms.rattle(0.08, seed=4)
    return atoms


def test_the_repulsion_is_that_of_the_model(repulsive, germanium, decks, helpers, style):
    atoms = crystal()
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dumps = [decks.add(head + model.pair(style=style)) for model in (repulsive, germanium)]
    run = decks.run()
    assert "ZBL" not in run.output
    expected = helpers.reference(atoms, repulsive)
    got, without = (helpers.read_dump(dump) for dump in dumps)
    np.testing.assert_allclose(got["forces"], expected["forces"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(got["energies"], expected["energies"], rtol=0, atol=1e-8)
    assert np.abs(got["forces"] - without["forces"]).max() > 0.01


@pytest.mark.parametrize("newton", ["on", "off"])
def test_ranks_add_it_once(repulsive, decks, helpers, newton):
    atoms = crystal()
    head = helpers.head.format(newton=newton, boundary="p p p", data=decks.data(atoms, ["Ge"]))
    results = []
    for ranks in (1, 2):
        dump = decks.add(head + repulsive.pair())
        decks.run(ranks=ranks)
        results.append(helpers.read_dump(dump))
    one, two = results
    for name in ("forces", "energies", "virial"):
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-10 * np.abs(one[name]).max())


def test_a_second_repulsion_is_warned_of(repulsive, decks, helpers, style):
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(crystal(), ["Ge"]))
    run = decks.run_text(
        f"{head}pair_style hybrid/overlay {style} zbl 1.0 1.6\npair_coeff * * {style} {repulsive.path} Ge\n"
        "pair_coeff 1 1 zbl 32 32\nrun 0\n"
    )
    assert "has a ZBL repulsion of its own, and pair_style zbl adds a second one" in run.output
