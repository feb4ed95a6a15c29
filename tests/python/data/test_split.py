"""Nested subsets: larger contain smaller, deterministic, fair to groups, recorded."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlmlp.data import read_frames, write_frames
from tlmlp.data.split import nested_subset
from tlmlp.errors import TlmlpError


@given(st.integers(1, 300), st.data())
@settings(max_examples=50, deadline=None)
def test_subsets_are_nested_and_repeatable(n_total, data):
    sizes = data.draw(st.lists(st.integers(1, n_total), min_size=1, max_size=4))
    seed = data.draw(st.integers(0, 1000))
    groups = data.draw(st.sampled_from([None, [str(i % 3) for i in range(n_total)]]))
    subsets = nested_subset(n_total, sizes, seed, groups=groups)
    whole = nested_subset(n_total, [n_total], seed, groups=groups)[0]
    assert sorted(whole.tolist()) == list(range(n_total))
    for size, subset in zip(sizes, subsets, strict=True):
        assert np.array_equal(subset, whole[:size])  # whatever other sizes were asked for


def test_seeds_differ():
    draws = [tuple(nested_subset(200, [10], seed)[0]) for seed in range(20)]
    assert len(set(draws)) == 20
    # Every frame has its chance: over many seeds each of 20 frames is drawn 10 of 20 about half of the time.
    counts = Counter(i for seed in range(400) for i in nested_subset(20, [10], seed)[0].tolist())
    assert set(counts) == set(range(20)) and all(140 < n < 260 for n in counts.values())  # 200 +- 6 sigma


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_drawn_in_proportion(seed):
    groups = ["AIMD"] * 90 + ["Elastic"] * 55 + ["Vacancy"] * 72
    for n in (10, 22, 40, 100):
        drawn = Counter(groups[i] for i in nested_subset(217, [n], seed, groups=groups)[0])
        for group, total in Counter(groups).items():
            assert abs(drawn[group] - n * total / 217) < 2.0


def test_command_writes_subsets_rest_and_record(tmp_path, invoke, make_frame):
    write_frames(tmp_path / "all.extxyz", [make_frame(n, group="ab"[n % 2]) for n in range(30)])
    output = invoke(
        "split",
        tmp_path / "all.extxyz",
        "--sizes",
        "4,10",
        "--seed",
        3,
        "--by",
        "group",
        "--val",
        6,
        "--out",
        tmp_path / "out",
    )
    frames = {p.stem: [f.sha256() for f in read_frames(p)] for p in (tmp_path / "out").glob("*.extxyz")}
    assert {name: len(f) for name, f in frames.items()} == {"train-4": 4, "train-10": 10, "val": 6, "rest": 14}
    assert frames["train-10"][:4] == frames["train-4"]
    apart = frames["train-10"] + frames["val"] + frames["rest"]
    assert sorted(apart) == sorted(f.sha256() for f in read_frames(tmp_path / "all.extxyz"))
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    assert split["seed"] == 3 and split["by_group"] and len(split["inputs"]) == 1
    assert split["files"]["train-4.extxyz"]["groups"] == {"a": 2, "b": 2}
    assert "train-10.extxyz 10 frames" in output
    invoke("split", tmp_path / "all.extxyz", "--sizes", "7", "--seed", 3, "--by", "group", "--out", tmp_path / "two")
    later = [f.sha256() for f in read_frames(tmp_path / "two" / "train-7.extxyz")]
    assert later[:4] == frames["train-4"] and later == frames["train-10"][:7]  # nested across calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sizes", "10,x"), "--sizes must be numbers like 10,22, got '10,x'"),
        (("--sizes", "31"), "31 training and 0 validation frames were asked for, but there are 30"),
        (("--sizes", "20", "--val", "11"), "but there are 30"),
        (("--sizes", "0"), "a subset of 0 frames"),
        (("--sizes", "5,5"), "different numbers"),
        (("--sizes", "5", "--seed", "-1"), "seed must not be negative"),
        (("--sizes", "5", "--by", "element"), "--by can be 'group', got 'element'"),
        (("--sizes", "5", "--by", "group"), "the frames have no groups"),
    ],
)
def test_bad_requests_give_one_line(tmp_path, invoke, make_frame, arguments, message):
    write_frames(tmp_path / "all.extxyz", [make_frame(n, group=None) for n in range(30)])
    with pytest.raises(TlmlpError, match=message):
        invoke("split", tmp_path / "all.extxyz", *arguments, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
