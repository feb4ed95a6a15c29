"""`tlmlp report` and `tlmlp tune`."""

import csv
import json
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, fit, load_run
from tlmlp.train.report.run_page import report_run


def table(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_the_report_is_one_page_with_its_numbers_beside_it(config, data_dir, tmp_path, lj):
    import dataclasses

    from tlmlp.data import write_frames
    from tlmlp.train import evaluate

    run = fit(config(), tmp_path / "run").run
    frames = [dataclasses.replace(f, temperature=300.0 + 300 * (k % 2)) for k, f in enumerate(lj(4, 5))]
    write_frames(tmp_path / "test.extxyz", frames)
    page = report_run(run, [tmp_path / "test.extxyz"], route="plain").read_text()
    assert page.count("data:image/png;base64,") == 5 and "http" not in re.sub(r"base64,[^\"]*", "", page)
    assert "sha256" in page and "even" in page and "batch_size" in page
    folder = run / "report"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [int(r["update"]) for r in table(folder / "loss.csv")] == [row["update"] for row in rows]
    assert float(table(folder / "learning_rate.csv")[0]["learning_rate"]) == rows[0]["learning_rate"]
    errors = evaluate(load_run(run, route="plain")[0], frames)
    by_group = {r["group"]: float(r["force_mae_ev_per_ang"]) for r in table(folder / "errors_by_group.csv")}
    assert by_group == {n: pytest.approx(g["force_mae_ev_per_ang"]) for n, g in errors["groups"].items()}
    by_temperature = table(folder / "errors_by_temperature.csv")
    assert [float(r["temperature_K"]) for r in by_temperature] == [300.0, 600.0]
    assert float(by_temperature[0]["force_mae_ev_per_ang"]) == by_group["even"]  # even frames are those at 300 K
    for name in ("loss", "learning_rate", "parity", "errors_by_group", "errors_by_temperature"):
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(TlmlpError, match="no such run directory"):
        report_run(tmp_path / "nothing")


def test_a_search_is_shared_gone_on_with_and_finds_the_better_rate(config, tmp_path, environment):
    pytest.importorskip("optuna", reason="optuna is an extra")
    settings = config(updates=4, validate_every=2)
    settings["tune"] = {"space": {"training.learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))

    def call(trials):
        command = [sys.executable, "-m", "tlmlp", "tune", "c.yaml", "--trials", str(trials), "--storage", "s.journal"]
        with (tmp_path / "log").open("a") as log:
            return subprocess.Popen(
                [*command, "--out", "search"], cwd=tmp_path, env=environment, stdout=log, stderr=log
            )

    both = [call(4), call(4)]
    assert [process.wait() for process in both] == [0, 0], (tmp_path / "log").read_text()
    rows = table(tmp_path / "search" / "search.csv")
    assert 4 <= len(rows) <= 5 and len({row["training.learning_rate"] for row in rows}) == len(rows)
    assert call(len(rows)).wait() == 0
    assert len(table(tmp_path / "search" / "search.csv")) == len(rows)  # nothing more to do
    complete = [row for row in rows if row["state"] == "complete"]
    best = min(complete, key=lambda row: float(row["validation_loss"]))
    found = as_config(tmp_path / "search" / "best.yaml")
    assert found.training.learning_rate == pytest.approx(float(best["training.learning_rate"]))
    trial = tmp_path / "search" / f"trial-{int(best['trial']):04d}"
    lowest = load_run(trial, route="plain")[1]["model"]["best_val_force_rmse_ev_per_ang"]
    assert lowest**2 == pytest.approx(float(best["validation_loss"]))
    assert (tmp_path / "search" / "search.png").exists()


def test_a_search_that_was_killed_in_a_trial_is_gone_on_with(config, tmp_path, environment):
    """The settings of the trial that died are tried again, and the number of finished trials is the one asked for."""
    pytest.importorskip("optuna", reason="optuna is an extra")
    settings = config(updates=400, validate_every=5)
    settings["tune"] = {"space": {"training.learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "tlmlp", "tune", "c.yaml", "--trials", "2", "--storage", "s.journal"]
    with (tmp_path / "log").open("a") as log:
        process = subprocess.Popen([*command, "--out", "search"], cwd=tmp_path, env=environment, stdout=log, stderr=log)
        metrics = tmp_path / "search" / "trial-0000" / "metrics.jsonl"
        deadline = time.monotonic() + 60
        while not metrics.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, (tmp_path / "log").read_text()
        died = as_config(tmp_path / "search" / "trial-0000" / "config.yaml").training.learning_rate
        done = subprocess.run([*command, "--out", "search"], cwd=tmp_path, env=environment, stdout=log, stderr=log)
    assert done.returncode == 0, (tmp_path / "log").read_text()
    rows = table(tmp_path / "search" / "search.csv")
    assert [(row["trial"], row["state"]) for row in rows] == [("1", "complete"), ("2", "complete")]
    assert float(rows[0]["training.learning_rate"]) == died


def test_bad_trials_are_ended_early(config, tmp_path):
    """After the first four, a trial below the median of the others is not trained to its end."""
    pytest.importorskip("optuna", reason="optuna is an extra")
    from tlmlp.train.tune import tune

    settings = config(updates=20, validate_every=2)
    settings["tune"] = {"space": {"training.learning_rate": {"low": 1e-9, "high": 1e-2, "log": True}}, "seed": 3}
    found = tune(settings, 8, tmp_path / "journal", tmp_path / "search")
    rows = table(tmp_path / "search" / "search.csv")
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned and all(int(row["trial"]) >= 4 for row in pruned)
    for row in rows:
        metrics = tmp_path / "search" / f"trial-{int(row['trial']):04d}" / "metrics.jsonl"
        last = json.loads(metrics.read_text().splitlines()[-1])["update"]
        assert last < 20 if row["state"] == "pruned" else last == 20
    losses = [float(row["validation_loss"]) for row in rows if row["state"] == "complete"]
    assert found["value"] == pytest.approx(min(losses)) and found["trials"] == 8


def test_a_search_needs_validation_and_known_entries(config, tmp_path):
    pytest.importorskip("optuna", reason="optuna is an extra")
    from tlmlp.train.tune import tune

    settings = {**config(), "tune": {"space": {"training.lerning_rate": {"choices": [1, 2]}}}}
    with pytest.raises(TlmlpError, match=r"unknown key `training\.lerning_rate`"):
        tune(settings, 1, tmp_path / "j", tmp_path / "out")
    settings = config(keep="last")
    del settings["data"]["val"]
    with pytest.raises(TlmlpError, match="a search compares validation losses"):
        tune(settings, 1, tmp_path / "j", tmp_path / "out")
    with pytest.raises(TlmlpError, match="give either `choices`, or `low` and `high`"):
        as_config({**config(), "tune": {"space": {"training.updates": {"low": 1}}}})
