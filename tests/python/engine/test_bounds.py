"""Structures that would ask for unbounded work or memory are refused at once; large sparse ones work."""

import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import tlmlp
from tlmlp._core import Engine


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small model with a cutoff of 4 Å."""
    from tlmlp.bench.random_model import write_random_model

    path = tmp_path_factory.mktemp("bounds") / "small.pt"
    write_random_model(
        path, 4.0, embed_size=4, out_size=4, int_emb_size=2, atom_emb_size=2, n_blocks=1, num_spherical=2
    )
    return str(path)


def compute(model, positions, cell, pbc):
    positions = np.asarray(positions, float).reshape(-1, 3)
    return Engine(model).compute(np.zeros(len(positions), int), positions, np.asarray(cell, float), pbc)


def points(n: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, 3))


REFUSED = {
    "one atom in a cell of 0.0101": ([[0, 0, 0]], np.eye(3) * 0.0101, True, "the cell is too thin"),
    "one atom in a needle": ([[0, 0, 0]], np.diag([1e-3, 1.0, 1e6]), True, "the cell is too thin"),
    "300 atoms in a sheet": (points(300) * [1e-3, 50, 50], np.diag([1e-3, 50.0, 50.0]), True, "the cell is too thin"),
    "50 atoms in a thin sheet": (points(50) * [1e-6, 9, 9], np.diag([1e-6, 9.0, 9e3]), True, "the cell is too thin"),
    "20,000 atoms at one point": (np.zeros((20_000, 3)), np.eye(3), False, "atoms 0 and "),
    "20,000 atoms in one small cell": (points(20_000), np.eye(3), True, "lie within 4 Angstrom"),
    "20,000 atoms in nanometres": (points(20_000) * 7.4, np.eye(3) * 7.4, True, "others lie within 4 Angstrom"),
    "a million atoms at one point": (np.zeros((1_000_000, 3)), np.eye(3), False, "atoms 0 and "),
    "an atom 1e12 cells away": ([[1e13, 0, 0], [0, 0, 0]], np.eye(3) * 5, True, "more than 1e9 cells away"),
    "an atom 1e300 away": (np.vstack([points(300) * 50, [1e300, 0, 0]]), np.eye(3), False, "1e9 cutoffs away"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_any_work(model, case):
    positions, cell, periodic, words = REFUSED[case]
    begin = time.process_time()
    with pytest.raises(RuntimeError, match=words) as caught:
        compute(model, positions, cell, [periodic] * 3)
    assert "\n" not in str(caught.value)
    assert time.process_time() - begin < 20.0, "the bound did not hold the work"


@pytest.mark.parametrize("case", REFUSED)
def test_the_neighbour_list_of_python_refuses_the_same(case):
    from tlmlp.data.neighbours import neighbour_list
    from tlmlp.errors import TlmlpError

    positions, cell, periodic, words = REFUSED[case]
    begin = time.process_time()
    with pytest.raises(TlmlpError, match=words) as caught:
        neighbour_list(np.asarray(positions, float), cell, [periodic] * 3, 4.0)
    assert "\n" not in str(caught.value)
    assert time.process_time() - begin < 20.0, "the bound did not hold the work"


def test_the_neighbour_list_of_python_takes_what_the_engine_takes():
    """Dense, small and skewed cells of a few atoms, and many atoms each alone."""
    from tlmlp.data.neighbours import neighbour_list

    skewed = np.array([[2.7, 0, 0], [400 * 2.7, 2.7, 0], [0, 0, 2.7]])
    plain = neighbour_list(np.zeros((1, 3)), np.eye(3) * 2.7, True, 4.0)[0].shape[1]
    assert plain == neighbour_list(np.zeros((1, 3)), skewed, True, 4.0)[0].shape[1] == 18
    assert (
        neighbour_list(np.zeros((1, 3)), np.eye(3) * 0.5, True, 4.0)[0].shape[1] == 2102
    )  # within 8 lattice constants
    assert neighbour_list(points(5000) * 1e5, np.eye(3) * 1e5, True, 4.0)[0].shape[1] == 0
    assert neighbour_list(points(3) * 50, np.zeros((3, 3)), False, 4.0)[0].shape[1] == 0


def test_skewed_and_small_cells_still_work(model):
    """A cell of one atom, and the same lattice in a cell skewed by 400 cells: its planes are 0.007 Å apart."""
    plain = compute(model, [[0, 0, 0]], np.eye(3) * 2.7, [True] * 3)
    skewed = compute(model, [[0, 0, 0]], [[2.7, 0, 0], [400 * 2.7, 2.7, 0], [0, 0, 2.7]], [True] * 3)
    assert skewed["energy"] == pytest.approx(plain["energy"], abs=1e-5)
    assert skewed["virial"] == pytest.approx(plain["virial"], abs=1e-4)


def test_atoms_each_alone(model):
    """Two hundred thousand atoms without a neighbour in a cell of 10^6 Å: the energy of so many single atoms."""
    n = 200_000
    alone = compute(model, [[0, 0, 0]], np.eye(3), [False] * 3)["energy"]
    result = compute(model, points(n) * 1e6, np.eye(3) * 1e6, [True] * 3)
    assert result["energy"] == pytest.approx(n * alone, rel=1e-9)
    assert not result["forces"].any()


def test_an_edge_given_twice_is_refused(model):
    """It would count twice: the energy of a bond twice as strong."""
    index, vector = np.array([[0, 1], [1, 0]]), np.array([[0, 0, -2.3], [0, 0, 2.3]])
    engine = Engine(model)
    engine.compute_edges(np.zeros(2, int), index, vector)
    with pytest.raises(RuntimeError, match="is given twice"):
        engine.compute_edges(np.zeros(2, int), np.hstack([index, index]), np.vstack([vector, vector]))
    # Two images of one atom are two edges.
    images = np.array([[0, 0, 2.7], [0, 0, -2.7], [0, 2.7, 0], [0, -2.7, 0]])
    engine.compute_edges(np.zeros(1, int), np.zeros((2, 4), int), images)


OUT_OF_MEMORY = """
    import resource, sys
    import numpy as np
    from tlmlp._core import Engine
    engine = Engine(sys.argv[1])
    n = int(sys.argv[2])
    positions = np.repeat(np.arange(n // 400) * 100.0, 400)[:, None] + np.random.default_rng(0).random((n // 400 * 400, 3))
    species = np.zeros(len(positions), np.int32)
    small = engine.compute(species[:2], positions[:2], np.eye(3), [False] * 3)["energy"]
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[3]) << 20), resource.RLIM_INFINITY))
    for _ in range(2):
        try:
            engine.compute(species, positions, np.eye(3), [False] * 3)
        except RuntimeError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert engine.compute(species[:2], positions[:2], np.eye(3), [False] * 3)["energy"] == small
    del engine
    print("alive")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space is Linux's")
@pytest.mark.parametrize("megabytes", [16, 64, 200])
def test_memory_that_runs_out_is_an_error(model, megabytes):
    """At any point, in the neighbour list or after it: one line, and the engine can be used again and dropped."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OUT_OF_MEMORY), model, "20000", str(megabytes)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == 3 and lines[-1] == "alive"
    assert all("memory" in line for line in lines[:2])


def test_a_model_that_gives_nan_fails_its_golden_check(tmp_path):
    """Finite weights of 3e38 in float32: the energy is not a number, and so is the difference."""
    import json
    import zipfile

    from safetensors.numpy import load, save

    from tlmlp.export import read_model_file
    from tlmlp.files import sha256_bytes

    with zipfile.ZipFile(tlmlp.pretrained("si-dft")) as archive:
        entries = {name: archive.read(name) for name in archive.namelist() if "/extra/" in name}
    weights, description = sorted(entries, key=lambda name: name.endswith("json"))
    arrays = load(entries[weights])
    arrays["embedding.dense.weight"] = np.full_like(arrays["embedding.dense.weight"], 3e38)
    content = save(arrays)
    header = json.loads(entries[description])
    header["weights"]["sha256"] = sha256_bytes(content)
    path = tmp_path / "huge.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/extra/weights.safetensors", content)
        archive.writestr("m/extra/tlmlp.json", json.dumps(header))
    read_model_file(path)
    check = Engine(str(path)).self_check()
    assert check["structures"] == len(header["golden"])
    assert np.isnan(check["energy"]) and not check["energy"] <= 1e-4


def peak_of_reading(path) -> int:
    """Bytes by which opening ``path`` in the engine, or refusing it, raises the peak of a process."""
    code = (
        "import sys\nfrom tlmlp._core import Engine\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "before = peak()\n"
        "try:\n    Engine(sys.argv[1])\nexcept RuntimeError:\n    pass\n"
        "print((peak() - before) * 1024)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    return int(run.stdout)


def long_path(n: int) -> bytes:
    return b'{"' + b"k" * n + b'": [' + b"0," * n + b"0]}"


HOSTILE_TEXTS = {
    "a key of 100,000 letters over as many zeros": long_path(100_000),
    "4 MB of zeros": b'{"format": [' + b"0," * 2_000_000 + b"0]}",
    "400,000 keys": b"{" + b",".join(b'"%d":0' % k for k in range(300_000)) + b"}",
    "one word of 4 MB": b'{"format": "' + b"x" * 4_000_000 + b'"}',
    "objects in objects": b'{"format": [' + b",".join([b'{"a":{"b":{"c":[]}}}'] * 150_000) + b"]}",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("case", HOSTILE_TEXTS)
def test_memory_of_hostile_descriptions(tmp_path, case):
    """Once gigabytes and minutes; now at most 100 MB."""
    import zipfile

    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/extra/tlmlp.json", HOSTILE_TEXTS[case])
    assert 0 < peak_of_reading(path) < 100 << 20
