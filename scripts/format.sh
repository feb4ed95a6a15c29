#!/usr/bin/env bash
# Format all Python and C++ sources in place, as scripts/check.sh wants them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -x .venv/bin/clang-format ]] || scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"
source scripts/sources.sh

ruff check --quiet --fix "${python_sources[@]}"
ruff format --quiet "${python_sources[@]}"
cpp_sources | xargs -0 clang-format -i
