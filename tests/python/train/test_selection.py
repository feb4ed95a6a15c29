"""Which frames a training gets."""

import dataclasses
import re

import numpy as np
import pytest

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, fit
from tlmlp.train.data.selection import load_data


@pytest.fixture
def files(tmp_path, lj):
    write_frames(tmp_path / "pool.extxyz", lj(20, 0))
    write_frames(tmp_path / "val.extxyz", lj(4, 1))
    return tmp_path


def load(files, **section):
    named = {key: str(files / value) if key in ("train", "val", "pool") else value for key, value in section.items()}
    config = as_config({"data": named})
    return load_data(config.data, config.loss)


def sources(frames):
    return [int(frame.source.rsplit("#", 1)[1]) for frame in frames]


def test_subsets_of_a_pool_are_nested_and_apart_from_validation(files):
    small = load(files, pool="pool.extxyz", n_train=5, n_val=6, subset_seed=3)
    large = load(files, pool="pool.extxyz", n_train=14, n_val=6, subset_seed=3)
    assert sources(large.train)[:5] == sources(small.train)
    assert sources(large.val) == sources(small.val)
    assert sorted(sources(large.train) + sources(large.val)) == list(range(20))
    other = load(files, pool="pool.extxyz", n_train=5, n_val=6, subset_seed=4)
    assert sources(other.train) != sources(small.train)
    assert other.about["train"]["sha256"] != small.about["train"]["sha256"]


def test_a_subset_of_the_training_file_by_group_holds_both_groups(files):
    data = load(files, train="pool.extxyz", val="val.extxyz", n_train=6, by_group=True)
    assert sorted(frame.group for frame in data.train) == ["even"] * 3 + ["odd"] * 3
    assert len(data.val) == 4 and data.about["val"]["files"] == ["val.extxyz"]


def test_groups_can_be_left_out(files):
    data = load(files, train="pool.extxyz", val="val.extxyz", exclude_groups=["odd"])
    assert {frame.group for frame in data.train + data.val} == {"even"}
    with pytest.raises(TlmlpError, match=r"no frames are left after data\.exclude_groups took away all 20"):
        load(files, train="pool.extxyz", val="val.extxyz", exclude_groups=["odd", "even"])


def test_more_frames_than_there_are_is_an_error(files):
    with pytest.raises(TlmlpError, match=r"data\.pool has 20 frames, but data\.n_train and data\.n_val ask for 21"):
        load(files, pool="pool.extxyz", n_train=15, n_val=6)
    with pytest.raises(TlmlpError, match="21 frames was asked for, but there are 20"):
        load(files, train="pool.extxyz", val="val.extxyz", n_train=21)


def test_duplicates_between_training_and_validation_are_a_warning(files, capfd):
    load(files, train="pool.extxyz", val="pool.extxyz@:3")
    assert "3 of 3 validation frames are among the training frames too" in " ".join(capfd.readouterr().err.split())


def test_missing_misspelt_and_nan_forces_stop_before_training(files, lj):
    frames = lj(2, 0)
    write_frames(files / "none.extxyz", [frames[0], dataclasses.replace(frames[1], forces=None)])
    with pytest.raises(TlmlpError, match=r"none\.extxyz#1: no forces"):
        load(files, train="none.extxyz", val="val.extxyz")
    text = (files / "val.extxyz").read_text()
    (files / "odd.extxyz").write_text(text.replace("REF_forces", "my_forcs"))
    with pytest.raises(TlmlpError, match="my_forcs"):
        load(files, train="odd.extxyz", val="val.extxyz")
    assert len(load(files, train="odd.extxyz", val="odd.extxyz", forces_key="my_forcs").train) == 4
    number = repr(float(np.float64(lj(4, 1)[0].forces[0, 0])))
    (files / "nan.extxyz").write_text(text.replace(number, "nan"))
    with pytest.raises(TlmlpError, match="`forces` must be finite"):
        load(files, train="nan.extxyz", val="val.extxyz")
    with pytest.raises(TlmlpError, match=r"gone\.extxyz: no such file"):
        load(files, train="gone.extxyz", val="val.extxyz")


@pytest.mark.parametrize("label", ["energy", "stress"])
def test_a_nan_energy_or_stress_stops_before_training(files, label):
    lines = (files / "val.extxyz").read_text().splitlines()
    lines[1] = re.sub(rf'(REF_{label}="?)[^ "]+', r"\1nan", lines[1])
    (files / "nan.extxyz").write_text("\n".join([*lines, ""]))
    with pytest.raises(TlmlpError, match=rf"nan\.extxyz#0: `{label}` must be finite, got nan"):
        load(files, train="nan.extxyz", val="val.extxyz")


@pytest.mark.parametrize(
    ("factor", "words"),
    [(-1.0, r"by -(0\.9\d*|1(\.0\d*)?) times the work"), (1 / 51.422, r"by (4[6-9]|5[0-6])\.\d times the work")],
)
def test_forces_of_the_wrong_sign_or_unit_are_warned_of_with_the_number(files, config, lj, lj_of, capfd, factor, words):
    random, base = np.random.default_rng(0), lj(1, 0)[0]
    frames = [
        lj_of(base.positions + random.normal(scale=0.02, size=(4, 3)), base.cell, base.atomic_numbers)
        for _ in range(12)
    ]
    write_frames(files / "t.extxyz", [dataclasses.replace(f, forces=factor * f.forces) for f in frames])
    settings = config(updates=1)
    settings["data"]["train"] = str(files / "t.extxyz")
    fit(settings, files / "run")
    assert re.search(words, " ".join(capfd.readouterr().err.split()))
