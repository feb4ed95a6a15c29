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


MONTE_CARLO = """
units metal
atom_modify map yes
lattice diamond 5.6
region box block 0 2 0 1 0 1
create_box 2 box
create_atoms 1 box
set group all type/fraction 2 0.5 7
mass * 40
{pair}
displace_atoms all random 0.05 0.05 0.05 9
thermo_style custom step pe atoms
thermo_modify norm no format float %.15g
fix swap all atom/swap 1 5 123 300000.0 ke no types 1 2
run 5
unfix swap
run 0
mass * 40
fix particles all gcmc 1 3 3 2 998 100000 -4.0 0.1 full_energy
run 3
unfix particles
run 0
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_monte_carlo_moves_end_with_the_energy_of_the_atoms(decks, alloy, ranks):
    """Types exchanged, atoms added and taken away between steps: a new start finds the energy that was reached."""
    swapped, after_swaps, particles, after_particles = decks.run_text(
        MONTE_CARLO.format(pair=alloy.pair()), ranks=ranks
    ).tables
    assert abs(swapped["PotEng"][-1] - swapped["PotEng"][0]) > 1e-3  # nothing moves: types were exchanged
    assert after_swaps["PotEng"][0] == pytest.approx(swapped["PotEng"][-1], rel=1e-12)
    assert len(set(particles["Atoms"])) > 1
    assert after_particles["PotEng"][0] == pytest.approx(particles["PotEng"][-1], rel=1e-12)


def test_respa_with_the_pair_style_at_one_level(decks, germanium):
    """At the inner level, two steps of half the length: the same as twice as many steps of velocity Verlet."""
    moving = "velocity all create 300 5\nfix move all nve\nreset_timestep 0\ntimestep {step}\n{style}\nrun {count}\n"
    energies = []
    for step, style, count in ((0.001, "run_style respa 2 2 pair 1", 10), (0.0005, "run_style verlet", 20)):
        script = CRYSTAL.format(first="", pair=germanium.pair()) + moving.format(step=step, style=style, count=count)
        energies.append(decks.run_text(script).tables[-1]["PotEng"])
    assert energies[0][-1] == pytest.approx(energies[1][-1], rel=1e-10)
    assert abs(energies[0][-1] - energies[0][0]) > 1e-3
