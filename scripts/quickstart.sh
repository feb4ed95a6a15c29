#!/usr/bin/env bash
# Set up, then the whole path on a small scale: silicon data, a silicon model, its transfer to germanium, molecular dynamics.
# usage: scripts/quickstart.sh [OUT]     results go to OUT (default quickstart-out); an interrupted run goes on where it stopped
set -euo pipefail
started=$(date +%s)
out="${1:-quickstart-out}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
exec .venv/bin/tlmlp quickstart --out "$out" --started "$started"
