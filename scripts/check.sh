#!/usr/bin/env bash
# The static checks of all sources, within a minute. scripts/format.sh mends what the formatters complain about.
# usage: scripts/check.sh [NAME ...]      names: ruff format clang-format shell types spelling; all of them if none is given
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -x .venv/bin/mypy ]] || scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"
source scripts/sources.sh

check() {
  case "$1" in
    ruff) ruff check --quiet "${python_sources[@]}" ;;
    format) ruff format --check --quiet "${python_sources[@]}" README.md ;;
    clang-format) cpp_sources | xargs -0 clang-format --dry-run --Werror ;;
    shell) shell_sources | xargs -0 shellcheck --external-sources ;;
    types) mypy --no-error-summary ;;
    spelling) codespell ;;
    *) echo "error: no check is called $1; there are ruff format clang-format shell types spelling" >&2; exit 2 ;;
  esac
}

(( $# > 0 )) || set -- ruff format clang-format shell types spelling
failed=()
for name in "$@"; do
  echo "check $name"
  check "$name" || failed+=("$name")
done
if (( ${#failed[@]} > 0 )); then
  echo "FAILED: ${failed[*]}" >&2
  exit 1
fi
