"""Two processes that share every batch make the training of one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from tlmlp.train import fit, load_run


def torchrun(environment, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, "-m", "tlmlp", *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=300
    )


def killed_after_its_first_checkpoint(environment, *arguments) -> None:
    """Start the same, and kill launcher and processes at once when there is something to go on from."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = arguments[-1]
    process = subprocess.Popen(
        [*command, "-m", "tlmlp", *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 120.0
    while len(list(run.glob("checkpoints/*"))) < 2:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for number in (*map(int, children), process.pid):
        os.kill(number, signal.SIGKILL)
    process.wait()


def curve(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [[row["train_loss"] or 0.0, row["val_force_rmse_ev_per_ang"]] for row in rows]


def test_two_gloo_processes_give_the_curve_of_one(config, tmp_path, environment):
    if not torch.distributed.is_available():
        pytest.skip("torch was built without distributed training")
    settings = config(dtype="float64", batch_size=5, clip_gradient=0.5, ema=0.9)
    settings["loss"] = {"energy": 1.0, "stress": 0.01}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    alone = fit(settings, tmp_path / "one").run
    done = torchrun(environment, "train", tmp_path / "c.yaml", "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("going on") == 0 and done.stdout.count("validation") == 1  # one process speaks
    assert len(curve(tmp_path / "two")) == 4
    for mine, theirs in zip(curve(alone), curve(tmp_path / "two"), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-9)
    for which in ("best", "last"):
        one, two = (load_run(run, which, route="plain")[0].state_dict() for run in (alone, tmp_path / "two"))
        for name, value in one.items():
            torch.testing.assert_close(value, two[name], rtol=1e-8, atol=1e-10)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children of a process are read from /proc")
def test_killed_processes_go_on_to_the_weights_of_one(config, tmp_path, environment):
    if not torch.distributed.is_available():
        pytest.skip("torch was built without distributed training")
    settings = config(dtype="float64", batch_size=4, updates=100, validate_every=5, ema=0.9)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    killed_after_its_first_checkpoint(environment, "train", tmp_path / "c.yaml", "--out", tmp_path / "two")
    assert not (tmp_path / "two" / "last.pt").exists()  # it had not come to its end
    done = torchrun(environment, "resume", tmp_path / "two")
    assert done.returncode == 0 and "going on" in done.stderr, done.stderr
    alone = fit(settings, tmp_path / "one").run
    assert [row[0] for row in curve(tmp_path / "two")] == pytest.approx([row[0] for row in curve(alone)], rel=1e-7)
    one, two = (load_run(run, "last", route="plain")[0].state_dict() for run in (alone, tmp_path / "two"))
    for name, value in one.items():
        torch.testing.assert_close(value, two[name], rtol=1e-6, atol=1e-8)
