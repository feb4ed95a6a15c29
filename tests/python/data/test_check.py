"""``tlmlp data check``: what it counts on the public data, and what it must notice."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tlmlp.data import read_frames, write_frames
from tlmlp.data.check import check_files
from tlmlp.data.split import nested_subset
from tlmlp.errors import TlmlpError

SPECIES = {"Si": ("training.json", "test.json"), "Ge": ("training.json", "test.json")}


def test_the_public_data(mlearn_dir, tmp_path, invoke):
    files = [mlearn_dir / element / name for element, names in SPECIES.items() for name in names]
    output = invoke("check", *files, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert [f["frames"] for f in report["files"]] == [214, 25, 228, 25]
    assert [f["frames_without_surfaces"] for f in report["files"]] == [202, 23, 217, 24]
    assert report["files"][0]["groups"] == {"AIMD-NVT": 90, "Elastic": 55, "Surface": 12, "Vacancy": 57}
    assert report["files"][2]["groups"] == {"AIMD-NVT": 90, "Elastic": 55, "Surface": 11, "Vacancy": 72}
    lossy = [f["cells_without_surfaces"]["minimum_image_loses_edges"] for f in report["files"]]
    assert lossy == [21, 4, 0, 0]
    assert report["files"][1]["cells_without_surfaces"]["smallest_width_ang"] == pytest.approx(4.64, abs=0.005)
    assert report["files"][0]["energy_ev_per_atom"]["min"] == pytest.approx(-5.42532, abs=1e-5)
    assert report["files"][2]["energy_ev_per_atom"]["min"] == pytest.approx(-4.49252, abs=1e-5)
    assert all(
        f["labelled_frames"] == dict.fromkeys(("energy", "forces", "stress"), f["frames"]) for f in report["files"]
    )
    assert report["warnings"] == [] and report["duplicates_between_files"] == []
    for word in ("214", "202", "217", "Vacancy", "eV/atom", "GPa", "skewed", "Nothing suspicious"):
        assert word in output


def test_baseline_errors_of_the_test_sets(mlearn_dir):
    """Predicting no forces at all gives mean absolute errors of 0.589 (Si) and 0.433 eV/Å (Ge) without surfaces."""
    for element, expected in (("Si", 0.589), ("Ge", 0.433)):
        frames = [f for f in read_frames(mlearn_dir / element / "test.json") if f.group != "Surface"]
        report = check_files({element: frames}, 4.3)["files"][0]
        assert report["force_ev_per_ang"]["mean_abs"] == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: replace(f, forces=-f.forces), "wrong sign"),
        (lambda f: replace(f, forces=-f.forces, energy=None), "wrong sign"),
        (
            lambda f: replace(f, forces=f.forces / 51.422, energy=f.energy / 27.211),
            "Hartree/Bohr beside energies in Hart",
        ),
        (lambda f: replace(f, forces=f.forces / 51.422), "Hartree/Bohr beside energies in eV"),
        (lambda f: replace(f, energy=f.energy / 27.211), "energies look like Hartree"),
        (lambda f: replace(f, energy=f.energy * 96.485, forces=f.forces * 964.85), "very large"),
        (lambda f: replace(f, stress=-f.stress), "stress has the wrong sign"),
        (lambda f: replace(f, stress=f.stress * 160.2), "GPa?"),
        (lambda f: replace(f, positions=f.positions / 10, cell=f.cell / 10), "nm"),
        (lambda f: replace(f, forces=f.forces + 0.5), "add up to"),
    ],
)
@pytest.mark.parametrize("element", ["Si", "Ge"])
def test_wrong_units_and_signs_are_noticed(mlearn_dir, element, change, words):
    frames = [change(f) for f in read_frames(mlearn_dir / element / "training.json")]
    cutoff = 0.43 if "nm" in words else 4.3
    assert any(words in warning for warning in check_files({"x": frames}, cutoff)["warnings"])


def test_subsets_of_good_data_raise_no_alarm(mlearn_dir):
    frames = read_frames(mlearn_dir / "Ge" / "training.json")
    for seed in range(10):
        for subset in nested_subset(len(frames), [10, 22, 100], seed):
            assert check_files({"x": [frames[i] for i in subset]}, 2.5)["warnings"] == []


def test_duplicates_within_and_between_files(tmp_path, invoke, make_frame):
    frames = [make_frame(n) for n in range(4)]
    write_frames(tmp_path / "train.extxyz", [*frames, frames[0]])
    moved = replace(frames[1], positions=frames[1].positions + 1e-7, energy=0.0)  # the same structure, other labels
    write_frames(tmp_path / "test.extxyz", [moved, make_frame(9)])
    output = invoke("check", tmp_path / "train.extxyz", tmp_path / "test.extxyz", "--json", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["files"][0]["duplicates"] == 1 and report["files"][1]["duplicates"] == 0
    assert [d["frames"] for d in report["duplicates_between_files"]] == [1]
    assert "train.extxyz: 1 frame is a copy of another" in output
    assert f"1 frame of {tmp_path / 'train.extxyz'} is in {tmp_path / 'test.extxyz'} too" in output


def test_narrow_skewed_and_open_cells_are_told_apart(make_frame):
    lattice = np.array([[5.4, 0, 0], [0, 9, 0], [0, 0, 9.0]])
    leaning = np.array([[5.4, 0, 0], [5.0, 9, 0], [0, 0, 9.0]])
    kinds = {
        "narrow": make_frame(cell=lattice),
        "skewed": make_frame(cell=leaning),
        "wide": make_frame(cell=20.0 * np.eye(3)),
        "open": make_frame(cell=np.zeros((3, 3)), pbc=False),
    }
    counts = {name: check_files({name: [f]}, 4.0)["files"][0]["cells"] for name, f in kinds.items()}
    narrow = {name: c["narrower_than_two_cutoffs"] for name, c in counts.items()}
    assert narrow == {"narrow": 1, "skewed": 1, "wide": 0, "open": 0}
    assert {name: c["skewed"] for name, c in counts.items()} == {"narrow": 0, "skewed": 1, "wide": 0, "open": 0}
    assert counts["narrow"]["minimum_image_loses_edges"] == 1 and counts["open"]["smallest_width_ang"] is None


def test_missing_labels_are_counted(make_frame):
    frames = [make_frame(0), make_frame(1, energy=None), make_frame(2, forces=None, stress=None)]
    report = check_files({"x": frames}, 4.0)
    assert report["files"][0]["labelled_frames"] == {"energy": 2, "forces": 2, "stress": 2}
    assert {"x: 1 of 3 frames has no energy", "x: 1 of 3 frames has no forces"} <= set(report["warnings"])
    bare = check_files({"x": [make_frame(0, energy=None, forces=None, stress=None, group=None)]}, 4.0)["files"][0]
    assert bare["energy_ev_per_atom"] is None and bare["force_ev_per_ang"] is None


def test_coinciding_atoms_are_named(tmp_path, invoke, make_frame):
    frame = make_frame()
    positions = frame.positions.copy()
    positions[3] = positions[5] + frame.cell[0]
    write_frames(tmp_path / "a.extxyz", [frame, replace(frame, positions=positions)])
    output = invoke("check", tmp_path / "a.extxyz")
    assert "a.extxyz#1: atoms 5 and 3 coincide" in output


def test_an_unreadable_file_stops_the_check(tmp_path, invoke):
    (tmp_path / "a.extxyz").write_text("2\nhello\nSi 0 0 0\n")
    with pytest.raises(TlmlpError, match=r"a.extxyz, line 1: the file ends inside frame 0"):
        invoke("check", tmp_path / "a.extxyz")
