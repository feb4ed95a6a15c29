#!/usr/bin/env bash
# Make the environment in which OpenMM's TorchForce runs a model: openmmtorch 1.5, the torch and OpenMM that fit it, and tlmlp
# with its operators compiled for that torch. For a machine without GPU: CUDA libraries are replaced by stand-ins.
# usage: scripts/torchforce-env.sh [FOLDER]     default .venv-torchforce; 1 GB to download, 2 GB on disk, three minutes
# exit status 3: the environment cannot be made here, and the last line says why
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="${1:-.venv-torchforce}"
log() { printf '\033[1m[torchforce]\033[0m %s\n' "$*" >&2; }
cannot() { log "cannot be made here: $*"; exit 3; }

[[ "$(uname -sm)" == "Linux x86_64" ]] || cannot "openmmtorch 1.5 is made for Linux on x86_64, this is $(uname -sm)"
[[ -n "$(command -v nm)" && -n "$(command -v cc)" ]] || cannot "no C compiler (cc, nm)"
[[ -x .venv/bin/python ]] || scripts/setup.sh
python="$folder/bin/python"
pip() { "$python" -m pip --disable-pip-version-check "$@"; }

stamp="$folder/.installed"
recipe="$(cat scripts/requirements-torchforce.txt scripts/cuda_stand_ins.py scripts/torchforce-env.sh | cksum)"
if [[ "$(cat "$stamp" 2> /dev/null)" != "$recipe" ]]; then
  free="$(df -Pk . | awk 'NR == 2 { print $4 }')"
  (( free > 3500000 )) || cannot "3.5 GB of disk space are needed, $(( free / 1000 )) MB are free"
  log "installing torch 2.9.1, openmmtorch 1.5, openmm 8.5.2 in $folder"
  rm -rf "$folder"
  .venv/bin/python -m venv "$folder"
  pip install --quiet --no-deps torch==2.9.1 openmmtorch==1.5 || cannot "torch 2.9.1 and openmmtorch 1.5 cannot be installed"
  # torch misses its CUDA packages, and pip says so: they are what the stand-ins replace.
  pip install --quiet -r scripts/requirements-torchforce.txt 2> "$folder/pip.log" ||
    { cat "$folder/pip.log" >&2; cannot "the packages of scripts/requirements-torchforce.txt cannot be installed"; }
  "$python" scripts/cuda_stand_ins.py "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >&2
  echo "$recipe" > "$stamp"
fi

log "installing tlmlp there, and compiling its operators for torch 2.9"
rm -rf build/torchforce-wheel
PATH="$PWD/.venv/bin:$PATH" .venv/bin/python -m pip wheel --disable-pip-version-check --quiet --no-build-isolation --no-deps \
  --wheel-dir build/torchforce-wheel .
pip install --quiet --no-deps --force-reinstall build/torchforce-wheel/tlmlp-*.whl
# The wheel's build has the parts without torch, compiled from the same sources.
built=(build/cp*/csrc/training/libtlmlp_training.a)
if [[ -f "${built[0]}" ]]; then
  TLMLP_ENGINE_BUILD="$PWD/${built[0]%/csrc/*}"
  export TLMLP_ENGINE_BUILD
fi
"$folder/bin/tlmlp" ops build >&2
log "ready: $folder/bin/python -m pytest tests/torchforce"
