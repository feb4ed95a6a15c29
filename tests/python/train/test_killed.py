"""Killed at any moment, a training goes on to bitwise the same result."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from tlmlp.train import fit, load_run, resume

DRIVER = Path(__file__).with_name("kill_driver.py")


def states(run: Path) -> dict[str, torch.Tensor]:
    return {
        f"{which}.{name}": value
        for which in ("best", "last")
        for name, value in load_run(run, which, route="plain")[0].state_dict().items()
    }


def assert_same(run: Path, reference: Path) -> None:
    found, expected = states(run), states(reference)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.fixture
def reference(config, tmp_path) -> tuple[Path, dict]:
    settings = config(
        updates=12, validate_every=3, checkpoint_every=2, seed=4, ema=0.9, position_noise=0.02, clip_gradient=1.0
    )
    return fit(settings, tmp_path / "whole").run, settings


RANDOM = random.Random(20261120)


@pytest.mark.parametrize("events", [(1, 2, 4, 6, 30), tuple(RANDOM.randint(1, 9) for _ in range(20))])
def test_kill_9_at_any_moment_then_resume_gives_the_same_weights(reference, tmp_path, events, environment):
    whole, settings = reference
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    done = subprocess.run(
        [sys.executable, DRIVER, tmp_path / "c.yaml", tmp_path / "run", *map(str, events)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "run", whole)
    assert not list((tmp_path / "run").rglob("*.part"))
    rows = [line.split('"seconds"')[0] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows == [line.split('"seconds"')[0] for line in (whole / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_command_leave_a_run_that_goes_on(config, tmp_path, number, environment):
    settings = config(updates=120, validate_every=60, checkpoint_every=10)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "tlmlp", "train", "c.yaml", "--out", "run"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    deadline = time.monotonic() + 60
    while not (run / "checkpoints" / "00000010.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    said = " ".join(process.communicate(timeout=60)[1].split())
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130 and "everything is saved, go on with: tlmlp resume run" in said
    assert resume(run).finished
    if number == signal.SIGKILL:
        assert_same(run, fit(settings, tmp_path / "whole").run)
