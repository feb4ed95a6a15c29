"""Snakemake's lines as finished commands with the time left."""

from tlmlp.studies import progress

LINES = """\
Building DAG of jobs...
Job stats:
job       count
------  -------
all           1
train         2
report        1
total         4

[Sun Nov 29 20:25:29 2026]
rule train:
    input: a
    jobid: 3
    resources: mem_mb=2000
Finished jobid: 3 (Rule: train)
1 of 4 steps (25%) done
rule train:
    jobid: 4
Finished jobid: 4 (Rule: train)
Error in rule report:
    message: gone
"""


def test_each_finished_command_says_how_much_is_left(monkeypatch, capsys):
    clock = iter([100.0, 160.0, 160.0, 220.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    shown = progress.Progress(jobs=2)
    for line in LINES.splitlines():
        shown.line(line)
    said = capsys.readouterr().err.splitlines()
    # two commands of a minute are left after the first, side by side; the report has not been timed
    assert said == ["1/3 train, 60 s; 60 s left", "2/3 train, 60 s; 30 s left", "Error in rule report:"]
