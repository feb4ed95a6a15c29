#!/usr/bin/env bash
# On a machine with an NVIDIA GPU and nvcc: set up, build with CUDA, then what needs the GPU: the tests, the same tests
# under compute-sanitizer where it is installed, and the benchmark beside PyG and chemtrain.
# usage: scripts/gpu.sh [RESULT.json]      default gpu.json
set -euo pipefail
result="$(realpath "${1:-gpu.json}")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
nvidia-smi -L > /dev/null 2>&1 || { echo "error: nvidia-smi finds no NVIDIA GPU here; scripts/test.sh tests the kernels on the CPU" >&2; exit 2; }

scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"
python -m pip install --quiet --no-build-isolation --no-deps -C cmake.define.TLMLP_CUDA=ON .
python -m pytest -m gpu
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 1 python -m pytest -q -m gpu tests/cuda/test_engine_on_device.py tests/cuda/test_torch_ops.py
  done
else
  echo "SKIPPED compute-sanitizer: it is not installed (part of the CUDA toolkit)"
fi
python benchmarks/gpu.py --peers --out "$result"
