"""DeePMD folders written by dpdata, outputs of ABACUS, and ML_AB: labels, units and signs against the files' own text."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tlmlp.data import Notes, read_frames
from tlmlp.errors import TlmlpError

ABACUS = Path(__file__).parents[2] / "data" / "abacus"


@pytest.fixture
def dpdata():
    return pytest.importorskip("dpdata")


def system(dpdata, frames, names=("Si",), nopbc=False):
    """A labelled system of dpdata with the numbers of ``frames``."""
    data = {
        "atom_names": list(names),
        "atom_numbs": [len(frames[0])],
        "atom_types": np.zeros(len(frames[0]), dtype=int),
        "orig": np.zeros(3),
        "coords": np.array([f.positions for f in frames]),
        "cells": np.array([f.cell for f in frames]),
        "energies": np.array([f.energy for f in frames]),
        "forces": np.array([f.forces for f in frames]),
        "virials": np.array([-f.volume * f.stress for f in frames]),
    }
    if nopbc:
        data["nopbc"] = True
    return dpdata.LabeledSystem(data={**data})


def same(read, made):
    """Whether two lists of frames hold the same numbers, to float64 rounding of the conversion."""
    assert len(read) == len(made)
    for a, b in zip(read, made, strict=True):
        assert a.energy == pytest.approx(b.energy, rel=1e-12) and a.atomic_numbers.tolist() == b.atomic_numbers.tolist()
        for name in ("positions", "cell", "forces", "stress"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", ["deepmd/npy", "deepmd/raw", "deepmd/npy/mixed", "several systems"])
def test_deepmd_folders(tmp_path, dpdata, make_frame, kind):
    frames = [make_frame(n) for n in range(3)]
    made = system(dpdata, frames)
    if kind == "deepmd/npy/mixed":
        systems = dpdata.MultiSystems()
        systems.append(made)
        systems.to_deepmd_npy_mixed(str(tmp_path / "out"))
        (folder,) = (path.parent for path in (tmp_path / "out").rglob("type.raw"))
    elif kind == "several systems":
        made.to("deepmd/npy", str(tmp_path / "all" / "a"))
        system(dpdata, [make_frame(9)]).to("deepmd/npy", str(tmp_path / "all" / "b"))
        folder, frames = tmp_path / "all", [*frames, make_frame(9)]
    else:
        folder = tmp_path / "d"
        made.to(kind, str(folder))
    same(read_frames(folder), frames)
    assert read_frames(f"{folder}@1")[0].energy == pytest.approx(frames[1].energy)


def test_deepmd_without_names_needs_them(tmp_path, dpdata, make_frame):
    system(dpdata, [make_frame(0)]).to("deepmd/npy", str(tmp_path / "d"))
    (tmp_path / "d" / "type_map.raw").unlink()
    with pytest.raises(TlmlpError, match=r"types are not elements.*from 0 on"):
        read_frames(tmp_path / "d")
    assert read_frames(tmp_path / "d", types=["Ge"])[0].atomic_numbers.tolist() == [32] * 8


def test_a_deepmd_set_with_fewer_energies_than_frames_is_refused(tmp_path, dpdata, make_frame):
    system(dpdata, [make_frame(0), make_frame(1)]).to("deepmd/npy", str(tmp_path / "d"))
    np.save(tmp_path / "d" / "set.000" / "energy.npy", np.array([-40.0]))
    with pytest.raises(TlmlpError, match=r"d: (dpdata cannot read it|2 frames, but 1)"):
        read_frames(tmp_path / "d")


def test_molecules_have_no_cell(tmp_path, dpdata, make_frame):
    system(dpdata, [make_frame(0)], nopbc=True).to("deepmd/npy", str(tmp_path / "d"))
    with pytest.raises(TlmlpError, match="'virial' needs a cell"):
        read_frames(tmp_path / "d")
    frame = read_frames(tmp_path / "d", without=["stress"])[0]
    assert not frame.pbc.any() and not frame.cell.any()


def test_abacus_single_point(tmp_path, dpdata):
    (frame,) = read_frames(ABACUS / "scf")
    text = (ABACUS / "scf" / "OUT.ch4" / "running_scf.log").read_text()
    assert frame.energy == pytest.approx(float(re.search(r"final etot is ([-.\d]+) eV", text)[1]))
    rows = re.search(r"TOTAL-FORCE \(eV/Angstrom\).*?\n((?:.*\n){12})", text)[1]
    forces = np.array([line.split()[1:4] for line in rows.splitlines() if re.match(r"\s*[CH]\d", line)], dtype=float)
    np.testing.assert_allclose(
        np.sort(np.linalg.norm(frame.forces, axis=1)), np.sort(np.linalg.norm(forces, axis=1)), rtol=1e-4
    )
    kbar = re.search(r"TOTAL-STRESS \(KBAR\)\s*\n(?:[ ><]*\n)*((?:\s*[-+.\d]+ +[-+.\d]+ +[-+.\d]+\n){3})", text)[1]
    pressure = np.trace(np.array([line.split() for line in kbar.splitlines()], dtype=float)) / 3.0
    assert np.trace(frame.stress) / 3.0 == pytest.approx(-0.1 * pressure / 160.2176634, rel=1e-4)
    assert sorted(frame.atomic_numbers.tolist()) == [1, 1, 1, 1, 6]


def test_abacus_dynamics_and_steps_that_did_not_converge(tmp_path, dpdata):
    frames = read_frames(ABACUS / "md")
    text = (ABACUS / "md" / "OUT.autotest" / "running_md.log").read_text()
    energies = [float(e) for e in re.findall(r"final etot is ([-.\d]+) eV", text)]
    assert [f.energy for f in frames] == pytest.approx(energies) and frames[0].stress is None
    shutil.copytree(ABACUS / "scf", tmp_path / "scf")
    log = tmp_path / "scf" / "OUT.ch4" / "running_scf.log"
    log.write_text(
        log.read_text().replace("charge density convergence is achieved", "convergence has NOT been achieved!")
    )
    with pytest.raises(TlmlpError, match=r"none of its 1 steps converged|dpdata cannot read"):
        read_frames(tmp_path / "scf")


RULE, STARS = "-" * 50, "*" * 50
MLAB = f""" 1.0 Version
{STARS}
     The number of configurations
{RULE}
          1
{STARS}
     The maximum number of atom type
{RULE}
       2
{STARS}
     Configuration num.      1
{"=" * 50}
     System name
{RULE}
     SiGe
{"=" * 50}
     The number of atom types
{RULE}
       2
{"=" * 50}
     The number of atoms
{RULE}
        2
{STARS}
     Atom types and atom numbers
{RULE}
     Si      1
     Ge      1
{"=" * 50}
     CTIFOR
{RULE}
  2.0E-002
{"=" * 50}
     Primitive lattice vectors (ang.)
{RULE}
   0.0  2.7  2.7
   2.7  0.0  2.7
   2.7  2.7  0.0
{"=" * 50}
     Atomic positions (ang.)
{RULE}
   0.0  0.0  0.0
   1.4  1.35 1.35
{"=" * 50}
     Total energy (eV)
{RULE}
  -9.5
{"=" * 50}
     Forces (eV ang.^-1)
{RULE}
   0.5 -0.25 0.125
  -0.5 0.25 -0.125
{"=" * 50}
     Stress (kbar)
{RULE}
     XX YY ZZ
{RULE}
   10.0 20.0 30.0
{RULE}
     XY YZ ZX
{RULE}
   1.0 2.0 3.0
{STARS}
"""


def test_mlab(tmp_path):
    (tmp_path / "ML_AB").write_text(MLAB)
    notes = Notes()
    (frame,) = read_frames(tmp_path / "ML_AB", notes=notes)
    assert frame.energy == -9.5 and frame.atomic_numbers.tolist() == [14, 32] and notes.lines() == []
    assert frame.forces.tolist() == [[0.5, -0.25, 0.125], [-0.5, 0.25, -0.125]] and frame.cell[0].tolist() == [
        0,
        2.7,
        2.7,
    ]
    kbar = -0.1 / 160.2176634
    np.testing.assert_allclose(frame.stress, kbar * np.array([[10.0, 1, 3], [1, 20, 2], [3, 2, 30]]), rtol=1e-12)
    (tmp_path / "ML_AB").write_text(MLAB.replace("          1\n", "          2\n", 1))
    with pytest.raises(TlmlpError, match="announces 2 of configurations and holds 1; is it truncated"):
        read_frames(tmp_path / "ML_AB")
    (tmp_path / "ML_AB").write_text(MLAB.replace("   1.4  1.35 1.35\n", ""))
    with pytest.raises(TlmlpError, match=r"ML_AB#0: not a complete configuration .*positions of shape \(1, 3\)"):
        read_frames(tmp_path / "ML_AB")


def test_a_folder_of_something_else_is_told_what_is_read(tmp_path):
    with pytest.raises(TlmlpError, match=r"this is a folder; folders are read of DeePMD"):
        read_frames(tmp_path)
    (tmp_path / "OUTCAR").write_text("x")
    with pytest.raises(TlmlpError, match=r"this is a folder; name the file, .*OUTCAR"):
        read_frames(tmp_path)
