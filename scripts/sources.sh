# Which files the checks are about; read by scripts/check.sh, format.sh and tidy.sh.
# shellcheck shell=bash disable=SC2034

python_sources=(python tests examples benchmarks scripts docs)

cpp_sources() { # NUL between names
  git ls-files -z -- '*.cpp' '*.h' '*.cu' '*.cuh' ':!tests/third_party'
}

shell_sources() {
  git ls-files -z -- '*.sh' .ci/run
}
