"""Runs that leave what their model knows say so at their end; fixed atoms stay; nothing given is ignored."""

import json
import sys

import ase.build
import ase.io
import numpy as np
import pytest
from ase.constraints import FixAtoms, FixBondLength, FixCartesian

from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.md import resume_md, run_md
from tlmlp.md.outputs import read_thermo
from tlmlp.md.region import words
from tlmlp.md.settings import make_settings
from tlmlp.md.state import COLUMNS
from tlmlp.testing.random_models import SMALL, random_potential


@pytest.fixture(scope="session")
def narrow(tmp_path_factory):
    """The small model, which says that its training data held no pair below 2.2 Å."""
    path = tmp_path_factory.mktemp("model") / "narrow.pt"
    export_model(random_potential(["Si"], 4.3, **SMALL), path, {"min_distance": 2.2}, portable=True)
    return path


@pytest.fixture
def close(tmp_path):
    """Atoms 3 and 4 are 1.6 Å apart."""
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True) * (1, 1, 2)
    vector = atoms.get_distance(4, 3, mic=True, vector=True)
    atoms.positions[3] = atoms.positions[4] + 1.6 * vector / np.linalg.norm(vector)
    atoms.write(tmp_path / "close.traj")
    return tmp_path / "close.traj"


def test_close_pairs_are_told_once_and_counted_at_the_end(engine, narrow, close, tmp_path, recwarn, capsys):
    settings = make_settings(model=narrow, structure=close, engine=engine, steps=20, timestep=0.1, thermo_every=5)
    record = run_md(settings, tmp_path / "run")
    printed = " ".join(capsys.readouterr().err.split())
    columns = read_thermo(tmp_path / "run" / "thermo.csv")
    assert (
        columns["closest_ang"][0] == pytest.approx(1.6) and columns["closest_i"][0] == 3 == columns["closest_j"][0] - 1
    )
    count = int((columns["closest_ang"] < 2.2).sum())
    first = "atoms 3 and 4 are 1.600 Å apart, closer than any pair in the training data of the model (2.200 Å)"
    assert printed.count(f"step 0: {first}") == 1
    (sentence,) = [w for w in record["warnings"] if "rows have a pair" in w]
    assert sentence.startswith(f"{count} of 5 rows have a pair below the training data: first, at 0 ps, {first}")
    assert f"{columns['closest_ang'].min():.3f} Å at" in sentence and printed.count("rows have a pair") == 1
    assert [str(w.message) for w in recwarn if "training data" in str(w.message)] == []


def test_a_good_run_says_nothing(engine, settings, tmp_path):
    record = run_md(settings(engine=engine, steps=20), tmp_path / "run")
    assert record["warnings"] == [] and "stopped" not in record
    assert np.isnan(read_thermo(tmp_path / "run" / "thermo.csv")["closest_ang"]).all()


def test_stop_below_ends_the_run_and_leaves_it_whole(engine, narrow, close, tmp_path):
    settings = make_settings(
        model=narrow, structure=close, engine=engine, steps=50, thermo_every=5, trajectory_every=50, stop_below=1.7
    )
    record = run_md(settings, tmp_path / "run")
    assert record["stopped"] == "stopped at step 0 (0 ps): atoms 3 and 4 are 1.600 Å apart, 1.7 Å asked for"
    assert "finished" not in record and record["steps_done"] == 0
    assert list(read_thermo(tmp_path / "run" / "thermo.csv")["step"]) == [0]
    assert len(ase.io.read(tmp_path / "run" / "trajectory.extxyz", index=":")) == 1
    again = resume_md(tmp_path / "run")  # as far as the next pair, or to the end
    assert again["steps_done"] >= 5


def columns_of(**values):
    n = len(values["time_ps"])
    return {name: np.asarray(values.get(name, np.full(n, np.nan)), dtype=float) for name in COLUMNS}


TIME = np.linspace(0, 4, 401)
NOISE = np.random.default_rng(1).normal(size=401)
HEAT = {"ensemble": "nvt", "temperature": 2000.0}
REGION = {
    # what the columns hold, settings, words that must be there (None: nothing is said)
    "temperature near its target": (dict(temperature_K=2000 + 60 * NOISE, potential_energy_eV=NOISE), HEAT, None),
    "temperature of the fused dimers": (
        dict(temperature_K=2750 + 60 * NOISE, potential_energy_eV=NOISE),
        HEAT,
        "second half is 27",
    ),
    "temperature too low": (dict(temperature_K=1500 + 60 * NOISE, potential_energy_eV=NOISE), HEAT, "second half is 1"),
    "a crystal that takes up heat": (
        dict(temperature_K=2000 * (1 - 0.5 * np.exp(-TIME / 0.05)), potential_energy_eV=64 * 0.26 * (TIME > 0.1)),
        HEAT,
        None,
    ),
    "potential that falls": (
        dict(temperature_K=2000 + 60 * NOISE, potential_energy_eV=-64 * 3.0 * (TIME > 2)),
        HEAT,
        "potential energy fell by 3.00 eV/atom",
    ),
    "too short to tell": (
        dict(temperature_K=1000 + NOISE, potential_energy_eV=NOISE),
        HEAT | {"thermostat_time": 1e4},
        None,
    ),
    "nve that holds": (dict(total_energy_eV=-300 + 0.01 * NOISE), {"ensemble": "nve"}, None),
    "nve that climbs": (dict(total_energy_eV=-300 + TIME), {"ensemble": "nve"}, "climbed by"),
    "nve that falls": (dict(total_energy_eV=-300 - TIME), {"ensemble": "nve"}, "fell by"),
    "no pair below": (dict(total_energy_eV=0 * TIME, closest_ang=np.full(401, 2.3)), {"ensemble": "nve"}, None),
    "one pair below, later": (
        dict(
            total_energy_eV=0 * TIME,
            closest_ang=np.where(TIME == 2.0, 1.5, np.nan),
            closest_i=np.full(401, 7),
            closest_j=np.full(401, 9),
        ),
        {"ensemble": "nve"},
        "1 of 401 rows has a pair below the training data: first, at 2 ps, atoms 7 and 9 are 1.500 Å apart",
    ),
}


@pytest.mark.parametrize("case", REGION)
def test_words(case):
    values, settings, expected = REGION[case]
    said = words(columns_of(time_ps=TIME, **values), make_settings(model="m", structure="s", **settings), 64, 2.2)
    if expected is None:
        assert said == []
    else:
        assert len(said) == 1 and expected in said[0], said


def test_columns_of_an_earlier_version():
    """A run that began before the closest pairs were written: the rest is told."""
    columns = columns_of(time_ps=TIME, total_energy_eV=TIME)
    for name in ("closest_ang", "closest_i", "closest_j"):
        del columns[name]
    assert len(words(columns, make_settings(model="m", structure="s"), 64, 2.2)) == 1


@pytest.mark.parametrize("ensemble", ["nve", "nvt"])
def test_fixed_atoms_stay_and_the_others_are_as_warm_as_asked(engine, ensemble, settings, model, tmp_path):
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True) * (1, 1, 2)
    atoms.rattle(0.02, seed=1)
    atoms.set_constraint(FixAtoms([0, 1, 2, 5]))
    atoms.write(tmp_path / "fix.extxyz")
    start = ase.io.read(tmp_path / "fix.extxyz")
    values = {
        "engine": engine,
        "ensemble": ensemble,
        "structure": tmp_path / "fix.extxyz",
        "temperature": 300,
        "timestep": 0.25,
    }
    record = run_md(settings(**values, steps=30, checkpoint_every=10, thermo_every=1), tmp_path / "run")
    resume_md(tmp_path / "run", steps=60)
    last = ase.io.read(tmp_path / "run" / "trajectory.extxyz")
    moved = np.abs(last.positions - start.positions).max(axis=1)
    assert (moved[[0, 1, 2, 5]] < 2e-8).all() and (np.delete(moved, [0, 1, 2, 5]) > 1e-3).all()
    assert np.abs(last.get_momenta()[[0, 1, 2, 5]]).max() == 0.0
    columns = read_thermo(tmp_path / "run" / "thermo.csv")
    kinetic = columns["kinetic_energy_eV"][0]
    np.testing.assert_allclose(columns["temperature_K"][0], kinetic * 2 / (3 * 12 * 8.617333262e-5), rtol=1e-6)
    assert 100 < columns["temperature_K"][0] < 700  # 36 degrees of freedom
    if ensemble == "nve":
        total = columns["total_energy_eV"]
        assert np.abs(total - total[0]).max() < 0.02 * kinetic
    assert record["warnings"] == []


REFUSED = {
    "a bond": (FixBondLength(0, 1), {}, "has the constraint FixBondLengths; runs keep FixAtoms alone"),
    "one direction": (FixCartesian(0, (True, False, False)), {}, "has the constraint FixCartesian"),
    "all atoms": (FixAtoms(range(8)), {}, "all 8 atoms are fixed, so nothing can move: take the constraint out"),
    "a moving cell": (FixAtoms([0]), {"ensemble": "npt"}, "has fixed atoms: npt would move them with the cell"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_constraints_are_refused(case, settings, tmp_path):
    """Before an engine starts, whichever it is."""
    constraint, values, message = REFUSED[case]
    atoms = ase.build.bulk("Si", "diamond", 5.4, cubic=True)
    atoms.set_constraint(constraint)
    atoms.write(tmp_path / "in.traj")
    with pytest.raises(TlmlpError, match=message):
        run_md(settings(structure=tmp_path / "in.traj", **values), tmp_path / "run")


def test_a_model_path_beyond_ascii(engine, model, crystal, tmp_path):
    folder = tmp_path / "Sié $HOME 'x'"
    folder.mkdir()
    named = folder / "Si é.pt"
    named.write_bytes(model.read_bytes())
    record = run_md(
        make_settings(model=named, structure=crystal, engine=engine, steps=4, checkpoint_every=2), folder / "o"
    )
    assert record["finished"] and resume_md(folder / "o", steps=6)["steps_done"] == 6


@pytest.fixture
def command(monkeypatch, capsys):
    from tlmlp.cli.main import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tlmlp", "md", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        return ended.value.code or 0, " ".join(output.err.split())

    return run


RESUME = ["temperature=900", "ensemble=nvt", "timestep=2", "engine=ase", "pressure=1", "seed=3", "velocities=keep"]
RESUME += ["thermostat-time=5", "barostat-time=5", "thermo-every=3", "trajectory-every=3", "checkpoint-every=3"]
RESUME += ["precision=double", "threads=2", "platform=CPU", "stop-below=1", "out=x"]


@pytest.mark.parametrize("option", RESUME)
def test_resume_refuses_what_it_would_not_take(command, option, tmp_path):
    name, value = option.split("=")
    code, errors = command("--resume", tmp_path, "--steps", "30", f"--{name}", value)
    assert code == 2 and f"--steps or --ps alone: leave out --{name}" in errors


UNUSED = [
    ("--ensemble nve --pressure 1", "nve with ase has no use for --pressure"),
    ("--ensemble nvt --temperature 300 --pressure 1 --barostat-time 5", "--barostat-time, --pressure"),
    ("--ensemble nve --thermostat-time 50", "--thermostat-time"),
    ("--ensemble nve --platform CPU", "--platform"),
    ("--ensemble nve --velocities keep --temperature 300", "--temperature"),
]


@pytest.mark.parametrize(("options", "message"), UNUSED)
def test_options_without_a_use_are_refused(command, model, crystal, options, message, tmp_path):
    code, errors = command(model, crystal, "--engine", "ase", *options.split(), "--out", tmp_path / "o")
    assert code == 2 and message in errors


def test_the_command_ends_with_status_1_where_it_stopped(command, narrow, close, tmp_path):
    code, _ = command(narrow, close, "--engine", "ase", "--stop-below", "1.7", "--steps", "9", "--out", tmp_path / "o")
    assert code == 1 and json.loads((tmp_path / "o" / "md.json").read_text())["stopped"].startswith("stopped at step 0")
