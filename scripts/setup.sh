#!/usr/bin/env bash
# Make .venv beside this folder with pinned dependencies, and build and install tlmlp into it.
# usage: scripts/setup.sh [--tests]      PYTHON=... picks the interpreter (3.10 to 3.13; 3.11 is what is tested)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log() { printf '\033[1m[setup]\033[0m %s\n' "$*" >&2; }

venv=".venv"
if [[ ! -x "$venv/bin/python" ]]; then
  python="${PYTHON:-$(command -v python3.11 || command -v python3 || true)}"
  [[ -n "$python" ]] || { echo "error: no python3 found; install Python 3.11 or set PYTHON" >&2; exit 2; }
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' ||
    { echo "error: $python is $("$python" -V), expected Python 3.10 to 3.13; set PYTHON" >&2; exit 2; }
  log "creating $venv with $("$python" -V)"
  "$python" -m venv "$venv"
fi
command -v "${CXX:-c++}" > /dev/null || { echo "error: no C++ compiler found; install g++ 11 or later, or set CXX" >&2; exit 2; }

# Dependencies are installed again only when a requirements file changed.
install() {
  local stamp
  stamp="$venv/.installed-$(basename "$1")"
  cmp -s "$1" "$stamp" && return
  log "installing $1 (a few minutes on a first run)"
  "$venv/bin/python" -m pip install --disable-pip-version-check --quiet -r "$1"
  cp "$1" "$stamp"
}
install scripts/requirements.txt
[[ "${1:-}" != "--tests" ]] || install scripts/requirements-test.txt

log "building and installing tlmlp"
PATH="$PWD/$venv/bin:$PATH" "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps .
log "ready: source $venv/bin/activate && tlmlp --help"
