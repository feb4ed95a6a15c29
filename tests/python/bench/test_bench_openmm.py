"""``tlmlp bench openmm``: what it reports, and that its parts add up."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("openmm", reason="the package openmm is not installed")


def test_the_report_is_complete_and_adds_up():
    from tlmlp.cli.main import app

    run = CliRunner().invoke(app, ["bench", "openmm", "--steps", "40", "--platform", "Reference", "--json"])
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    assert result["benchmark"] == "openmm" and result["atoms"] == 64 and result["threads"] == 1
    for route in ("native", "python"):
        step, own, overhead = (result[f"{route}_{part}_us"] for part in ("step", "own", "overhead"))
        assert step > 0.0 and own > 0.0 and abs(step - own - overhead) < 0.2
    # Only the native force's own time is of the same steps; a busy machine may run the others slower or faster.
    assert result["native_step_us"] > result["native_own_us"] and result["native_neighbours_us"] > 0.0
    assert result["openmm_alone_us"] < result["native_step_us"] < result["full_size_step_us"]
    assert 0.0 < result["openmm_alone_paused_us"] < result["native_step_us"]
    assert "torch_step_us" in result or "TorchForce needs" in result["torch_missing"]
    assert result["versions"]["openmm"] != "not installed"


def test_an_unknown_platform_is_refused_in_one_line():
    from tlmlp.bench.openmm import bench_openmm
    from tlmlp.errors import TlmlpError

    with pytest.raises(TlmlpError, match="OpenMM has the platforms Reference"):
        bench_openmm(64, 1, "Abacus", 20)
