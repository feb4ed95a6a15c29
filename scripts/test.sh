#!/usr/bin/env bash
# Set up, then the checks of style, spelling and the site, then all tests: the C++ core alone (ctest), then pytest.
# usage: scripts/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"

scripts/check.sh
scripts/docs.sh
# The core must build and pass without torch, Python bindings or LAMMPS.
cmake --preset core > build/core-tests.log 2>&1 || { cat build/core-tests.log >&2; exit 1; }
cmake --build --preset core
ctest --preset core
# What reads files from anywhere, for 20 s each; `scripts/fuzz.sh 3600` is the long run.
scripts/fuzz.sh 20

# Tests run side by side, one thread each; what is about threads sets their number itself.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# TorchForce needs a torch and an OpenMM of its own, in an environment of its own.
if (( $# == 0 )); then
  status=0
  scripts/torchforce-env.sh || status=$?
  if (( status == 0 )); then
    .venv-torchforce/bin/python -m pytest tests/torchforce
  elif (( status == 3 )); then
    echo "SKIPPED tests/torchforce: its environment cannot be made here, as said above"
  else
    exit "$status"
  fi
fi

# A study through the queue of a Slurm of its own, where Slurm is installed; scripts/slurm-test.sh alone installs it. Its
# jobs mostly wait for the queue, so it runs beside pytest.
queue=""
if (( $# == 0 )); then
  if command -v slurmctld > /dev/null && command -v slurmd > /dev/null && command -v munged > /dev/null; then
    scripts/slurm-test.sh > build/slurm-test.log 2>&1 & queue=$!
  else
    echo "SKIPPED a study through Slurm: slurmctld, slurmd or munged is not here (Debian: apt install slurm-wlm munge)"
  fi
fi

if (( $# == 0 )); then
  # By file, in the order of tests/conftest.py: xdist's own would leave long files of few tests to the end.
  set -- -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
fi
status=0
python -m pytest "$@" || status=$?
if [[ -n "$queue" ]]; then
  queued=0
  wait "$queue" || queued=$?
  cat build/slurm-test.log
  if (( queued == 3 )); then
    echo "SKIPPED a study through Slurm: it cannot run here, as said above"
  elif (( queued != 0 )); then
    echo "FAILED: a study through Slurm, as said above" >&2
    (( status != 0 )) || status=$queued
  fi
fi
exit "$status"
