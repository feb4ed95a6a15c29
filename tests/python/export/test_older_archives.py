"""Files exported by earlier versions run in their hosts and give the numbers of their parameters."""

from pathlib import Path

import pytest
import torch

from tlmlp.export import export_model, load_archive, load_potential, read_header
from tlmlp.export.golden import graph_of
from tlmlp.export.verification import verify
from tlmlp.models import edge_forces

#: Its TorchScript calls the operators layer by layer: written before there was one for the whole network.
BEFORE_INFERENCE = Path(__file__).parents[2] / "data" / "models" / "before-inference.pt"


def test_it_calls_what_new_files_do_not(tmp_path):
    called = ["tlmlp::dense_swish", "tlmlp::residual_swish", "tlmlp::gate"]
    graph = str(load_archive(BEFORE_INFERENCE).potential.network.inlined_graph)
    assert all(name in graph for name in called)
    export_model(load_potential(BEFORE_INFERENCE, route="plain"), tmp_path / "new.pt", read_header(BEFORE_INFERENCE))
    graph = str(load_archive(tmp_path / "new.pt").forward_edges.inlined_graph)
    assert "tlmlp::inference" in graph and not any(name in graph for name in called)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-6)])
def test_both_calls_give_the_numbers_of_the_parameters(dtype, tolerance):
    header, archive = read_header(BEFORE_INFERENCE), load_archive(BEFORE_INFERENCE, dtype)
    potential = load_potential(BEFORE_INFERENCE, route="plain", dtype=torch.float64)
    for system in header["golden"]:
        graph = graph_of(system, header["cutoff"])
        energy, gradient, atomic = archive.forward_edges(*graph)
        expected = potential.forward_edges(*graph)
        n, scale = len(atomic), max(1.0, float(expected[1].abs().max()))
        assert abs(float(energy) - float(expected[0])) / n < tolerance * scale
        forces, wanted = (edge_forces(n, graph[1], g) for g in (gradient, expected[1]))
        torch.testing.assert_close(forces, wanted, rtol=0, atol=50 * tolerance * scale)
        positions, box = (0.1 * torch.tensor(system[key], dtype=torch.float64) for key in ("positions", "cell"))
        by_positions, _ = archive(positions, box) if all(system["pbc"]) else archive(positions)
        assert abs(float(by_positions) / 96.48533212331 - float(expected[0])) / n < tolerance * scale
    assert all(row.passed for row in verify(BEFORE_INFERENCE))
