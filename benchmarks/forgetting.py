"""What a model transferred to another element still knows of its source's: errors on both test sets, a row a training.

    OMP_NUM_THREADS=1 python benchmarks/forgetting.py --pool data/ge/pool.extxyz --test data/ge/test.extxyz \\
        --source-train data/si/train.extxyz --source-test data/si/test.extxyz

A model that knows the new element alone is carried back by the reverse element map, its lengths and energies scaled back,
and evaluated as it is; one that was trained with replay knows both elements. Rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import torch

from tlmlp.data import read_frames
from tlmlp.train import as_config, transfer, transferred
from tlmlp.train.element_transfer.recipe import few_frames_config
from tlmlp.train.evaluation.comparison import compare_potential
from tlmlp.train.model.modelfile import open_model

#: Variant to its settings; REPLAY stands for the source's training frames.
VARIANTS = {
    "rescaled": [],
    "not rescaled": ["transfer.rescale=none"],
    "replay, not rescaled": ["transfer.replay={files: REPLAY, weight: 1.0, per_batch: 1}"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="si-dft")
    parser.add_argument("--elements", default="Si:Ge")
    for name in ("--pool", "--test", "--source-train", "--source-test"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--csv", type=Path, default=Path("benchmarks/forgetting.csv"))
    options = parser.parse_args()
    old, new = options.elements.split(":")
    sets = {new: read_frames(options.test), old: read_frames(options.source_test)}
    done = [] if not options.csv.exists() else list(csv.DictReader(options.csv.open()))
    if not any(row["model"] == "source" for row in done):
        add(options.csv, "source", options, {old: errors(open_model(options.source)[0], sets[old]), new: {}})
    for name, settings in VARIANTS.items():
        if any(
            (row["model"], row["frames"], row["draw"]) == (name, str(options.frames), str(options.draw)) for row in done
        ):
            continue
        content = few_frames_config([], options.frames, 0.5)
        content["data"] = {"pool": str(options.pool), "n_train": options.frames, "subset_seed": options.draw}
        changes = [change.replace("REPLAY", str(options.source_train.resolve())) for change in settings]
        with tempfile.TemporaryDirectory() as folder:
            result = transfer(options.source, as_config(content, changes), f"{old}:{new}", folder)
        if not result.finished:
            raise SystemExit("interrupted: the training under way has no row and is made anew")
        model = result.potential
        how = result.metadata["provenance"]["transfer"]
        if old in model.species:
            back = model
        else:
            scales = {"length_scale": 1.0 / how["length_scale"], "energy_scale": 1.0 / how["energy_scale"]}
            back = transferred(model, {new: old}, [old], **scales)
        add(options.csv, name, options, {new: errors(model, sets[new]), old: errors(back, sets[old])})


def errors(potential: Any, frames: list) -> dict[str, float | None]:
    """Errors, energies about the shift that suits these frames: of an element that was not trained on it is not known."""
    first = compare_potential(potential, frames)
    offset = float((first.energies[:, 0] - first.energies[:, 1]).mean())
    before = potential.energy_shift.clone()
    potential.energy_shift.add_(torch.full_like(before, offset))
    found = compare_potential(potential, frames).errors()
    potential.energy_shift.copy_(before)
    return found


def add(path: Path, name: str, options: argparse.Namespace, found: dict[str, dict[str, float | None]]) -> None:
    """Append a row; the errors of each element have its symbol in front."""
    row: dict[str, Any] = {"model": name, "frames": options.frames, "draw": options.draw}
    for element in reversed(options.elements.split(":")):
        for key in ("energy_mae_mev_per_atom", "force_mae_ev_per_ang", "stress_mae_gpa"):
            value = found[element].get(key)
            row[f"{element}_{key}"] = None if value is None else f"{value:.5g}"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as stream:
        out = csv.DictWriter(stream, list(row), lineterminator="\n")
        if new:
            out.writeheader()
        out.writerow(row)


if __name__ == "__main__":
    main()
