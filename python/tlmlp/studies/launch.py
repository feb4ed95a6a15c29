"""Running a study: its plan and configs into a folder, then Snakemake over its rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_text
from tlmlp.lock import run_lock
from tlmlp.studies.catalogue import STUDIES
from tlmlp.studies.dry_run import DryRun
from tlmlp.studies.finished import take_finished
from tlmlp.studies.identity import is_pinned
from tlmlp.studies.plan import WORKFLOWS, Plan, read_plan, write_plan
from tlmlp.studies.progress import Progress


def run_study(
    plan: Plan,
    out: Path,
    *,
    jobs: int = 1,
    profile: Path | None = None,
    dry_run: bool = False,
    finished: Path | None = None,
) -> None:
    """Run the study in the folder ``out``; what is done there is not done again.

    :param jobs: commands side by side, one thread each
    :param profile: Snakemake profile, for example of a cluster's queue; without one everything runs here
    :param dry_run: list what would run
    :param finished: results of the same study, whose rows are taken over where their keys agree
    :raises TlmlpError: when ``out`` holds another study, Snakemake is missing, or a command fails
    """
    if find_spec("snakemake") is None:
        raise TlmlpError("tlmlp study needs Snakemake: pip install 'tlmlp[studies]'")
    out = out.resolve()
    with run_lock(out):
        path = out / "study.yaml"
        if path.exists() and read_plan(path) != plan:
            raise TlmlpError(f"{out}: holds another study (see {path.name} there); choose another folder")
        write_plan(plan, path)
        _write_configs(plan, out)
        status = 0
        if finished is not None:
            # Whether a row is of the same data is seen by their hashes, unless a command always makes the same.
            made = [side for side in (plan.source, plan.target, *plan.teachers.values()) if side.command is not None]
            files = sorted({f"{side.folder}/{side.frames}" for side in made if not is_pinned(side)})
            if files and not dry_run:
                status = _snakemake(plan, out, jobs, profile, dry_run, files)
            if not status:
                console.print(f"{take_finished(plan, finished, out)} rows taken over from {finished}")
        status = status or _snakemake(plan, out, jobs, profile, dry_run)
    if status:
        raise TlmlpError(f"{plan.study}: a command failed; see {out}/logs, mend it, and repeat the command to go on")
    if not dry_run:
        console.print(f"{plan.study}, tier {plan.tier}: open {out / 'report.html'}")


def _write_configs(plan: Plan, out: Path) -> None:
    for name, content in (("source", plan.source_training), ("few", plan.few_training)):
        text = yaml.safe_dump(content, sort_keys=False)
        path = out / "configs" / f"{name}.yaml"
        if not path.is_file() or path.read_text() != text:
            atomic_write_text(path, text)


def _snakemake(
    plan: Plan, out: Path, jobs: int, profile: Path | None, dry_run: bool, targets: Sequence[str] = ()
) -> int:
    argv = [sys.executable, "-m", "snakemake", *targets]
    argv += ["--snakefile", str(WORKFLOWS / STUDIES[plan.study].workflow)]
    argv += ["--directory", str(out), "--rerun-incomplete", "--keep-going", "--nocolor"]
    # A killed Snakemake leaves its lock behind; ours goes with the process. What a rule makes is decided by its inputs
    # and settings: neither the age of files nor a new release of this package makes a finished training run again.
    argv += ["--nolock", "--rerun-triggers", "input", "params"]
    argv += ["--jobs", str(jobs), "--profile", str(profile.resolve())] if profile else ["--cores", str(jobs)]
    if dry_run:
        argv += ["--dry-run", "--printshellcmds"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    shown: Progress | DryRun = DryRun() if dry_run else Progress(jobs)
    with (out / "snakemake.log").open("a") as log:
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            shown.line(line.rstrip())
    status = process.wait()
    if isinstance(shown, DryRun) and not status:
        shown.show(out)
    return status
