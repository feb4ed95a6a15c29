#!/usr/bin/env bash
# Give a wheel the tag of the glibc that it needs. Libraries of torch, OpenMM and vesin stay outside: they are those of
# the environment that the wheel is installed into. So does libgomp, of which a process must have one copy.
# usage: scripts/repair-wheel.sh WHEEL FOLDER
set -euo pipefail
(( $# == 2 )) || { echo "usage: scripts/repair-wheel.sh WHEEL FOLDER" >&2; exit 2; }
auditwheel repair --wheel-dir "$2" --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libOpenMM*' \
  --exclude libvesin.so --exclude libgomp.so.1 "$1"
