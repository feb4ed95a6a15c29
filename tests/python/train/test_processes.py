"""Two processes that share every batch make the training of one."""

import json
import subprocess
import sys

import pytest
import torch
import yaml

from tlmlp.train import fit, load_run


def torchrun(environment, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, "-m", "tlmlp", *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=300
    )


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
