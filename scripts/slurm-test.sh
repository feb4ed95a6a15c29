#!/usr/bin/env bash
# Run a study through a real Slurm on this machine: munged, slurmctld and slurmd on the loopback interface, in a folder of
# their own; one job is cancelled in the middle, and the repeated command goes on. Needs root, for Slurm's daemons.
# usage: scripts/slurm-test.sh [OUT]     default: a temporary folder; about two minutes
# exit status 3: Slurm cannot be had here, and the last line says why
set -euo pipefail
out="${1:-$(mktemp -d)}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log() { printf '\033[1m[slurm]\033[0m %s\n' "$*" >&2; }
cannot() { log "cannot be tested here: $*"; exit 3; }

[[ "$(id -u)" == 0 ]] || cannot "the daemons of Slurm need root"
[[ ! -e /etc/slurm/slurm.conf ]] || cannot "this machine has a Slurm of its own (/etc/slurm/slurm.conf)"
if ! (command -v slurmctld && command -v slurmd && command -v munged) > /dev/null; then
  command -v apt-get > /dev/null || cannot "slurmctld, slurmd or munged is missing, and there is no apt-get to install them"
  log "installing slurm-wlm and munge"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge; } \
    > "$out/apt.log" 2>&1 || cannot "slurm-wlm and munge cannot be installed (see $out/apt.log)"
fi
[[ -x .venv/bin/snakemake ]] || scripts/setup.sh --tests
export PATH="$PWD/.venv/bin:$PATH"

etc="$out/etc"
mkdir -p "$etc" "$out/state" "$out/spool" "$out/log"
chmod 700 "$etc"
head -c 1024 /dev/urandom > "$etc/munge.key"
chmod 400 "$etc/munge.key"
host="$(hostname -s)"
cat > "$etc/slurm.conf" << EOF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$etc/munge.socket
CryptoType=crypto/munge
SlurmctldPort=26817
SlurmdPort=26818
SlurmctldPidFile=$etc/slurmctld.pid
SlurmdPidFile=$etc/slurmd.pid
SlurmctldLogFile=$out/log/slurmctld.log
SlurmdLogFile=$out/log/slurmd.log
StateSaveLocation=$out/state
SlurmdSpoolDir=$out/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MinJobAge=3600
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
# A job's own srun reads the file at its default place: the variable SLURM_CONF does not reach it.
export SLURM_CONF=/etc/slurm/slurm.conf
mkdir -p /etc/slurm
ln -s "$etc/slurm.conf" "$SLURM_CONF"
stop() {
  rm -f "$SLURM_CONF"
  for daemon in slurmd slurmctld munged; do
    [[ ! -f "$etc/$daemon.pid" ]] || kill "$(cat "$etc/$daemon.pid")" 2> /dev/null || true
  done
}
trap stop EXIT
munged --force --key-file="$etc/munge.key" --socket="$etc/munge.socket" --pid-file="$etc/munged.pid" \
  --log-file="$out/log/munged.log" --seed-file="$etc/munge.seed"
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF"
for _ in $(seq 30); do
  [[ "$(sinfo --noheader --format=%T 2> /dev/null)" == idle ]] && break
  sleep 1
done
[[ "$(sinfo --noheader --format=%T)" == idle ]] || { tail -5 "$out"/log/*.log >&2; echo "error: Slurm did not come up" >&2; exit 1; }
log "$(sinfo --version) is up: $(sinfo --noheader --format='%n %c CPUs %m MB')"

# The smallest study with a choice to make: one draw, three trainings.
study() {
  tlmlp study sw-data-efficiency --tier smoke --out "$out/study" --profile examples/slurm --jobs 4 \
    --set draws=1 --set arms.best=null --set "arms.scratch.rates=[0.004]"
}
# One training is cancelled as soon as it runs; the others go on, and the command ends with an error.
(
  for _ in $(seq 600); do
    job="$(squeue --noheader --states=RUNNING --format='%i %k' | awk '/train_transfer/ { print $1; exit }')"
    [[ -n "$job" ]] && { scancel "$job"; echo "$job" > "$out/cancelled"; break; }
    sleep 0.5
  done
) &
killer=$!
status=0
study || status=$?
wait "$killer"
[[ -s "$out/cancelled" ]] || { echo "error: no training was caught running" >&2; exit 1; }
(( status != 0 )) || { echo "error: a cancelled job went unnoticed" >&2; exit 1; }
log "job $(cat "$out/cancelled") was cancelled; the same command again"
before="$(find "$out/study/runs" -name last.pt -newermt '1970-01-01' -printf '%T@ %p\n' | sort)"
study
after="$(find "$out/study/runs" -name last.pt -printf '%T@ %p\n' | sort)"
[[ -z "$(comm -23 <(echo "$before") <(echo "$after"))" ]] || { echo "error: a finished training ran again" >&2; exit 1; }
[[ -s "$out/study/report.html" ]] || { echo "error: no report" >&2; exit 1; }
log "$(wc -l <<< "$after") trainings, $(wc -l <<< "$before") of them finished before the cancelled job was made up for; report: $out/study/report.html"
echo "1 passed, 0 failed"
