"""Replicas: who fails, when and why, against paths that are known exactly; killed and gone on with; the same bits."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import ase.build
import ase.io
import numpy as np
import pytest
from ase import Atoms

pytest.importorskip("torch", reason="models for the tests are made with torch")

from tlmlp.analysis.monitor import ENERGY, LOST_ATOMS, NOT_FINITE, TEMPERATURE, Monitor, RunFiles
from tlmlp.analysis.stability import named_models, run_stability
from tlmlp.analysis.stability_settings import stability_settings
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.md.state import new_velocities
from tlmlp.testing.random_models import SMALL, random_potential


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``free.pt`` without forces, ``wild.pt`` with random ones, and eight silicon atoms in a skewed cell."""
    place = tmp_path_factory.mktemp("stability")
    export_model(random_potential(["Si"], 4.3, scale=0.0, **SMALL), place / "free.pt", {}, portable=True)
    wild = random_potential(["Si"], 4.3, scale=60.0, **SMALL)
    export_model(wild, place / "wild.pt", {"min_distance": 2.2}, portable=True)
    atoms = ase.build.bulk("Si", "diamond", 5.43, cubic=True)
    rows = atoms.cell.array
    atoms.set_cell([rows[0], rows[1] + rows[0], rows[2]])
    atoms.write(place / "si8.extxyz")
    return place


def rows_of(out) -> list[dict]:
    with open(out / "runs.csv") as stream:
        return list(csv.DictReader(stream))


def straight_line_failure(atoms: Atoms, temperature: float, seed: int, limit: float) -> tuple[float, tuple, float]:
    """Time (ps), pair and distance of the first look, every 10 fs, at which atoms on straight lines are below ``limit``."""
    velocities = new_velocities(atoms.get_masses(), temperature, seed)
    a, b = np.triu_indices(len(atoms), 1)
    shifts = np.array(list(np.ndindex(5, 5, 5))) - 2
    for look in range(1000):
        moved = atoms.positions + 10.0 * look * velocities
        apart = (moved[a] - moved[b])[:, None] + (shifts @ atoms.cell.array)[None]
        distances = np.linalg.norm(apart, axis=2).min(axis=1)
        if distances.min() < limit:
            k = distances.argmin()
            return look * 0.01, (int(a[k]), int(b[k])), float(distances[k])
    raise AssertionError("no pair comes close")


@pytest.mark.parametrize("device", ["cpu", "cuda-on-cpu"])
def test_free_atoms_fail_when_and_where_straight_lines_say(device, folder, tmp_path):
    settings = stability_settings(
        structure=folder / "si8.extxyz", temperature=3000, time_ps=3, friction_per_ps=0, trajectory_fs=50, device=device
    )
    summary = run_stability([folder / "free.pt"], settings, tmp_path, seeds=3)
    assert summary["runs"] == 3 and summary["stable"] == 0 and summary["failures"] == {"close pair": 3}
    assert summary["min_distance_angstrom"] == {"Si-Si": 1.85}
    atoms = ase.io.read(folder / "si8.extxyz")
    for row in rows_of(tmp_path):
        moment, pair, distance = straight_line_failure(atoms, 3000, int(row["seed"]), 1.85)
        assert float(row["time_ps"]) == pytest.approx(moment) and row["reason"] == "close pair"
        assert row["pair"] == "{}-{}".format(*pair)
        assert float(row["pair_distance_angstrom"]) == pytest.approx(distance, abs=2e-4)
        files = RunFiles(tmp_path, "free", int(row["seed"]))
        record = json.loads(files.record.read_text())
        low, high = record["failure"]["pair"]["bin"]
        assert low <= distance < high <= 1.85 and record["steps"] == round(2000 * moment)
        last = ase.io.read(files.last_frames, ":")
        assert last[-1].info["time_ps"] == pytest.approx(moment)
        assert last[-1].get_distance(*pair, mic=True) == pytest.approx(distance, abs=2e-4)
        assert all(frame.get_all_distances(mic=True)[np.triu_indices(8, 1)].min() > 1.85 for frame in last[:-1])
        frames = ase.io.read(files.failed_trajectory, ":")
        np.testing.assert_allclose([f.info["time_ps"] for f in frames], 0.05 * np.arange(len(frames)), atol=1e-9)
        path = atoms.positions + 1e3 * frames[-1].info["time_ps"] * new_velocities(atoms.get_masses(), 3000, files.seed)
        np.testing.assert_allclose(frames[-1].positions, path, rtol=0, atol=2e-4)  # not wrapped, in the file's frame
        assert not files.trajectory.exists()


def test_a_model_with_random_weights_is_caught(folder, tmp_path):
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    command = ["stability", str(folder / "wild.pt"), "--structure", str(folder / "si8.extxyz"), "--seeds", "4"]
    command += ["--time-ps", "1", "--temperature", "1200", "--jobs", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    rows = rows_of(tmp_path)
    assert [row["stable"] for row in rows] == ["0"] * 4
    for row in rows:
        assert row["reason"] in done.output and 0.0 < float(row["time_ps"]) < 1.0
        assert float(row["training_min_distance_angstrom"]) == 2.2
        record = json.loads(RunFiles(tmp_path, "wild", int(row["seed"])).record.read_text())
        assert record["failure"]["detail"] and record["steps"] < 2000  # ended at once
    assert "Si-Si 1.85 Å" in done.output and "2.200" in done.output
    for name in ("survival.png", "survival.svg", "survival.csv", "summary.json"):
        assert (tmp_path / name).stat().st_size > 50
    with open(tmp_path / "survival.csv") as stream:
        steps = list(csv.DictReader(stream))
    assert float(steps[-1]["survival"]) == 0.0 and float(steps[0]["survival"]) == 1.0


def test_an_error_of_lammps_is_a_failure_at_its_step(folder, tmp_path):
    """Forces so large that atoms leave the box in the first steps: LAMMPS loses them, and says so at the next look."""
    export_model(random_potential(["Si"], 4.3, scale=1e6, **SMALL), tmp_path / "mad.pt", {}, portable=True)
    settings = stability_settings(structure=folder / "si8.extxyz", time_ps=1)
    summary = run_stability([tmp_path / "mad.pt"], settings, tmp_path / "out", seeds=1)
    (row,) = rows_of(tmp_path / "out")
    assert summary["stable"] == 0 and row["reason"] in (LOST_ATOMS, NOT_FINITE)
    record = json.loads(RunFiles(tmp_path / "out", "mad", 0).record.read_text())
    assert 0 < record["steps"] <= 20 and record["failure"]["detail"].startswith("LAMMPS stopped: ")


def test_runs_of_a_seed_are_the_same_bits_and_survivors_feed_the_structure(folder, tmp_path):
    from tlmlp.analysis.structure import analyse

    settings = stability_settings(structure=folder / "si8.extxyz", temperature=5, time_ps=0.2, trajectory_fs=20)
    for name, jobs in (("one", 1), ("two", 2)):
        summary = run_stability([folder / "free.pt"], settings, tmp_path / name, seeds=2, jobs=jobs)
        assert summary["stable"] == 2 and summary["stable_fraction"]["value"] == 1.0
    for seed in (0, 1):
        one, two = (RunFiles(tmp_path / name, "free", seed).trajectory for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    first, second = (ase.io.read(RunFiles(tmp_path / "one", "free", seed).trajectory, ":") for seed in (0, 1))
    assert len(first) == 11 and not np.array_equal(first[-1].positions, second[-1].positions)
    found = analyse([RunFiles(tmp_path / "one", "free", seed).trajectory for seed in (0, 1)])
    assert found.coordination == 4.0 and found.frames == [11] * 2 and found.msd is not None


def alive(text: str) -> list[int]:
    """Processes whose command line has ``text``."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            command = open(f"/proc/{entry}/cmdline", "rb").read().decode(errors="replace") if entry.isdigit() else ""
        except OSError:
            continue
        if text in command:
            found.append(int(entry))
    return found


def test_killed_and_gone_on_with(folder, tmp_path):
    """Runs that were over are not run again, their processes end with the test, and the table is that of a quiet one."""
    options = ["--temperature", "0.01", "--time-ps", "1", "--seeds", "4", "--trajectory-fs", "100"]
    command = [sys.executable, "-m", "tlmlp", "stability", str(folder / "free.pt"), *options]
    command += ["--structure", str(folder / "si8.extxyz"), "--out", str(tmp_path / "cut")]
    process = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = [RunFiles(tmp_path / "cut", "free", seed).record for seed in range(4)]
    deadline = time.monotonic() + 600
    while not any(record.exists() for record in records) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while alive(f"stability_worker\0{process.pid}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(f"stability_worker\0{process.pid}")
    before = {record: record.stat().st_mtime_ns for record in records if record.exists()}
    assert 0 < len(before) < 4
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and f"{len(before)} done before" in done.stderr
    for record, stamp in before.items():
        assert record.stat().st_mtime_ns == stamp
    assert not list((tmp_path / "cut").glob("**/*.part"))
    quiet = stability_settings(structure=folder / "si8.extxyz", temperature=0.01, time_ps=1)
    run_stability([folder / "free.pt"], quiet, tmp_path / "quiet", seeds=4)
    for name in ("runs.csv", "survival.csv", "trajectories/free/seed-0003.extxyz"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "quiet" / name).read_bytes()


def test_what_else_a_monitor_sees(folder, tmp_path):
    atoms = ase.io.read(folder / "si8.extxyz")
    settings = stability_settings(structure=folder / "si8.extxyz", temperature=300, time_ps=1)
    still, at = np.zeros((8, 3)), atoms.positions
    nowhere, away, fast = at.copy(), at.copy(), still.copy()
    nowhere[3, 1], away[2] = np.nan, 1e9
    fast[1] = 0.5
    cases = (
        (NOT_FINITE, nowhere, still, -3.0),
        (NOT_FINITE, at, still, np.nan),
        (LOST_ATOMS, away, still, -3.0),
        (TEMPERATURE, at, fast, -3.0),
        (ENERGY, at, still, -3.0 - 8 * 5.01),
        (ENERGY, at, still, -3.0 + 8 * 5.01),
        (None, at, still, -3.0 + 8 * 4.99),
    )
    for number, (reason, positions, velocities, energy) in enumerate(cases):
        monitor = Monitor(settings, atoms, RunFiles(tmp_path, "m", number))
        assert not monitor.look(0, at, still, -3.0)
        assert monitor.look(20, positions, velocities, energy) == (reason is not None)
        record = monitor.finish()
        assert (record["failure"] or {}).get("reason") == reason
        if reason is not None:
            assert record["failure"]["time_ps"] == 0.01 and record["time_ps"] == 0.01
            json.dumps(record, allow_nan=False)
            assert len(ase.io.read(RunFiles(tmp_path, "m", number).last_frames, ":")) >= 1
    assert settings.hottest(8) == pytest.approx(1500.0) and settings.hottest(1) > 4000.0


def test_settings_in_steps():
    found = stability_settings(structure="a", time_ps=100)
    assert (found.steps, found.check_every, found.trajectory_every, found.time(200)) == (200_000, 20, 200, 0.1)
    odd = stability_settings(structure="a", time_ps=0.1, timestep_fs=3.0, trajectory_fs=0)
    assert (odd.check_every, odd.steps, odd.trajectory_every) == (3, 36, 0)  # whole looks, 10 fs at most
    assert stability_settings(structure="a", timestep_fs=20.0).check_every == 1


@pytest.mark.parametrize(
    "values", [{"timestep_fs": 1e9}, {"timestep_fs": 0}, {"time_ps": 1e300}, {"timestep_fs": 1e-300}]
)
def test_times_out_of_range(values):
    with pytest.raises(
        TlmlpError, match=r"must be from 0.0001 to 20 fs, got|a run has from 0 to 10,000,000,000 steps, got"
    ) as caught:
        stability_settings(structure="a", **values)
    assert "\n" not in str(caught.value)


def test_names_tell_models_apart(folder, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "ge.pt").write_bytes((folder / "free.pt").read_bytes())
    names = [model.name for model in named_models([tmp_path / "a" / "ge.pt", tmp_path / "b" / "ge.pt"])]
    assert names == ["a-ge", "b-ge"]
    assert [model.name for model in named_models(["si-dft"])] == ["si-dft"]


def test_bad_input(folder, tmp_path):
    structure, free = folder / "si8.extxyz", folder / "free.pt"
    ase.build.bulk("Ge", "diamond", 5.7, cubic=True).write(tmp_path / "ge.extxyz")
    close = ase.build.bulk("Si", "diamond", 4.0, cubic=True)
    close.write(tmp_path / "close.extxyz")
    flat = Atoms("Si", [[0, 0, 0]], cell=[[3, 0, 0], [3, 0, 0], [0, 0, 3]], pbc=True)
    flat.write(tmp_path / "flat.extxyz")
    good = stability_settings(structure=structure, temperature=60, time_ps=0.02)
    other = {name: good.model_copy(update={"structure": tmp_path / f"{name}.extxyz"}) for name in ("ge", "close", "flat", "absent")}  # fmt: skip
    for models, settings, options, message in (
        ([free], other["ge"], {}, "has Ge, but the model free knows Si"),
        ([free], other["close"], {}, "1.732 Å apart, below the smallest distance allowed, 1.85 Å"),
        ([free], other["flat"], {}, "no volume"),
        ([free], other["absent"], {}, "does not exist"),
        ([], good, {}, "at least one model"),
        ([free, free], good, {}, "given twice"),
        ([tmp_path / "ge.extxyz"], good, {}, "cannot use the model file"),
        ([free], good, {"seeds": 0}, "one seed"),
        ([free], good.model_copy(update={"device": "cuda:99"}), {}, "CUDA|GPU|device"),
    ):
        with pytest.raises(TlmlpError, match=message) as caught:
            run_stability(models, settings, tmp_path / "out", **options)
        assert "\n" not in str(caught.value)
    for values, message in (({"check_fs": 20}, "check_fs"), ({"temperature": 0}, "temperature"), ({"hot": 1}, "hot")):
        with pytest.raises(TlmlpError, match=message):
            stability_settings(structure=structure, **values)
    run_stability([free], good, tmp_path / "kept", seeds=1)
    with pytest.raises(TlmlpError, match=r"a test with temperature 60\.0, not 70\.0"):
        run_stability([free], good.model_copy(update={"temperature": 70.0}), tmp_path / "kept")
    changed = tmp_path / "free.pt"
    changed.write_bytes((folder / "wild.pt").read_bytes())
    with pytest.raises(TlmlpError, match="another model called free"):
        run_stability([changed], good, tmp_path / "kept")
