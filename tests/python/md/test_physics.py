"""Each engine does the dynamics it says it does: the same steps, conserved energy, the right ensembles."""

import ase.build
import ase.io
import numpy as np
import pytest
import scipy.stats
from ase import units
from ase.md.verlet import VelocityVerlet

from tlmlp.calculators import TlmlpCalculator
from tlmlp.md import run_md
from tlmlp.md.outputs import read_thermo
from tlmlp.md.state import new_velocities
from tlmlp.units import KB_EV


def standard_error(values: np.ndarray, blocks: int = 20) -> float:
    """Of the mean of a correlated series, from the means of blocks."""
    means = [block.mean() for block in np.array_split(values, blocks)]
    return float(np.std(means, ddof=1) / np.sqrt(blocks))


def test_nve_takes_the_steps_of_velocity_verlet(engine, settings, tmp_path):
    """Against ASE's integrator, driven here: same forces at step 0, same positions and energies after 60 steps."""
    s = settings(engine=engine, temperature=300, seed=3, steps=60, trajectory_every=60, timestep=1.5)
    record = run_md(s, tmp_path)
    assert record["largest_force_difference_at_start"] < 1e-8
    atoms = ase.io.read(s.structure)
    atoms.set_velocities(new_velocities(atoms.get_masses(), 300, 3) / units.fs)
    atoms.calc = TlmlpCalculator(s.model, precision="double", backend="torch-plain")
    first, last = ase.io.read(tmp_path / "trajectory.extxyz", index=":")
    np.testing.assert_allclose(first.get_forces(), atoms.get_forces(), atol=2e-8)
    VelocityVerlet(atoms, 1.5 * units.fs).run(60)
    assert np.abs(atoms.positions - first.positions).max() > 0.05
    np.testing.assert_allclose(last.positions, atoms.positions, rtol=0, atol=1e-5)  # the unit fs differs by 1e-7
    np.testing.assert_allclose(last.get_forces(), atoms.get_forces(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(last.get_stress(), atoms.get_stress(), rtol=0, atol=1e-6)
    row = {name: values[-1] for name, values in read_thermo(tmp_path / "thermo.csv").items()}
    n = len(atoms)
    assert row["time_ps"] == pytest.approx(0.09) and row["volume_ang3"] == pytest.approx(atoms.get_volume(), rel=1e-9)
    assert row["potential_energy_eV"] == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
    assert row["kinetic_energy_eV"] == pytest.approx(atoms.get_kinetic_energy(), abs=1e-5)
    temperature = atoms.get_kinetic_energy() / (1.5 * (n - 1) * KB_EV)
    assert row["temperature_K"] == pytest.approx(temperature, rel=1e-5)
    pressure = -np.trace(atoms.get_stress(voigt=False, include_ideal_gas=True)) / 3 * 160.21766
    assert row["pressure_GPa"] == pytest.approx(pressure, abs=1e-3)


def test_nve_conserves_energy(engine, settings, tmp_path):
    s = settings(engine=engine, temperature=300, steps=800, thermo_every=4, precision="single")
    run_md(s, tmp_path)
    columns = read_thermo(tmp_path / "thermo.csv")
    total, potential = columns["total_energy_eV"], columns["potential_energy_eV"]
    assert np.ptp(potential) > 0.05, "nothing moved"
    assert np.ptp(total) < 0.05 * np.ptp(potential)
    slope = np.polyfit(columns["time_ps"], total, 1)[0]
    assert abs(slope) * 10 / 8 < 1e-3  # eV/atom per 10 ps


def test_nvt_has_the_canonical_distribution_of_kinetic_energies(engine, settings, tmp_path):
    """A gamma distribution of shape 3n/2 and scale kT (Kolmogorov-Smirnov), and the mean within its error."""
    s = settings(engine=engine, ensemble="nvt", temperature=200, thermostat_time=15, steps=3000, seed=5)
    run_md(s, tmp_path)
    columns = read_thermo(tmp_path / "thermo.csv")
    kinetic = columns["kinetic_energy_eV"][20:]
    error = standard_error(kinetic)
    mean = 1.5 * 8 * KB_EV * 200
    assert error < 0.05 * mean and abs(kinetic.mean() - mean) < 4 * error
    expected = scipy.stats.gamma(a=1.5 * 8, scale=KB_EV * 200)
    assert scipy.stats.kstest(kinetic[::8], expected.cdf).pvalue > 1e-3  # every 80 fs, five times the memory
    assert columns["temperature_K"][20:].mean() == pytest.approx(kinetic.mean() / (12 * KB_EV), rel=1e-6)


def test_npt_keeps_the_pressure_of_a_soft_crystal(engine, settings, pressure, tmp_path):
    """<P> is the pressure outside, exactly; the volume moves, around that of the relaxed crystal."""
    s = settings(
        engine=engine,
        ensemble="npt",
        temperature=100,
        pressure=pressure,
        thermostat_time=30,
        barostat_time=200,
        steps=2000,
        seed=2,
    )
    run_md(s, tmp_path)
    columns = read_thermo(tmp_path / "thermo.csv")
    inside, volume = columns["pressure_GPa"][50:], columns["volume_ang3"]
    error = standard_error(inside)
    assert error < 0.15 * pressure and abs(inside.mean() - pressure) < 4 * error
    assert np.ptp(volume) > 0.005 * volume[0] and abs(volume[50:].mean() / volume[0] - 1) < 0.1
    frames = ase.io.read(tmp_path / "trajectory.extxyz", index=":")
    angles = [frame.cell.cellpar()[3:] for frame in (frames[0], frames[-1])]
    np.testing.assert_allclose(angles[0], angles[1], atol=1e-6)  # isotropic: the shape stays


@pytest.mark.parametrize("which", ["cluster", "slab"])
def test_open_boundaries(engine, model, settings, tmp_path, which):
    atoms = ase.build.bulk("Si", "diamond", 5.0, cubic=True)
    atoms.rattle(0.05, seed=1)
    atoms.pbc = (True, True, False) if which == "slab" else False
    atoms.rotate(20, (1, 1, 0), rotate_cell=True)
    if which == "cluster":
        atoms.cell[:] = 0.0
    file = tmp_path / "in.extxyz"
    atoms.write(file)
    s = settings(engine=engine, structure=file, temperature=50, steps=20, trajectory_every=20, timestep=0.5)
    if engine == "openmm" and which == "slab":
        from tlmlp.errors import TlmlpError

        with pytest.raises(TlmlpError, match="periodic"):
            run_md(s, tmp_path / "run")
        return
    run_md(s, tmp_path / "run")
    atoms = ase.io.read(file)
    atoms.calc = TlmlpCalculator(model, precision="double")
    atoms.set_velocities(new_velocities(atoms.get_masses(), 50, 0) / units.fs)
    VelocityVerlet(atoms, 0.5 * units.fs).run(20)
    last = ase.io.read(tmp_path / "run" / "trajectory.extxyz")
    np.testing.assert_allclose(last.positions, atoms.positions, rtol=0, atol=1e-6)
    assert "pressure" not in (tmp_path / "run" / "md.json").read_text().split('"summary"')[1]
