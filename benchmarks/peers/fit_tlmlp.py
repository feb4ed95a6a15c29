"""This package: the recipe for few frames, from silicon's model; in LAMMPS as pair_style tlmlp."""

import json
import shutil
from pathlib import Path

from fits import Frame, main
from in_lammps import predict, step_times


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    from tlmlp.export import export_model
    from tlmlp.train import as_config, transfer
    from tlmlp.train.element_transfer.recipe import few_frames_config

    about = json.loads((folder.parent / "pool.json").read_text())
    content = few_frames_config([], about["frames"])
    content["data"] = {"pool": about["pool"], "n_train": about["frames"], "subset_seed": about["draw"]}
    content["training"] |= {"seed": about["draw"], "threads": 1}
    shutil.rmtree(folder / "run", ignore_errors=True)
    result = transfer(settings["source"], as_config(content), "Si:Ge", folder / "run")
    export_model(result.potential, folder / "model.pt", result.metadata)


def commands(folder: Path) -> list[str]:
    return ["pair_style tlmlp", f"pair_coeff * * {folder}/model.pt Ge"]


main(
    [{"source": "si-dft", "method": "recipe"}],
    fit,
    lambda folder, settings: lambda frames: predict(frames, commands(folder)),
    lambda folder, settings, systems: step_times(systems, commands(folder)),
    "tlmlp",
    "torch",
    "lammps",
)
