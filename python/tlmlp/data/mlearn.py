"""The public DFT data of Zuo et al., J. Phys. Chem. A 124, 731 (2020): six elements, from the mlearn repository.

Every file is pinned by the digest it has in one commit. For two files the repository's history gives the SHA-1 of git
("blob") and no SHA-256 was published, so they are verified by that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlmlp.console import console, progress
from tlmlp.data.download import Pin, download
from tlmlp.data.frame import Frame
from tlmlp.data.readers import read_frames
from tlmlp.data.split import seeded_order, write_split
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file

COMMIT = "10c427a5480c6281c15c64efaf869b03be04818f"
BASE_URL = f"https://raw.githubusercontent.com/materialsvirtuallab/mlearn/{COMMIT}/data"
#: Environment variable that replaces :data:`BASE_URL`, for a mirror.
BASE_URL_VARIABLE = "TLMLP_MLEARN_URL"

ELEMENTS = ("Si", "Ge", "Cu", "Ni", "Li", "Mo")
FILES = ("training.json", "test.json")
SURFACE = "Surface"
#: Share of the training file that serves for validation (Si: 20 of 202).
VALIDATION_SHARE = 0.1

PINS = {
    "Si/training.json": Pin("ae6d4b0a65b00e0fcf7ba0a6fad366716710d2f0d21d70199203089c6866b500"),
    "Si/test.json": Pin("d452b30a89f23bff76f7cc529b7b6c2d159ea81ccd5a4599fb1a18207654fa91"),
    "Ge/training.json": Pin("43dee02009a5167f94c7aafce19051222bcfc328c46181750cc2a2018187ca00"),
    "Ge/test.json": Pin("737ea6159c9dd27ebee7fb8ffae22f15e20466884927771248ca4f5b2cd3f093"),
    "Cu/training.json": Pin("9804a3c4335bc6cb796d67b3e90a8f203844ab40", "git blob sha1"),
    "Cu/test.json": Pin("1805a315ce8d0ce4a18bb761df4c4f619909ce114d598d426015d0071edc98c2"),
    "Ni/training.json": Pin("70f0abe1a2cc06ada3fcd7e5bc68e2139b942228", "git blob sha1"),
    "Ni/test.json": Pin("dccbfa14ddff5d1d35f658c48b68f6b431f95496a5261ef8b8f4d1d41e36008a"),
    "Li/training.json": Pin("1cac01475c5a4fb85771ee1fd23366a6b8abfb9891e0c9e088b6e37228e147b3"),
    "Li/test.json": Pin("554d0ce60b35a07b357be3a80bf04f68eb8fc97b5a88328caf08c860b5e9b260"),
    "Mo/training.json": Pin("b13305fca0d0d2631ab080c8fcf13c743ee79a911712fb65a34ca88fadf09f9a"),
    "Mo/test.json": Pin("68169e2927c2115daa2f504805fcb9548ee65daf2dd015428807ba92f8e13bb8"),
}


def fetch_element(
    element: str, folder: Path, *, base_url: str | None = None, attempts: int = 4, wait_s: float = 1.0
) -> Path:
    """Download the two files of ``element`` into FOLDER/ELEMENT and return FOLDER; verified files stay as they are."""
    base = (base_url or os.environ.get(BASE_URL_VARIABLE) or BASE_URL).rstrip("/")
    with progress(f"mlearn {element}", len(FILES)) as bar:
        for name in FILES:
            key = f"{element}/{name}"
            download(f"{base}/{key}", folder / element / name, PINS[key], attempts=attempts, wait_s=wait_s)
            bar.advance(1, name)
    return folder


def mlearn_frames(source: Path, element: str, *, with_surfaces: bool = False) -> tuple[list[Frame], list[Frame]]:
    """Training and test frames of SOURCE/ELEMENT/{training,test}.json, without the group "Surface" unless asked."""
    _check_element(element)
    parts = []
    for name in FILES:
        frames = read_frames(source / element / name, require=("energy", "forces"))
        parts.append([f for f in frames if with_surfaces or f.group != SURFACE])
    return parts[0], parts[1]


def write_mlearn(
    element: str,
    out: Path,
    *,
    source: Path | None = None,
    with_surfaces: bool = False,
    seed: int = 0,
    pool: bool | None = None,
    base_url: str | None = None,
) -> dict[str, int]:
    """Write the data of ``element`` below ``out`` and return the counts by file name.

    Test frames are those of the shipped test file. With ``pool``, the default for Ge, the training file becomes
    pool.extxyz, from which training and validation frames are drawn later. Otherwise it becomes train.extxyz and
    val.extxyz, drawn by ``seed`` in proportion to the groups. Without ``source`` (a folder with ELEMENT/training.json
    and ELEMENT/test.json) the files are downloaded into OUT/mlearn.
    """
    _check_element(element)
    if seed < 0:
        raise TlmlpError(f"the seed must not be negative, got {seed}")
    folder = source if source is not None else fetch_element(element, out / "mlearn", base_url=base_url)
    train, test = mlearn_frames(folder, element, with_surfaces=with_surfaces)
    inputs = {}
    for name in FILES:
        key = f"{element}/{name}"
        inputs[key] = sha256_file(folder / key)
        if not PINS[key].matches(folder / key):
            console.warn(f"{folder / key} differs from the file of commit {COMMIT[:12]}")
    train, test = _named(train, element), _named(test, element)
    parts: dict[str, Sequence[Frame]]
    if pool if pool is not None else element == "Ge":
        parts = {"pool": train, "test": test}
    else:
        order = seeded_order(len(train), seed, [f.group for f in train])
        n_train = len(train) - round(VALIDATION_SHARE * len(train))
        parts = {"train": [train[i] for i in order[:n_train]], "val": [train[i] for i in order[n_train:]], "test": test}
    write_split(
        out,
        parts,
        {
            "data": "mlearn",
            "element": element,
            "commit": COMMIT,
            "seed": seed,
            "with_surfaces": with_surfaces,
            "inputs": inputs,
        },
    )
    return {name: len(frames) for name, frames in parts.items()}


def _named(frames: Sequence[Frame], element: str) -> list[Frame]:
    """The frames with sources that do not depend on where the copy lies ("Si/training.json#3")."""
    return [replace(f, source=f"{element}/{Path(f.source).name}") for f in frames]


def _check_element(element: str) -> None:
    if element not in ELEMENTS:
        raise TlmlpError(f"the mlearn data has {', '.join(ELEMENTS)}; got {element!r}")
