"""One engine for many threads and forked processes, and arguments that are taken as they are or refused."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from ase.build import bulk

import tlmlp
from tlmlp import _core
from tlmlp.data.neighbours import neighbour_list

SI = str(tlmlp.pretrained("si-dft"))


def silicon(n, seed):
    atoms = bulk("Si", cubic=True) * (n, n, n)
    atoms.rattle(0.05, seed=seed)
    return atoms


def edges(engine, atoms):
    index, vectors, _ = neighbour_list(atoms.positions, atoms.cell.array, atoms.pbc, engine.cutoff)
    return np.zeros(len(atoms), dtype=np.int64), index, vectors


def in_threads(count, work):
    """Run ``work(k)`` in ``count`` threads at once; the exceptions they raised."""
    raised = []

    def guarded(k):
        try:
            work(k)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize(
    ("count", "threads", "sizes"), [(2, 1, (2, 1)), (2, 1, (2, 2)), (8, 1, (1, 2)), (8, 2, (1, 1))]
)
def test_threads_that_share_an_engine_get_their_own_numbers(count, threads, sizes):
    engine = _core.Engine(SI, threads=threads)
    data = [edges(engine, silicon(sizes[k % 2], seed=k)) for k in range(count)]
    alone = [_core.Engine(SI).compute_edges(*d, edge_gradients=True) for d in data]

    def work(k):
        for _ in range(4):
            result = engine.compute_edges(*data[k], edge_gradients=True)
            assert result["energy"] == alone[k]["energy"]
            for name in ("forces", "atomic_energies", "edge_gradients", "virial"):
                np.testing.assert_array_equal(result[name], alone[k][name])

    assert in_threads(count, work) == []


def test_all_uses_of_one_engine_at_once():
    """Structures with a kept list, the self-check, the number of threads and the counters, beside each other."""
    engine = _core.Engine(SI, skin=0.5)
    frames = [silicon(1, seed=k) for k in range(4)]
    numbers = np.zeros(8, dtype=int)
    alone = [_core.Engine(SI).compute(numbers, a.positions, a.cell.array, a.pbc)["energy"] for a in frames]

    def work(k):
        for n in range(6):
            if k < 4:
                a = frames[k]
                assert engine.compute(numbers, a.positions, a.cell.array, a.pbc)["energy"] == alone[k]
            elif k == 4:
                assert engine.self_check()["energy"] < 1e-5
            elif k == 5:
                engine.threads = 1 + n % 2
            else:
                assert engine.memory >= 0 and engine.neighbour_builds >= 0 and engine.threads in (1, 2)

    assert in_threads(8, work) == []


def test_arrays_that_another_thread_changes_are_read_once():
    """Species that become invalid during the calls: each call sees them valid, or is refused; none reads astray."""
    engine = _core.Engine(SI)
    atoms = silicon(2, seed=1)
    species, index, vectors = edges(engine, atoms)
    right = engine.compute_edges(species, index, vectors)["energy"]
    done = threading.Event()

    def spoil():
        while not done.is_set():
            species[:] = 10**6
            species[:] = 0

    other = threading.Thread(target=spoil)
    other.start()
    refused = 0
    try:
        for _ in range(15):
            try:
                assert engine.compute_edges(species, index, vectors)["energy"] == right
            except RuntimeError as error:
                assert "species number 1000000" in str(error)
                refused += 1
    finally:
        done.set()
        other.join()


GOOD = {"species": [0], "positions": [[0.0, 0.0, 0.0]], "cell": np.eye(3) * 6, "pbc": [True, True, True]}
ARGUMENTS = [
    ("species", [2**32], "integers of 32 bits, got 4294967296 at place 0"),
    ("species", np.array([2**63], dtype=np.uint64), "integers of 32 bits, got 9223372036854775808"),
    ("species", [-(2**31) - 1], "integers of 32 bits"),
    ("species", [0.9], "array of integers, got float64"),
    ("species", [np.nan], "array of integers, got float64"),
    ("species", [0j], "array of integers, got complex128"),
    ("species", [True], "array of integers, got bool"),
    ("species", ["Si"], "array of integers"),
    ("species", [-1], "species number -1"),
    ("species", [1], "species number 1, the model has 1"),
    ("species", [[0]], "must have shape"),
    ("positions", [[0j, 0, 0]], "array of real numbers, got complex128"),
    ("positions", [["a", "b", "c"]], "array of real numbers"),
    ("positions", [[0.0, 0.0]], "must have shape"),
    ("cell", np.eye(3) * 1j, "array of real numbers, got complex128"),
    ("pbc", [2, 0, 0], "True or False, got 2"),
    ("pbc", [0.5, 0, 0], "True and False, got float64"),
    ("pbc", True, "must have shape"),
]


@pytest.mark.parametrize(("name", "value", "words"), ARGUMENTS, ids=lambda x: str(x)[:40].replace("\n", " "))
def test_nothing_is_converted_silently(name, value, words):
    with pytest.raises(RuntimeError, match=words):
        _core.Engine(SI).compute(**{**GOOD, name: value})


@pytest.mark.parametrize("value", [[[0.7], [0.0]], [[2**63], [0]], [[0j], [0]]])
def test_edge_indices_are_integers(value):
    index = np.array(value, dtype=np.uint64) if value[0][0] == 2**63 else value
    with pytest.raises(RuntimeError, match="edge_index"):
        _core.Engine(SI).compute_edges([0], index, [[0.0, 0.0, 1.0]])


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64, list])
def test_integers_of_any_kind_are_taken(kind):
    species = [0] if kind is list else np.array([0], dtype=kind)
    expected = _core.Engine(SI).compute(**GOOD)["energy"]
    assert _core.Engine(SI).compute(**{**GOOD, "species": species, "pbc": [1, 1, 1]})["energy"] == expected


def run_python(code, timeout=60):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout)


FORK = """
import os, warnings, numpy as np, tlmlp
from tlmlp import _core
def energy(engine): return engine.compute([0], [[0, 0, 0]], np.eye(3) * 3, [1, 1, 1])["energy"]
engine = _core.Engine(str(tlmlp.pretrained("si-dft")), threads={threads})
right = energy(engine)
child = os.fork()
if child == 0:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same = [energy(engine) == right for _ in range(2)] + [energy(_core.Engine(str(tlmlp.pretrained("si-dft")), threads=2)) == right]
    print(same, engine.threads, [str(w.message) for w in caught], flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], energy(engine) == right)
"""


def test_a_forked_process_computes_with_one_thread_and_says_so():
    done = run_python(FORK.format(threads=2))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("[True, True, True] 1 ['this process was forked") and "spawn" in first
    assert second == "0 True"


def test_a_fork_before_threads_changes_nothing():
    done = run_python(FORK.format(threads=1))
    assert done.stdout.splitlines() == ["[True, True, True] 1 []", "0 True"], done.stderr


def test_a_fork_while_another_thread_computes_is_refused_in_one_line():
    code = """
import os, threading, time, numpy as np, tlmlp
from ase.build import bulk
from tlmlp import _core
engine = _core.Engine(str(tlmlp.pretrained("si-dft")))
big = bulk("Si", cubic=True) * (6, 6, 6)
def work(): engine.compute(np.zeros(len(big), dtype=int), big.positions, big.cell.array, big.pbc)
thread = threading.Thread(target=work); thread.start(); time.sleep(0.2)
assert thread.is_alive()
child = os.fork()
if child == 0:
    try: engine.compute([0], [[0, 0, 0]], np.eye(3) * 3, [1, 1, 1])
    except RuntimeError as error: print(error, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1]); thread.join()
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "computing in another thread when the process forked" in first and "spawn" in first and second == "0"


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**6])
def test_a_senseless_number_of_threads_is_refused(threads):
    with pytest.raises(RuntimeError, match=f"threads must be from 1 to 1024, got {threads}"):
        _core.Engine(SI, threads=threads)


def test_threads_that_cannot_be_made_are_an_error_not_the_end_of_the_program():
    code = """
import resource, numpy as np, tlmlp
from tlmlp import _core
engine = _core.Engine(str(tlmlp.pretrained("si-dft")), threads=1000)
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try: engine.compute([0], [[0, 0, 0]], np.eye(3) * 3, [1, 1, 1])
except RuntimeError as error: print(error)
engine.threads = 2
print(engine.compute([0], [[0, 0, 0]], np.eye(3) * 3, [1, 1, 1])["energy"] < 0)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert "of 1000 threads can be made here" in done.stdout and done.stdout.endswith("True\n")
