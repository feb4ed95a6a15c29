"""Deterministic draws of training subsets, nested within a seed, and the split.json that records them.

The frames are put into one seeded order, and the subset of size n is its first n frames. So a larger subset contains
the smaller ones, and several arms of a study share the same draws. Validation frames come from the end of that order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.data.copies import families
from tlmlp.data.frame import Frame
from tlmlp.data.writers import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.text import are, counted

SPLIT_FORMAT = "tlmlp-split/1"


def seeded_order(n_total: int, seed: int, groups: Sequence[str | None] | None = None) -> np.ndarray:
    """Permutation (n_total,) int64 of the frames for ``seed``.

    With ``groups`` (a name per frame) every beginning of the order holds the groups in proportion to their size, to
    within a frame or so: frame k of a shuffled group of n sits at (k + u)/n, with one random offset u per group.
    """
    random = np.random.default_rng([seed, n_total])
    if groups is None:
        return random.permutation(n_total)
    names = np.array([str(g) for g in groups])
    place = np.empty(n_total)
    for name in sorted(set(names.tolist())):
        members = np.flatnonzero(names == name)
        place[random.permutation(members)] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(place, kind="stable")


def nested_subset(
    n_total: int, sizes: Sequence[int], seed: int, *, groups: Sequence[str | None] | None = None
) -> list[np.ndarray]:
    """Indices of one subset of range(n_total) per entry of ``sizes``; a larger one begins with the smaller ones.

    Raises :class:`TlmlpError` for sizes below 1 or above ``n_total``, and negative seeds.
    """
    if seed < 0:
        raise TlmlpError(f"the seed must not be negative, got {seed}")
    for size in sizes:
        if not 1 <= size <= n_total:
            raise TlmlpError(f"a subset of {counted(size, 'frame')} was asked for, but there are {n_total}")
    order = seeded_order(n_total, seed, groups)
    return [order[:size].copy() for size in sizes]


def write_split(out: Path, parts: Mapping[str, Sequence[Frame]], about: Mapping[str, Any]) -> None:
    """Write each of ``parts`` as OUT/NAME.extxyz and, last, OUT/split.json with ``about`` and the counts, groups,
    hashes and origins of every file."""
    files = {}
    for name, frames in parts.items():
        path = out / f"{name}.extxyz"
        write_frames(path, frames)
        files[path.name] = {
            "frames": len(frames),
            "groups": dict(sorted(Counter(f.group or "" for f in frames).items())),
            "sha256": sha256_file(path),
            "sources": [f.source for f in frames],
        }
    atomic_write_json(out / "split.json", {"format": SPLIT_FORMAT, **about, "files": files})


def without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """``frames`` less those whose geometry came before, and the latter. Only the former may be divided: a copy must
    not stand in two parts."""
    kept: list[Frame] = []
    copies: list[Frame] = []
    for n, (frame, first) in enumerate(zip(frames, families(frames), strict=True)):
        (kept if first == n else copies).append(frame)
    return kept, copies


def split_frames(
    frames: Sequence[Frame],
    sizes: Sequence[int],
    seed: int,
    out: Path,
    *,
    by_group: bool = False,
    n_val: int = 0,
    sources: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Write OUT/train-N.extxyz for each size, val.extxyz with ``n_val`` other frames, rest.extxyz with what is in none
    of them, and split.json. Copies of a geometry go to copies.extxyz and into no part. ``sources`` maps input files to
    their SHA-256. Returns the counts by file name."""
    frames, copies = without_copies(frames)
    if not sizes or len(set(sizes)) != len(sizes):
        raise TlmlpError(f"the sizes must be different numbers, got {list(sizes)}")
    if n_val < 0 or max(sizes) + n_val > len(frames):
        raise TlmlpError(
            f"{max(sizes)} training and {n_val} validation frames were asked for, but there {are(len(frames))} {len(frames)}"
            + (f" different ones, and {counted(len(copies), 'copy', 'copies')}" if copies else "")
        )
    groups = [f.group for f in frames] if by_group else None
    if groups is not None and set(groups) == {None}:
        raise TlmlpError("the frames have no groups; leave out --by group")
    subsets = nested_subset(len(frames), sizes, seed, groups=groups)
    order = seeded_order(len(frames), seed, groups)
    parts = {f"train-{size}": [frames[i] for i in subset] for size, subset in zip(sizes, subsets, strict=True)}
    end = len(frames) - n_val
    if n_val:
        parts["val"] = [frames[i] for i in order[end:]]
    if end > max(sizes):
        parts["rest"] = [frames[i] for i in order[max(sizes) : end]]
    if copies:
        parts["copies"] = copies
    write_split(out, parts, {"seed": seed, "by_group": by_group, "inputs": dict(sources or {})})
    return {name: len(part) for name, part in parts.items()}
