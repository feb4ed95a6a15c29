"""What a dry run shows: Snakemake's commands, counted as the estimate counts them."""

import pytest

from tlmlp.studies.estimate import estimate
from tlmlp.studies.launch import run_study
from tlmlp.studies.plan import default_plan

pytest.importorskip("snakemake")


def test_all_commands_are_listed_and_counted(tmp_path, capsys):
    plan = default_plan("dft-stability", "small")
    run_study(plan, tmp_path, dry_run=True)
    commands = (tmp_path / "commands.txt").read_text().splitlines()
    assert all(command.startswith("tlmlp ") for command in commands)
    parts = {part.name: part.commands for part in estimate(plan)}
    counted = {
        "tlmlp train ": parts["trainings, scratch"] + parts["training of the source"],
        "tlmlp transfer ": parts["trainings, transfer"] + parts["trainings, best"],
        "tlmlp evaluate ": parts["evaluations"],
        "tlmlp study row ": parts["rows"],
        "tlmlp study model ": parts["exported models"],
    }
    assert {start: sum(c.startswith(start) for c in commands) for start in counted} == counted
    shown = capsys.readouterr().out
    assert f"{len(commands)} commands would run" in shown and "jobid" not in shown
    assert not (tmp_path / "data").exists()
