"""Benchmarks run and describe what they measured; how fast is for people to judge."""

import itertools
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tlmlp.bench.systems import CUTOFF, silicon
from tlmlp.cli.main import app
from tlmlp.data.neighbours import neighbour_list
from tlmlp.errors import TlmlpError


def test_standard_systems_have_28_neighbours_per_atom_and_differ():
    first, second = itertools.islice(silicon(64), 2)
    edge_index, _, _ = neighbour_list(first.positions, first.cell, first.pbc, CUTOFF)
    assert edge_index.shape[1] == 64 * 28
    assert not np.array_equal(first.positions, second.positions)
    assert np.array_equal(first.positions, next(silicon(64)).positions)


def test_an_impossible_number_of_atoms_is_refused():
    with pytest.raises(TlmlpError, match=r"8 n\^3.*got 100"):
        next(silicon(100))


@pytest.mark.parametrize(("benchmark", "atoms", "edges"), [("model", 64, 1792), ("train", 512, 14336)])
def test_a_benchmark_prints_one_json_object(benchmark, atoms, edges):
    result = CliRunner().invoke(app, ["bench", benchmark, "--atoms", "64", "--repeats", "1", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["atoms"] == atoms and report["edges"] == edges
    assert report["threads"] == 1 and report["dtype"] == "float32"
    assert report["ms_per_step"] > 0 and "torch" in report["versions"]
