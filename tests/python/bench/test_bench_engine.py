"""`tlmlp bench engine`: what it reports, that torch stays out of it, and that its count of operations is right."""

import json
import math
import subprocess
import sys

import pytest

from tlmlp.bench.peak import ATOM_LAYERS, DENSE, gflop_per_step, peak_gflops
from tlmlp.bench.random_model import write_random_model
from tlmlp.errors import TlmlpError
from tlmlp.export import read_model_file
from tlmlp.network import DEFAULT_SIZES, parameter_shapes

pytest.importorskip("tlmlp._core", reason="the engine is not built")

WITHOUT_TORCH = """
import sys
from tlmlp.cli.main import app
app(["bench", "engine", "--atoms", "64", "--repeats", "2", "--dtype", sys.argv[1], "--json"], standalone_mode=False)
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_json_object_from_a_process_without_torch(dtype):
    result = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, dtype], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["benchmark"], report["atoms"], report["edges"]) == ("engine", 64, 1792)
    assert (report["threads"], report["dtype"], report["repeats"]) == (1, dtype, 2)
    assert report["model"] == "si-dft, its cutoff of 4.3 Å scaled to 5 Å"
    assert report["simd"] in ("avx512", "avx2", "portable")
    assert 0 < report["ms_min"] <= report["ms_per_step"] <= report["ms_max"]
    assert 0 < report["fraction_of_peak"] < 1
    assert report["peak_memory_bytes_per_edge"] is None or report["peak_memory_bytes_per_edge"] > 100
    assert report["work_space_bytes_per_edge"] > 100
    assert {"python", "processor", "tlmlp", "numpy", "vesin"} <= set(report["versions"])


def test_a_model_of_ones_own_is_taken_as_it_is(tmp_path):
    from tlmlp.bench.engine import bench_engine

    path = tmp_path / "small.pt"
    write_random_model(path, 4.0, embed_size=8, n_blocks=1)
    report = bench_engine(64, 1, "float32", 1, str(path))
    assert (report["model"], report["cutoff_angstrom"]) == (str(path), 4.0)
    assert 0 < report["gflop_per_step"] < 0.2 * gflop_per_step(64, report["edges"])
    with pytest.raises(TlmlpError, match="does not exist"):
        bench_engine(64, 1, "float32", 1, "none.pt")


def test_another_dtype_is_refused():
    from tlmlp.bench.engine import bench_engine

    with pytest.raises(TlmlpError, match="float32 or float64, got 'float16'"):
        bench_engine(64, 1, "float16", 1)


def test_the_random_model_is_a_model_file_of_the_default_sizes(tmp_path):
    from tlmlp._core import Engine

    path = tmp_path / "random.pt"
    write_random_model(path, 5.0)
    header, weights = read_model_file(path)
    assert header["weights"]["parameters"] == 121398 == sum(array.size for array in weights.values())
    assert Engine(str(path)).species == ["Si"]


def test_the_count_of_operations_follows_from_the_sizes():
    shapes = parameter_shapes(DEFAULT_SIZES)
    layers = {name: math.prod(shape) for name, shape in shapes.items() if name.endswith(".weight")}
    atoms = sum(n for name, n in layers.items() if name.startswith("output") and ".rbf." not in name)
    assert atoms == ATOM_LAYERS
    basis = ("rbf1", "rbf2", "sbf1", "sbf2")
    edges = sum(n for name, n in layers.items() if name.startswith("interaction") and name.split(".")[2] not in basis)
    assert edges == pytest.approx(DENSE, rel=0.01)
    # 512 atoms: the 3.65 GFLOP that the documentation of the engine gives.
    assert gflop_per_step(512, 14336) == pytest.approx(3.65, rel=0.02)


def test_the_peak_is_twice_as_high_in_single_precision():
    assert peak_gflops("float32", 1) / peak_gflops("float64", 1) == pytest.approx(2.0, rel=0.2)
