"""From the section `data` of a config to checked training and validation frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlmlp.console import console
from tlmlp.data import Frame, read_frames
from tlmlp.data.copies import families
from tlmlp.data.isolated import isolated_mask
from tlmlp.data.split import nested_subset, seeded_order, without_copies
from tlmlp.data.types import SharedTypes
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_bytes
from tlmlp.text import are, counted
from tlmlp.train.config.sections import TERMS, DataSection, ExtraSet, LossSection


@dataclass(frozen=True)
class ExtraFrames:
    """A further training set, see :class:`tlmlp.train.config.sections.ExtraSet`."""

    frames: list[Frame]
    weight: float
    per_batch: int | None


@dataclass(frozen=True)
class TrainingData:
    """Frames with the labels that the loss needs, and where they came from."""

    train: list[Frame]
    #: Empty for a training without validation.
    val: list[Frame]
    extra: list[ExtraFrames]
    #: For each set: files, number of frames, SHA-256 over their geometries and labels.
    about: dict[str, dict[str, Any]]
    #: Frames of isolated atoms in the training sets, which are in none of the above.
    isolated: list[Frame] = field(default_factory=list)
    #: What there is to say about the choice of the frames.
    said: list[str] = field(default_factory=list)

    def all_frames(self) -> list[Frame]:
        """The training frames, then those of the further sets."""
        return [*self.train, *(frame for extra in self.extra for frame in extra.frames)]

    def weights(self) -> list[float]:
        """Weight in the loss of each of :meth:`all_frames`."""
        return [1.0] * len(self.train) + [extra.weight for extra in self.extra for _ in extra.frames]

    def elements(self) -> list[str]:
        """Chemical symbols in all training frames, by atomic number."""
        from ase.data import chemical_symbols

        numbers = {z for frame in self.all_frames() for z in frame.atomic_numbers.tolist()}
        return [chemical_symbols[z] for z in sorted(numbers)]


def load_data(section: DataSection, loss: LossSection, replay: ExtraSet | None = None) -> TrainingData:
    """Read and draw the frames; ``replay`` is one more training set.

    :raises TlmlpError: on missing or ambiguous labels, NaN, empty sets, and subsets larger than the set
    """
    files = {"train": section.train or section.pool or [], "val": section.val or []}
    if section.n_val is not None:
        files["val"] = section.pool or []
    labels = tuple(term for term in TERMS if loss.requires(term))
    isolated: list[Frame] = []
    said: list[str] = []
    types = None if section.types is None else SharedTypes(section.types)
    train = _read(section, files["train"], labels, types, isolated, said)
    val = [] if section.val is None else _read(section, section.val, labels, types, [], said)
    if section.n_val is not None or section.fold is not None:
        train, copies = without_copies(train)
        if copies:
            said.append(
                f"{counted(len(copies), 'training frame')} {are(len(copies))} left out as copies of others, so that none validates too"
            )
    if section.pool is not None:
        order = _order(train, section)
        wanted = (section.n_train or 0) + (section.n_val or 0)
        if wanted > len(train):
            raise TlmlpError(
                f"data.pool has {counted(len(train), 'frame')}, but data.n_train and data.n_val ask for {wanted}"
            )
        if section.n_val is not None:
            val = [train[i] for i in order[len(train) - (section.n_val or 0) :]]
        train = [train[i] for i in order[: section.n_train]]
    elif section.n_train is not None:
        groups = [f.group for f in train] if section.by_group else None
        (subset,) = nested_subset(len(train), [section.n_train], section.subset_seed, groups=groups)
        train = [train[i] for i in subset]
    if section.fold is not None:
        part, parts = section.fold
        if len(train) < parts:
            left_out = f" ({len(copies)} more {are(len(copies))} left out as copies)" if copies else ""
            raise TlmlpError(
                f"{parts} folds need as many training frames, but there {are(len(train))} {len(train)}{left_out}"
            )
        val = train[part::parts]
        train = [frame for n, frame in enumerate(train) if n % parts != part]
        files["val"] = files["train"]
    sections = [*section.extra, *(() if replay is None else (replay,))]
    extra = [
        ExtraFrames(_read(section, part.files, labels, types, isolated, said), part.weight, part.per_batch)
        for part in sections
    ]
    if types is not None:
        types.refuse_unused(
            [file for given in (*files.values(), *(part.files for part in section.extra)) for file in given]
        )
    sets = {"train": train, "val": val}
    for n, (frames_of_set, given) in enumerate(zip(extra, sections, strict=True)):
        name = "replay" if n == len(section.extra) else f"extra {n}"
        sets[name], files[name] = frames_of_set.frames, given.files
    for name, frames in sets.items():
        if name != "val":
            _warn_about_duplicates(name, frames, val)
    about = {
        name: {"files": [Path(f).name for f in files[name]], "frames": len(frames), "sha256": frames_sha256(frames)}
        for name, frames in sets.items()
    }
    return TrainingData(train, val, extra, about, isolated, said)


def frames_sha256(frames: Sequence[Frame]) -> str:
    """SHA-256 over the hashes of the frames in their order."""
    return sha256_bytes("\n".join(frame.sha256() for frame in frames).encode())


def _read(
    section: DataSection,
    files: Sequence[str],
    labels: tuple[str, ...],
    types: SharedTypes | None,
    isolated: list[Frame],
    said: list[str],
) -> list[Frame]:
    """The frames to train or validate on; those of isolated atoms go to ``isolated``, and what was left out is ``said``."""
    keys = {name: getattr(section, name) for name in ("energy_key", "forces_key", "stress_key")}
    frames = [
        frame
        for file in files
        for frame in read_frames(file, require=labels, without=section.absent, types=types, **keys)
    ]
    kept = [frame for frame in frames if frame.group not in section.exclude_groups]
    if not kept:
        raise TlmlpError(
            f"{', '.join(files)}: no frames are left after data.exclude_groups took away all {len(frames)}"
        )
    names = ", ".join(Path(file).name for file in files)
    alone = isolated_mask(kept)
    if n := int(alone.sum()):
        isolated += [frame for frame, is_alone in zip(kept, alone, strict=True) if is_alone]
        kept = [frame for frame, is_alone in zip(kept, alone, strict=True) if not is_alone]
        said.append(
            f"{names}: {counted(n, 'frame')} of isolated atoms {are(n)} left out; loss.energy_shift: isolated takes the energy "
            "shift from there"
        )
    # What a file marks as not computed may be missing; without forces a frame cannot be in a batch of them.
    whole = [frame for frame in kept if all(getattr(frame, term) is not None for term in labels)]
    if len(whole) < len(kept):
        n = len(kept) - len(whole)
        said.append(f"{names}: {counted(n, 'frame')} without {' or '.join(labels)} {are(n)} left out")
    if not whole:
        raise TlmlpError(
            f"{names}: none of the {len(frames)} frames has {' and '.join(labels)} and atoms with neighbours"
        )
    return whole


def _order(frames: Sequence[Frame], section: DataSection) -> list[int]:
    groups = [f.group for f in frames] if section.by_group else None
    return seeded_order(len(frames), section.subset_seed, groups).tolist()


def _warn_about_duplicates(name: str, frames: Sequence[Frame], val: Sequence[Frame]) -> None:
    family = families([*frames, *val])
    shared = [
        (frame.source, frames[first].source)
        for frame, first in zip(val, family[len(frames) :], strict=True)
        if first < len(frames)
    ]
    if shared:
        which = "training frames" if name == "train" else f"frames of {name}"
        console.warn(
            f"{len(shared)} of {len(val)} validation frames {are(len(shared))} among the {which} "
            f"too, for example {shared[0][0]} = {shared[0][1]}"
        )
