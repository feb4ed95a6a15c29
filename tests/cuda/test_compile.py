"""Every .cu file alone through nvcc as C++17, for sm_80, sm_90 and PTX, with the include paths that it may use."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
SOURCES = sorted((CSRC / "cuda").glob("*.cu"))
NVCC = shutil.which("nvcc") or shutil.which("nvcc", path=os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/bin")


@pytest.mark.skipif(NVCC is None, reason="no nvcc on PATH, in CUDA_HOME or in /usr/local/cuda")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_kernel_compiles(source, tmp_path):
    targets = ["arch=compute_80,code=sm_80", "arch=compute_90,code=sm_90", "arch=compute_90,code=compute_90"]
    includes = [f"-I{CSRC / folder}" for folder in ("", "core", "core/include")]
    quick = ["-O1", "-Xcicc", "-O1", "-Xptxas", "-O1"]  # a third of the time of the optimised build
    command = [NVCC, "-std=c++17", "--expt-relaxed-constexpr", *quick, *(f"-gencode={t}" for t in targets), *includes]
    result = subprocess.run(
        [*command, "-c", str(source), "-o", str(tmp_path / "object.o")], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr, result.stderr
