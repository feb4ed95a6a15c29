"""Several MPI ranks give the numbers of one: forces, energies and virials per atom, in all kinds of boxes."""

import ase.build
import numpy as np
import pytest

QUANTITIES = ("forces", "energies", "virial", "centroid")


def rattled(atoms: ase.Atoms, amplitude: float = 0.12, seed: int = 3) -> ase.Atoms:
    atoms.rattle(amplitude, seed=seed)
    return atoms


def diamond(*repeat: int) -> ase.Atoms:
    return rattled(ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat(repeat))


def triclinic() -> ase.Atoms:
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat((2, 2, 1))
    atoms.set_cell(np.array([[11.4, 0, 0], [2.9, 11.4, 0], [-1.3, 2.1, 5.7]]), scale_atoms=True)
    return rattled(atoms)


def slab() -> ase.Atoms:
    """Periodic in the plane alone."""
    atoms = diamond(2, 2, 1)
    atoms.positions += [0.0, 0.0, 2.0]
    atoms.cell[2, 2] = 12.0
    return atoms


def corner() -> ase.Atoms:
    """All atoms in one octant: some ranks have none, and one has none in reach either."""
    atoms = diamond(1, 1, 1)
    atoms.set_cell([24.0, 24.0, 24.0])
    atoms.positions += 1.5
    return atoms


#: name: structure, boundary, newton, and (ranks, lines before the box) to compare with one rank
CASES = {
    "64 atoms": (diamond(2, 2, 2), "p p p", "on", [(2, ""), (3, ""), (4, "processors 1 2 2"), (8, "processors 2 2 2")]),
    "newton off": (diamond(2, 2, 1), "p p p", "off", [(4, "processors 2 2 1")]),
    "narrow": (diamond(1, 1, 1), "p p p", "on", [(2, "processors 1 1 2"), (3, "processors 3 1 1")]),
    "triclinic": (triclinic(), "p p p", "on", [(2, "processors 1 1 2"), (4, "processors 2 2 1")]),
    "empty ranks": (corner(), "p p p", "on", [(4, "processors 4 1 1"), (3, "processors 1 1 3")]),
    "open": (corner(), "f f f", "off", [(3, "processors 1 1 3")]),
    "slab": (slab(), "p p s", "on", [(2, "processors 1 1 2")]),
    "tiled": (diamond(2, 2, 2), "p p p", "on", [(4, "comm_style tiled")]),
    "tiled, newton off": (diamond(2, 2, 2), "p p p", "off", [(3, "comm_style tiled")]),
}  # fmt: skip


def compare(got: dict, expected: dict, relative: float, what: str) -> None:
    assert (got["id"] == expected["id"]).all()
    for name in QUANTITIES:
        largest = np.abs(expected[name]).max()
        difference = np.abs(got[name] - expected[name]).max()
        assert difference <= relative * largest, f"{what}: {name} differ by {difference:.2e} of {largest:.2e}"


@pytest.fixture(scope="module")
def results(germanium, helpers, tmp_path_factory) -> dict:
    """All cases on all rank counts, one start of LAMMPS for each count: (case, ranks, lines) to table and dump."""
    decks = helpers.decks(tmp_path_factory.mktemp("ranks"))
    found = {}
    for ranks in (1, 2, 3, 4, 8):
        dumps = {}
        for case, (atoms, boundary, newton, others) in CASES.items():
            data = decks.data(atoms, ["Ge"])
            for count, lines in [(1, ""), *others]:
                if count != ranks:
                    continue
                head = helpers.head.format(newton=newton, boundary=boundary, data=data)
                balance = "balance 1.01 rcb\n" if "tiled" in lines else ""
                body = head.replace("newton", f"{lines}\nnewton") + balance + germanium.pair()
                dumps[case, ranks, lines] = decks.add(body)
        run = decks.run(ranks=ranks)
        assert run.output.count("a rank exchanges the sums of at most") == (len(dumps) if ranks > 1 else 0)
        for key, table in zip(dumps, run.tables, strict=True):
            found[key] = table, helpers.read_dump(dumps[key])
    return found


@pytest.mark.parametrize("case", CASES)
def test_ranks_agree_in_double_precision(results, case):
    table, expected = results[case, 1, ""]
    for ranks, lines in CASES[case][3]:
        got_table, got = results[case, ranks, lines]
        what = f"{case}, {ranks} ranks, {lines}"
        compare(got, expected, 1e-10, what)
        pressures = [name for name in table if name.startswith("P") and len(name) == 3]
        for names in (["PotEng"], pressures):
            largest = max(abs(table[name][0]) for name in names)
            for name in names:
                atol = 1e-10 * largest
                np.testing.assert_allclose(got_table[name], table[name], rtol=0, atol=atol, err_msg=f"{what}, {name}")


def test_the_production_network_in_single_precision(production, decks, helpers):
    atoms = diamond(2, 2, 2)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    dump = decks.add(head + production.pair(precision="single"))
    decks.run()
    expected = helpers.read_dump(dump)
    for ranks in (2, 4):
        dump = decks.add(head + production.pair(precision="single"))
        decks.run(ranks=ranks)
        compare(helpers.read_dump(dump), expected, 1e-5, f"{ranks} ranks")


def test_two_species_with_gaps_in_the_ids(alloy, decks, helpers):
    atoms = diamond(2, 2, 1)
    atoms.symbols = ["Si", "Ge", "Ge", "Si"] * (len(atoms) // 4)
    ids = np.random.default_rng(5).permutation(np.arange(10, 10 + 7 * len(atoms), 7))
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Si", "Ge"], ids))
    dump = decks.add(head + alloy.pair())
    decks.run()
    expected = helpers.read_dump(dump)
    dump = decks.add(head + alloy.pair())
    decks.run(ranks=4)
    compare(helpers.read_dump(dump), expected, 1e-10, "4 ranks")


@pytest.mark.parametrize("newton", ["on", "off"])
@pytest.mark.parametrize("style", ["hybrid", "hybrid/overlay"])
def test_hybrid_sizes_the_buffers_of_the_model(germanium, decks, helpers, newton, style):
    """The enclosing style tells LAMMPS how much is communicated; too little would write past the buffers."""
    atoms = diamond(2, 2, 1)
    symbols = np.array(["Ge"] * len(atoms))
    symbols[::5] = "Ar"
    atoms.symbols = list(symbols)
    head = helpers.head.format(newton=newton, boundary="p p p", data=decks.data(atoms, ["Ge", "Ar"]))
    pair = (
        f"pair_style {style} lj/cut 3.5 tlmlp precision double\n"
        f"pair_coeff * * tlmlp {germanium.path} Ge NULL\npair_coeff 1*2 2 lj/cut 0.01 2.5\n"
    )
    results = []
    for ranks in (1, 4):
        dump = decks.add(head + pair)
        decks.run(ranks=ranks)
        results.append(helpers.read_dump(dump))
    compare(results[1], results[0], 1e-10, style)


def test_an_empty_box_and_a_single_atom_on_four_ranks(germanium, decks, helpers):
    box = "units metal\nregion box block 0 20 0 20 0 20\ncreate_box 1 box\nmass 1 72.6\n"
    decks.add(box + germanium.pair())
    decks.add(box + "create_atoms 1 single 1 1 1 units box\n" + germanium.pair())
    tables = decks.run(ranks=4).tables
    assert tables[0]["PotEng"] == [0.0]
    np.testing.assert_allclose(
        tables[1]["PotEng"][0], helpers.reference(ase.Atoms("Ge"), germanium)["energy"], atol=1e-10
    )


DYNAMICS = """
velocity all create 2500 4711 mom yes rot no loop geom
{box}fix move all nve
timestep 0.001
neighbor 0.3 bin
thermo 20
thermo_style custom step temp pe etotal pxx pyz
thermo_modify norm no format float %.15g
{tilt}run 200
"""


@pytest.mark.parametrize("tilt", ["", "fix shear all deform 1 xy erate 4.0 remap v flip yes\n"])
def test_200_steps_with_migration(germanium, decks, helpers, tilt):
    """Hot atoms change ranks; with a shear, the box flips on the way."""
    atoms = diamond(2, 1, 1)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    body = head + germanium.pair() + DYNAMICS.format(box="change_box all triclinic\n" if tilt else "", tilt=tilt)
    one, several = (decks.run_text(body, ranks=ranks) for ranks in (1, 2))
    assert "Neighbor list builds = 0" not in several.output
    for name in ("PotEng", "TotEng", "Temp"):
        np.testing.assert_allclose(several.tables[-1][name], one.tables[-1][name], rtol=1e-7, err_msg=name)
    if not tilt:
        total, potential = np.array(several.tables[-1]["TotEng"]), np.array(several.tables[-1]["PotEng"])
        assert np.ptp(total) < 0.05 * np.ptp(potential)


def test_partitions_are_apart(germanium, decks, helpers):
    """Two runs of one rank each in one MPI start, in different precision."""
    atoms = diamond(1, 1, 1)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    body = "variable kind world double single\n" + head + germanium.pair(precision="${kind}")
    body += 'thermo_modify format float %.12g\nrun 0\nvariable e equal $(pe)\nprint "${e}" file energy.${kind}\n'
    decks.run_text(body, ranks=2, arguments=["-partition", "2x1"])
    energies = [float((decks.folder / f"energy.{kind}").read_text()) for kind in ("double", "single")]
    np.testing.assert_allclose(energies[0], helpers.reference(atoms, germanium)["energy"], rtol=1e-10)
    assert 0 < abs(energies[0] - energies[1]) < 1e-4


def test_per_atom_virials_add_up_and_equal_positions_times_forces(germanium, decks, helpers):
    """Without periodic images the virial is sum r F, whatever the style of its calculation and the number of ranks."""
    atoms = corner()
    head = helpers.head.format(newton="on", boundary="f f f", data=decks.data(atoms, ["Ge"]))
    for ranks in (1, 3):
        dumps = [decks.add(head + germanium.pair() + lines) for lines in ("", "pair_modify nofdotr\n")]
        tables = decks.run(ranks=ranks).tables
        for dump, table in zip(dumps, tables, strict=True):
            check_virial(helpers.read_dump(dump), table, helpers.bar)


def check_virial(got: dict, table: dict, bar: float) -> None:
    """The pressures of the table and the sums over the atoms against sum r F."""
    tensor = got["positions"].T @ got["forces"]
    volume = table["Volume"][0]
    for k, name in enumerate(("Pxx", "Pyy", "Pzz", "Pxy", "Pxz", "Pyz")):
        a, b = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))[k]
        scale = np.abs(tensor).max()
        np.testing.assert_allclose(table[name][0] * volume / bar, tensor[a, b], rtol=0, atol=1e-9 * scale)
        np.testing.assert_allclose(-got["virial"][:, k].sum() / bar, tensor[a, b], rtol=0, atol=1e-9 * scale)
