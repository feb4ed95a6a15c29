"""benchmarks/gpu.py runs to its end with the kernels on the CPU, and counts operations as the engine's benchmark does."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def test_the_benchmark_runs_without_a_gpu(tmp_path):
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--device", "cuda-on-cpu", "--quick", "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    report = json.loads(out.read_text())
    assert report["times"]["8 atoms"]["edges"] == 8 * 28
    assert report["differences"]["double force, relative"] < 1e-10
    assert report["differences"]["single force, relative"] < 1e-4
    assert set(report["times"]["8 atoms"]["kernels_ms"]) >= {"edges_forward", "centres_backward", "systems"}
