"""What LAMMPS users do beside running one pair style: a suffix, several instances, plugins unloaded and loaded again."""

import pytest

from tlmlp.lammps.locate import plugin_file

CRYSTAL = """
units metal
{first}
lattice diamond 5.7
region box block 0 2 0 1 0 1
create_box 1 box
create_atoms 1 box
mass 1 72.63
displace_atoms all random 0.1 0.1 0.1 7
{pair}
thermo_style custom step pe pxx
thermo_modify norm no format float %.15g
run 0
"""


def energy_and_pressure(decks, germanium, first: str = "", pair: str | None = None) -> tuple[float, float]:
    run = decks.run_text(CRYSTAL.format(first=first, pair=germanium.pair() if pair is None else pair), threads=2)
    return run.tables[-1]["PotEng"][-1], run.tables[-1]["Pxx"][-1]


@pytest.fixture
def plain(decks, germanium):
    return energy_and_pressure(decks, germanium)


def test_the_suffix_omp_changes_nothing(decks, germanium, plain):
    assert energy_and_pressure(decks, germanium, "package omp 2\nsuffix omp") == pytest.approx(plain, rel=1e-12)


def test_two_instances_add_up(decks, germanium, second_germanium, plain):
    other = energy_and_pressure(decks, germanium, pair=second_germanium.pair())
    pair = "pair_style hybrid/overlay tlmlp precision double tlmlp precision double\n"
    for k, model in enumerate((germanium, second_germanium), 1):
        pair += f"pair_coeff * * tlmlp {k} {model.path} Ge\n"
    both = energy_and_pressure(decks, germanium, pair=pair)
    assert both == pytest.approx((plain[0] + other[0], plain[1] + other[1]), rel=1e-12)


def test_a_plugin_that_is_unloaded_and_loaded_again(decks, germanium, plain):
    again = f"plugin unload pair tlmlp\nplugin load {plugin_file()}"
    assert energy_and_pressure(decks, germanium, again) == pytest.approx(plain, rel=1e-12)
    pair = germanium.pair()
    script = CRYSTAL.format(first="", pair=pair) + again + "\n" + pair + "run 0\n"
    assert decks.run_text(script).tables[-1]["PotEng"][-1] == pytest.approx(plain[0], rel=1e-12)
