"""What a run leaves in its folder, how it goes on, and what it refuses."""

import json
import subprocess
import sys
import warnings

import ase.build
import ase.io
import numpy as np
import pytest

from tlmlp.calculators import TlmlpCalculator
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file
from tlmlp.md import resume_md, run_md
from tlmlp.md.outputs import read_thermo
from tlmlp.md.settings import make_settings
from tlmlp.md.state import COLUMNS


def test_files_of_a_run(engine, settings, tmp_path):
    s = settings(engine=engine, steps=45, thermo_every=10, trajectory_every=20, repeat=(2, 1, 1))
    record = run_md(s, tmp_path / "run")
    columns = read_thermo(tmp_path / "run" / "thermo.csv")
    assert tuple(columns) == COLUMNS and list(columns["step"]) == [0, 10, 20, 30, 40, 45]
    frames = ase.io.read(tmp_path / "run" / "trajectory.extxyz", index=":")
    assert [frame.info["step"] for frame in frames] == [0, 20, 40, 45] and len(frames[0]) == 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calculator = TlmlpCalculator(s.model, precision="double")
    for frame in frames:
        again = frame.copy()
        again.calc = calculator
        assert frame.get_potential_energy() == pytest.approx(again.get_potential_energy(), abs=1e-5)  # 8 digits of Å
        np.testing.assert_allclose(frame.get_forces(), again.get_forces(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(frame.get_stress(), again.get_stress(), rtol=0, atol=1e-6)
    assert frames[-1].get_kinetic_energy() == pytest.approx(columns["kinetic_energy_eV"][-1], rel=1e-5)
    assert (tmp_path / "run" / "thermo.png").read_bytes().startswith(b"\x89PNG")
    stored = json.loads((tmp_path / "run" / "md.json").read_text())
    assert stored == record and stored["finished"] and stored["model_sha256"] == sha256_file(s.model)
    assert make_settings(**stored["settings"]) == s and stored["versions"]["numpy"] == np.__version__
    assert not list((tmp_path / "run").glob("*.part"))


EXACT = {"ase": 0.0, "lammps": 0.0, "openmm": 1e-7}


@pytest.mark.parametrize("ensemble", ["nve", "nvt", "npt"])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(engine, ensemble, settings, pressure, tmp_path, monkeypatch):
    """Killed between two checkpoints: rows after the last one are made again, and all are those of an undisturbed run."""
    if engine == "openmm" and ensemble == "npt":
        pytest.skip("OpenMM's checkpoint leaves out the step size of its barostat")
    values = {"engine": engine, "ensemble": ensemble, "temperature": 100, "pressure": pressure, "trajectory_every": 15}
    s = settings(**values, steps=90, thermo_every=5, checkpoint_every=30)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_md(s, whole)

    from tlmlp.md import run as driver

    class Killed(Exception):
        pass

    real, made = driver.open_simulation, []

    def dying(*arguments):
        simulation = real(*arguments)
        advance = simulation.advance

        def one(steps: int) -> None:
            made.append(steps)
            if sum(made) > 50:
                raise Killed
            advance(steps)

        simulation.advance = one
        return simulation

    monkeypatch.setattr(driver, "open_simulation", dying)
    with pytest.raises(Killed):
        run_md(s, cut)
    monkeypatch.undo()
    assert read_thermo(cut / "thermo.csv")["step"][-1] == 50
    record = resume_md(cut)
    assert record["finished"]
    if EXACT[engine] == 0.0:
        assert (cut / "thermo.csv").read_text() == (whole / "thermo.csv").read_text()
        frames = [ase.io.read(folder / "trajectory.extxyz", index=":") for folder in (cut, whole)]
        for one, other in zip(*frames, strict=True):
            for name in ("positions", "momenta"):
                assert np.array_equal(one.arrays[name], other.arrays[name])
            assert np.array_equal(one.get_forces(), other.get_forces())
            np.testing.assert_allclose(one.get_stress(), other.get_stress(), rtol=0, atol=1e-14)
        return
    one, other = read_thermo(cut / "thermo.csv"), read_thermo(whole / "thermo.csv")
    for name in COLUMNS:
        np.testing.assert_allclose(one[name], other[name], rtol=EXACT[engine], atol=EXACT[engine])


def test_a_finished_run_can_be_made_longer(settings, tmp_path):
    run_md(settings(engine="ase", steps=20), tmp_path / "run")
    with pytest.raises(TlmlpError, match="has all its 20 steps"):
        resume_md(tmp_path / "run")
    assert resume_md(tmp_path / "run", steps=30)["settings"]["steps"] == 30
    assert list(read_thermo(tmp_path / "run" / "thermo.csv")["step"]) == [0, 10, 20, 30]


def test_velocities_can_be_kept(settings, tmp_path):
    first = settings(engine="ase", steps=20, trajectory_every=20)
    run_md(first, tmp_path / "one")
    file = tmp_path / "one" / "trajectory.extxyz"
    kept = settings(engine="ase", steps=0, structure=file, velocities="keep")
    run_md(kept, tmp_path / "two")
    one, two = (read_thermo(tmp_path / name / "thermo.csv") for name in ("one", "two"))
    assert two["total_energy_eV"][0] == pytest.approx(one["total_energy_eV"][-1], abs=1e-5)
    with pytest.raises(TlmlpError, match="no velocities to keep"):
        run_md(settings(engine="ase", steps=1, velocities="keep"), tmp_path / "three")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": "gromacs"}, "engine: .*'lammps', 'openmm' or 'ase', got 'gromacs'"),
        ({"ensemble": "nph"}, "ensemble: .* got 'nph'"),
        ({"timestep": 0}, "timestep: a time step must be from 0.0001 to 20 fs, got 0"),
        ({"timestep": 1e9}, "timestep: a time step must be from 0.0001 to 20 fs, got 1000000000.0"),
        ({"timestep": float("nan")}, "timestep: a time step must be from .* got nan"),
        ({"steps": 10**12}, "steps: .* got 1000000000000"),
        ({"temperature": float("nan")}, "temperature: .* got nan"),
        ({"ensemble": "nvt", "temperature": 0}, "nvt needs a temperature above 0 K"),
        ({"steps": 1.5}, "steps: .* got 1.5"),
        ({"colour": 1}, "colour: .* got 1"),
    ],
)
def test_wrong_settings(settings, values, message):
    with pytest.raises(TlmlpError, match=message) as caught:
        settings(**values)
    assert "\n" not in str(caught.value)


def test_wrong_input(engine, settings, tmp_path):
    """Each refusal is one line, before anything is written."""
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True)

    def refused(match: str, change=None, **values) -> None:
        copy = atoms.copy()
        if change is not None:
            change(copy)
        copy.write(tmp_path / "in.traj")
        with pytest.raises(TlmlpError, match=match) as caught:
            run_md(settings(**{"engine": engine, "structure": tmp_path / "in.traj", **values}), tmp_path / "run")
        assert "\n" not in str(caught.value)
        assert not list((tmp_path / "run").glob("*.csv"))

    refused("has Ge, the model knows Si", lambda a: a.set_chemical_symbols(["Ge"] * 8))
    refused("atom 2 is at", lambda a: a.positions.__setitem__((2, 0), np.nan))
    refused("zero volume", lambda a: a.set_cell([5, 5, 0]))
    refused("coincide", lambda a: a.positions.__setitem__(1, a.positions[0]))
    refused("npt needs a structure that is periodic", lambda a: a.set_pbc([True, True, False]), ensemble="npt")
    refused("does not exist", structure=tmp_path / "none.xyz")
    refused("none.pt", model=tmp_path / "none.pt")
    (tmp_path / "text.xyz").write_text("hello\n")
    refused("cannot be read as a structure", structure=tmp_path / "text.xyz")


def test_folders_that_cannot_be_used(settings, model, tmp_path):
    s = settings(engine="ase", steps=5)
    run_md(s, tmp_path / "run")
    with pytest.raises(TlmlpError, match="has a run already"):
        run_md(s, tmp_path / "run")
    with pytest.raises(TlmlpError, match="there is no run to go on with"):
        resume_md(tmp_path / "none")
    record = json.loads((tmp_path / "run" / "md.json").read_text())
    (tmp_path / "run" / "md.json").write_text(json.dumps(record | {"model_sha256": "0"}))
    with pytest.raises(TlmlpError, match="is not the file with which"):
        resume_md(tmp_path / "run", steps=10)
    (tmp_path / "run" / "md.json").write_text(json.dumps(record))
    (tmp_path / "run" / "thermo.csv").write_text("step\n")
    with pytest.raises(TlmlpError, match=r"thermo.csv is shorter than when its checkpoint was written"):
        resume_md(tmp_path / "run", steps=10)
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"PK\x03\x04nonsense")
    with pytest.raises(TlmlpError, match=r"checkpoint\.npz cannot be read"):
        resume_md(tmp_path / "run", steps=10)


def test_the_command(model, crystal, tmp_path, monkeypatch, capsys):
    from tlmlp.cli.main import main

    def tlmlp(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tlmlp", "md", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    run = tlmlp(
        str(model), str(crystal), "--engine", "ase", "--ps", "0.03", "--timestep", "0.5", "--out", str(tmp_path)
    )
    assert run[0] == 0 and "mean temperature K" in run[1] and "60 steps" in run[2]
    assert tlmlp("--resume", str(tmp_path), "--steps", "80")[0] == 0
    assert read_thermo(tmp_path / "thermo.csv")["step"][-1] == 80
    for arguments, message in (
        (["--steps", "5", "--ps", "1"], "not both"),
        ([str(model)], "expected MODEL STRUCTURE --out FOLDER"),
        (["--resume", str(tmp_path), "--out", "x"], "leave out --out"),
        ([str(model), "--resume", str(tmp_path)], "leave out MODEL"),
    ):
        code, _, errors = tlmlp(*arguments)
        assert code == 2 and errors.count("\n") == 1 and message in errors


def test_importing_loads_no_engine():
    code = "import sys, tlmlp.md, tlmlp.cli.md; print([m for m in ('torch', 'ase', 'lammps', 'openmm', 'numpy') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
