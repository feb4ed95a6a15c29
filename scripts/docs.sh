#!/usr/bin/env bash
# Build the site of the documentation into build/site: warnings are errors, and every link within it is followed.
# usage: scripts/docs.sh [--external]     --external also asks the servers of other sites whether their pages are there
# Needs scripts/setup.sh first: the reference is made from the installed package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="$PWD/.venv/bin/python"
[[ -x "$python" ]] || { echo "error: no .venv here; run scripts/setup.sh first" >&2; exit 2; }

stamp=".venv/.installed-requirements-docs.txt"
if ! cmp -s scripts/requirements-docs.txt "$stamp"; then
  "$python" -m pip install --disable-pip-version-check --quiet -r scripts/requirements-docs.txt
  cp scripts/requirements-docs.txt "$stamp"
fi

rm -rf build/site
"$python" -m sphinx -q -W --keep-going -d build/doctrees docs build/site
"$python" docs/_extensions/check_links.py build/site
if [[ "${1:-}" == "--external" ]]; then
  "$python" -m sphinx -q -b linkcheck -d build/doctrees docs build/linkcheck
fi
