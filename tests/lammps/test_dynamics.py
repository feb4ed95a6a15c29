"""Constant energy and what a moving system adds: rebuilt neighbour lists, changing boxes."""

import ase.build
import numpy as np

NVE = """
minimize 0 1e-2 50 100
reset_timestep 0
velocity all create 600 4711 mom yes rot no
fix move all nve
timestep 0.0005
run 100
reset_timestep 0
thermo_style custom step temp pe etotal
thermo_modify norm no format float %.12g
thermo 10
run 400
"""


def test_nve_of_64_atoms_conserves_energy(germanium, decks, helpers):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=8)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    run = decks.run_text(head + germanium.pair() + "neighbor 0.3 bin\n" + NVE)
    table = run.tables[-1]
    total, potential = np.array(table["TotEng"]), np.array(table["PotEng"])
    assert np.ptp(potential) > 1.0, "nothing moved"
    # The error of velocity Verlet goes as the square of the step and stays bounded.
    assert np.ptp(total) < 5e-3 * np.ptp(potential)
    slope = np.polyfit(0.0005 * np.array(table["Step"]), total, 1)[0]  # eV/ps
    assert abs(slope) * 10.0 / 64 < 1e-3
    assert "Neighbor list builds = 0" not in run.output


def test_halving_the_time_step_divides_the_error_by_four(germanium, decks, helpers):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
    atoms.rattle(0.05, seed=8)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    errors = []
    for step, count in ((0.001, 100), (0.0005, 200)):
        moving = NVE.replace("0.0005", str(step)).replace("run 400", f"run {count}").replace("thermo 10", "thermo 1")
        table = decks.run_text(head + germanium.pair() + moving).tables[-1]
        errors.append(np.std(table["TotEng"]))
    assert 3.0 < errors[0] / errors[1] < 5.0


def test_minimise_with_a_relaxing_box_and_npt(germanium, decks, helpers):
    atoms = ase.build.bulk("Ge", "diamond", 5.7, cubic=True)
    atoms.rattle(0.1, seed=3)
    head = helpers.head.format(newton="on", boundary="p p p", data=decks.data(atoms, ["Ge"]))
    run = decks.run_text(
        head
        + germanium.pair()
        + """
fix relax all box/relax aniso 0.0 vmax 0.001
thermo_style custom step pe press vol
minimize 0 1e-3 20 60
unfix relax
velocity all create 300 5
fix move all npt temp 300 300 0.1 aniso 0.0 0.0 1.0
run 20
"""
    )
    energies = run.tables[0]["PotEng"]
    assert energies[-1] < energies[0]
    assert all(np.isfinite(run.tables[-1]["Volume"]))
