"""``tlmlp predict``: the numbers of the calculator, every format, constant memory, and nothing lost when killed."""

import gzip
import os
import signal
import subprocess
import sys
import tracemalloc

import ase.build
import ase.io
import numpy as np
import pytest
from typer.testing import CliRunner

from tlmlp import pretrained
from tlmlp.analysis.predict import predict
from tlmlp.calculators import TlmlpCalculator
from tlmlp.cli.main import app
from tlmlp.data import read_frames
from tlmlp.data.stream import stream_frames
from tlmlp.errors import TlmlpError

MODEL = "si-dft"


def crystals(n: int, size: float = 0.05):
    frames = []
    for seed in range(n):
        atoms = ase.build.bulk("Si", "diamond", 5.45, cubic=seed % 2 == 0)
        atoms.rattle(size, seed=seed)
        atoms.info.update(group=f"g{seed % 2}", energy_of_something_else=1.0)
        frames.append(atoms)
    return frames


@pytest.mark.parametrize("name", ["a.extxyz", "a.extxyz.gz", "a.xyz.bz2", "a.extxyz.xz", "a.traj", "a.json"])
def test_every_format_gives_the_numbers_of_the_calculator(name, tmp_path):
    frames = crystals(5)
    ase.io.write(tmp_path / name, frames, format="extxyz" if "xyz" in name else name[2:])
    result = predict(MODEL, [tmp_path / name], tmp_path / "out.extxyz")
    assert (result.frames, result.atoms) == (5, 8 + 2 + 8 + 2 + 8)
    calculator = TlmlpCalculator(pretrained(MODEL), precision="double")
    for atoms, frame in zip(ase.io.read(tmp_path / name, ":"), read_frames(tmp_path / "out.extxyz"), strict=True):
        atoms.calc = calculator
        assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), rtol=0, atol=1e-10)
        np.testing.assert_allclose(frame.stress, atoms.get_stress(voigt=False), rtol=0, atol=1e-12)
        assert frame.group == atoms.info.get("group") or name == "a.json"


def test_dumps_of_lammps_with_their_types_named(tmp_path):
    head = "ITEM: TIMESTEP\n{0}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 6\n0 6\n0 6\nITEM: ATOMS id type x y z\n"
    text = "".join(head.format(n) + f"2 1 {2.4 + 0.1 * n} 0 0\n1 1 0 0 0\n" for n in range(3))
    (tmp_path / "run.dump").write_text(text)
    predict(MODEL, [tmp_path / "run.dump"], tmp_path / "out.extxyz.gz", types=["Si"])
    found = read_frames(tmp_path / "out.extxyz.gz")
    assert [frame.positions[1, 0] for frame in found] == pytest.approx([2.4, 2.5, 2.6])  # sorted by id
    assert {tuple(frame.atomic_numbers) for frame in found} == {(14, 14)}
    with pytest.raises(TlmlpError, match="--types"):
        predict(MODEL, [tmp_path / "run.dump"], tmp_path / "other.extxyz")


def test_open_boundaries_have_no_stress(tmp_path):
    atoms = ase.Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]])
    ase.io.write(tmp_path / "dimer.xyz", atoms, format="xyz")
    predict(MODEL, [tmp_path / "dimer.xyz"], tmp_path / "out.extxyz")
    (frame,) = read_frames(tmp_path / "out.extxyz")
    assert frame.stress is None and frame.forces[0, 2] == pytest.approx(-frame.forces[1, 2])


def test_memory_does_not_grow_with_the_file(tmp_path):
    (atoms,) = crystals(1)
    ase.io.write(tmp_path / "one.extxyz", [atoms] * 10)
    text = (tmp_path / "one.extxyz").read_text()
    peaks = []
    for copies in (40, 160):
        (tmp_path / "many.extxyz").write_text(text * copies)
        tracemalloc.start()
        assert sum(len(frame) for frame in stream_frames(tmp_path / "many.extxyz")) == 80 * copies
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < len(text) * 160


@pytest.mark.parametrize("ending", [".extxyz", ".extxyz.gz"])
def test_a_killed_call_goes_on(ending, tmp_path):
    """The part that is certain is kept, the rest cut off; the result is that of a call that was never stopped."""
    frames = crystals(12)
    ase.io.write(tmp_path / "a.extxyz", frames[:5])
    ase.io.write(tmp_path / "b.extxyz", frames[5:])
    files = [tmp_path / "a.extxyz", tmp_path / "b.extxyz"]
    whole, out = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    predict(MODEL, files, whole)
    code = (
        "import sys, time, tlmlp.analysis.predict as p\n"
        "p.KEEP_FRAMES, p.KEEP_EVERY = 2, 1e9\n"
        "def at(share, frames):\n"
        "    if frames == 9: print('nine', flush=True); time.sleep(60)\n"
        f"p.predict({MODEL!r}, {[str(f) for f in files]!r}, {str(out)!r}, at=at)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "nine\n"
    with pytest.raises(TlmlpError, match="written by another process"):
        predict(MODEL, files, out)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with open(f"{out}.part", "ab") as part:
        part.write(b"half a frame")
    result = predict(MODEL, files, out)
    assert (result.frames, result.resumed_from) == (12, 8)
    unpack = gzip.decompress if ending.endswith("gz") else bytes
    assert unpack(out.read_bytes()) == unpack(whole.read_bytes())
    assert not list(tmp_path.glob("*.part*"))
    ase.io.write(tmp_path / "b.extxyz", frames[5:7])  # other input: nothing of the old part may be used
    assert predict(MODEL, files, out).resumed_from == 0


def test_the_command(tmp_path):
    ase.io.write(tmp_path / "a.extxyz", crystals(3))
    command = [
        "predict",
        MODEL,
        str(tmp_path / "a.extxyz"),
        "--out",
        str(tmp_path / "o.extxyz"),
        "--precision",
        "single",
    ]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0 and "3 frames, 18 atoms" in run.output, run.output
    assert len(read_frames(tmp_path / "o.extxyz")) == 3


def test_bad_input_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ase.io.write("good.extxyz", crystals(2))
    text = (tmp_path / "good.extxyz").read_text()
    (tmp_path / "cut.extxyz").write_text("\n".join(text.splitlines()[:-1]) + "\n")
    (tmp_path / "words.extxyz").write_text(text + "and so on\n")
    (tmp_path / "nan.extxyz").write_text(text.replace(text.splitlines()[2].split()[1], "nan", 1))
    (tmp_path / "empty.xyz").write_text("")
    (tmp_path / "cut.extxyz.gz").write_bytes(gzip.compress(text.encode())[:-30])
    ase.io.write("ge.extxyz", [ase.build.bulk("Si"), ase.build.bulk("Ge")])
    rows = [
        (["absent.extxyz"], "out.extxyz", "absent.extxyz does not exist"),
        (["cut.extxyz"], "out.extxyz", "frame 1 has 1 of its 2 atoms"),
        (["words.extxyz"], "out.extxyz", "frame 2 must begin with its number of atoms, got 'and so on'"),
        (["nan.extxyz"], "out.extxyz", "must be finite"),
        (["empty.xyz"], "out.extxyz", "empty.xyz: the file is empty"),
        (["cut.extxyz.gz"], "out.extxyz", "cut.extxyz.gz: frame"),
        (["ge.extxyz"], "out.extxyz", "ge.extxyz#1 has Ge, but the model si-dft knows Si"),
        (["good.extxyz"], "good.extxyz", "one of the files to read"),
        (["good.extxyz"], "out.json", "must end in"),
        ([], "out.extxyz", "one file or more"),
    ]
    for files, out, message in rows:
        with pytest.raises(TlmlpError) as error:
            predict(MODEL, files, out)
        assert message in str(error.value) and "\n" not in str(error.value), (files, str(error.value))
        assert out == "good.extxyz" or not os.path.exists(out)
