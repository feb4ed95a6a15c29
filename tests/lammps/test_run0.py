"""``run 0`` in LAMMPS equals ASE, for every way LAMMPS may lay out the same structure."""

import ase
import ase.build
import numpy as np
import pytest


def rattled(atoms: ase.Atoms, seed: int = 5, size: float = 0.12) -> ase.Atoms:
    atoms.rattle(size, seed=seed)
    return atoms


def lower_triangular(rows: list[list[float]], scaled: list[list[float]], symbols: str) -> ase.Atoms:
    return ase.Atoms(symbols, scaled_positions=scaled, cell=rows, pbc=True)


STRUCTURES = {
    "64 atoms": rattled(ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat(2)),
    "one atom in a cell narrower than the cutoff": lower_triangular(
        [[2.6, 0, 0], [0.5, 2.7, 0], [-0.4, 0.9, 2.8]], [[0.1, 0.2, 0.3]], "Ge"
    ),
    "two atoms in an orthogonal cell narrower than the cutoff": lower_triangular(
        [[3.1, 0, 0], [0, 3.9, 0], [0, 0, 5.0]], [[0.1, 0.2, 0.3], [0.6, 0.75, 0.7]], "Ge2"
    ),
    "triclinic": rattled(
        lower_triangular(
            [[6.9, 0, 0], [2.1, 7.3, 0], [-1.9, 2.4, 7.6]],
            [[0, 0, 0], [0.5, 0.1, 0.4], [0.1, 0.55, 0.5], [0.52, 0.5, 0.05], [0.3, 0.8, 0.2]],
            "Ge5",
        )
    ),
    "gas with isolated atoms": lower_triangular(
        [[30, 0, 0], [0, 30, 0], [0, 0, 30]],
        [[0.1, 0.1, 0.1], [0.17, 0.1, 0.1], [0.5, 0.5, 0.5], [0.9, 0.2, 0.6]],
        "Ge4",
    ),
    "perfect diamond": ase.build.bulk("Ge", "diamond", 5.7, cubic=True),
}


def assert_same(got, thermo, expected, helpers, atol=1e-8, stress=True):
    np.testing.assert_allclose(thermo["PotEng"][0], expected["energy"], rtol=0, atol=atol * len(got["id"]))
    np.testing.assert_allclose(got["forces"], expected["forces"], rtol=0, atol=10 * atol)
    np.testing.assert_allclose(got["energies"], expected["energies"], rtol=0, atol=10 * atol)
    if stress:
        voigt = expected["stress"]  # xx yy zz yz xz xy
        pressure = [thermo[name][0] / -helpers.bar for name in ("Pxx", "Pyy", "Pzz", "Pyz", "Pxz", "Pxy")]
        np.testing.assert_allclose(pressure, voigt, rtol=0, atol=atol)


def assert_sums(got, thermo, helpers):
    """Energies per atom sum to the energy, virials per atom to the pressure, in both forms."""
    np.testing.assert_allclose(got["energies"].sum(), thermo["PotEng"][0], rtol=1e-12)
    total = [-thermo[name][0] * thermo["Volume"][0] for name in ("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")]
    scale = np.abs(total).max() + helpers.bar * 1e-3
    np.testing.assert_allclose(got["virial"].sum(axis=0), total, rtol=0, atol=1e-9 * scale)
    if "centroid" in got:
        np.testing.assert_allclose(got["centroid"].sum(axis=0)[:6], total, rtol=0, atol=1e-9 * scale)


def test_structures_with_newton_on_and_off(germanium, decks, helpers, style):
    dumps = []
    for atoms in STRUCTURES.values():
        data = decks.data(atoms, ["Ge"])
        for newton in ("on", "off"):
            head = helpers.head.format(newton=newton, boundary="p p p", data=data)
            dumps.append(decks.add(head + germanium.pair(style=style)))
    tables = decks.run().tables
    for k, atoms in enumerate(STRUCTURES.values()):
        expected = helpers.reference(atoms, germanium)
        for which in (2 * k, 2 * k + 1):
            got = helpers.read_dump(dumps[which])
            assert_same(got, tables[which], expected, helpers)
            assert_sums(got, tables[which], helpers)


def test_single_precision_is_the_default(germanium, decks, helpers, style):
    atoms = STRUCTURES["64 atoms"]
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dump = decks.add(head + f"pair_style {style}\npair_coeff * * {germanium.path} Ge\n")
    run = decks.run()
    assert "single precision" in run.output
    expected = helpers.reference(atoms, germanium, "single")
    got = helpers.read_dump(dump)
    np.testing.assert_allclose(run.tables[0]["PotEng"][0], expected["energy"], rtol=0, atol=1e-5 * len(atoms))
    np.testing.assert_allclose(got["forces"], expected["forces"], rtol=0, atol=2e-5)


def test_default_sizes_and_an_archive_of_standard_operators(production, portable, decks, helpers, style):
    atoms = STRUCTURES["64 atoms"]
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dumps = [decks.add(head + model.pair(style=style)) for model in (production, portable)]
    tables = decks.run().tables
    for model, dump, table in zip((production, portable), dumps, tables, strict=True):
        assert_same(helpers.read_dump(dump), table, helpers.reference(atoms, model), helpers)


def test_threads_do_not_change_the_result(germanium, decks, helpers, style):
    atoms = STRUCTURES["64 atoms"]
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dump = decks.add(head + germanium.pair(style=style))
    run = decks.run(threads=2)
    assert "using 2 OpenMP thread(s)" in run.output
    assert_same(helpers.read_dump(dump), run.tables[0], helpers.reference(atoms, germanium), helpers)


@pytest.mark.parametrize("newton", ["on", "off"])
def test_deleted_atoms_and_gaps_in_the_numbering(germanium, decks, helpers, newton):
    atoms = STRUCTURES["64 atoms"].copy()
    ids = np.arange(1, len(atoms) + 1) * 7 + 3
    head = helpers.head.format(newton=newton, boundary="p p p", data=decks.data(atoms, ["Ge"], ids))
    dump = decks.add(head + germanium.pair() + "group gone id 10 80 87 108:136\ndelete_atoms group gone compress no\n")
    tables = decks.run().tables
    got = helpers.read_dump(dump)
    keep = [k for k, number in enumerate(ids) if number not in (10, 80, 87) and not 108 <= number <= 136]
    assert list(got["id"]) == list(ids[keep]) and len(keep) < 64
    assert_same(got, tables[0], helpers.reference(atoms[keep], germanium), helpers)


def test_open_and_mixed_boundaries(germanium, decks, helpers):
    atoms = STRUCTURES["64 atoms"].copy()
    atoms.positions %= 11.4
    dumps, expected = [], []
    for boundary, pbc in (("f f f", False), ("p s p", (True, False, True)), ("p p f", (True, True, False))):
        head = helpers.head.format(newton="on", boundary=boundary, data=decks.data(atoms, ["Ge"]))
        dumps.append(decks.add(head + germanium.pair()))
        open_atoms = atoms.copy()
        open_atoms.pbc = pbc
        expected.append(helpers.reference(open_atoms, germanium))
    tables = decks.run().tables
    for dump, table, one in zip(dumps, tables, expected, strict=True):
        assert_same(helpers.read_dump(dump), table, one, helpers, stress=False)


def test_types_in_any_order_and_repeated_elements(alloy, decks, helpers, style):
    atoms = STRUCTURES["triclinic"].copy()
    atoms.symbols = "SiGeSiGeGe"
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge", "Si"]))
    dumps = [decks.add(head + alloy.pair("Ge Si", style=style))]
    expected = helpers.reference(atoms, alloy)
    only_silicon = atoms.copy()
    only_silicon.symbols = "Si5"
    dumps.append(decks.add(head + alloy.pair("Si Si", style=style)))
    tables = decks.run().tables
    assert_same(helpers.read_dump(dumps[0]), tables[0], expected, helpers)
    assert_same(helpers.read_dump(dumps[1]), tables[1], helpers.reference(only_silicon, alloy), helpers)


def test_null_types_in_hybrid_and_overlay(germanium, decks, helpers):
    """Atoms of a NULL type feel only the other style, and the model sees only its own."""
    atoms = rattled(ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat((2, 1, 1)))
    symbols = np.array(["Ge"] * len(atoms))
    symbols[::5] = "Ar"
    atoms.symbols = list(symbols)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge", "Ar"]))
    hybrid = f"pair_coeff * * tlmlp {germanium.path} Ge NULL\npair_coeff 1*2 2 lj/cut 0.0 2.0\n"
    dumps = [
        decks.add(head + "pair_style hybrid tlmlp precision double lj/cut 3.0\n" + hybrid),
        decks.add(head + "pair_style hybrid/overlay lj/cut 3.0 tlmlp precision double\n" + hybrid),
    ]
    tables = decks.run().tables
    mine = symbols == "Ge"
    expected = helpers.reference(atoms[mine], germanium)
    for dump, table in zip(dumps, tables, strict=True):
        got = helpers.read_dump(dump)
        np.testing.assert_allclose(table["PotEng"][0], expected["energy"], atol=1e-7)
        np.testing.assert_allclose(got["forces"][mine], expected["forces"], atol=1e-7)
        assert not got["forces"][~mine].any() and not got["energies"][~mine].any()


def test_units_real_by_the_factor_of_lammps(germanium, decks, helpers):
    atoms = STRUCTURES["triclinic"]
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dump = decks.add(head.replace("units metal", "units real") + germanium.pair())
    tables = decks.run().tables
    expected = helpers.reference(atoms, germanium)
    kcal_per_mol = 23.060549
    got = helpers.read_dump(dump)
    np.testing.assert_allclose(tables[0]["PotEng"][0], kcal_per_mol * expected["energy"], rtol=1e-9)
    np.testing.assert_allclose(got["forces"], kcal_per_mol * expected["forces"], atol=1e-6)
    atmospheres = 68568.415 * kcal_per_mol
    np.testing.assert_allclose(tables[0]["Pxx"][0], -atmospheres * expected["stress"][0], rtol=1e-6)


def test_restart_gives_the_same_numbers(germanium, decks, helpers):
    atoms = STRUCTURES["64 atoms"]
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    first = decks.add(
        head + germanium.pair() + "velocity all create 900 11\nfix move all nve\nrun 5\nwrite_restart five.restart\n"
    )
    second = decks.add("read_restart five.restart\n" + germanium.pair())
    tables = decks.run().tables
    before, after = helpers.read_dump(first), helpers.read_dump(second)
    assert tables[-1]["PotEng"] == tables[-2]["PotEng"]
    np.testing.assert_allclose(after["forces"], before["forces"], rtol=0, atol=1e-10)
    moved = atoms.copy()
    moved.positions = after["positions"]
    assert_same(after, tables[-1], helpers.reference(moved, germanium), helpers, stress=False)  # it moves


def test_empty_box_and_single_atom(germanium, decks, helpers, style):
    box = "units metal\nregion box block 0 20 0 20 0 20\ncreate_box 1 box\nmass 1 72.6\n"
    decks.add(box + germanium.pair(style=style))
    decks.add(box + "create_atoms 1 single 1 1 1 units box\n" + germanium.pair(style=style))
    tables = decks.run().tables
    assert tables[0]["PotEng"] == [0.0]
    alone = helpers.reference(ase.Atoms("Ge"), germanium)
    np.testing.assert_allclose(tables[1]["PotEng"][0], alone["energy"], atol=1e-10)
