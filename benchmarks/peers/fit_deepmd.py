"""DeePMD-kit's se_e2_a from scratch, energies and forces: learning rate and weights of its example of water, fewer
steps; smaller networks, then those of the example. Compressed before it is evaluated."""

import shutil
from itertools import groupby
from pathlib import Path

from deepmd_se_e2_a import settings as content
from deepmd_se_e2_a import train, write_data
from fits import Frame, main, predict_by
from measure import calculator_times

TRIES = [
    {"steps": 2500, "neuron": [10, 20, 40], "fitting_neuron": [60, 60, 60]},
    {"steps": 2500, "neuron": [25, 50, 100], "fitting_neuron": [240, 240, 240]},
]


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    by_size = sorted(frames, key=lambda frame: len(frame.positions))
    for size, same in groupby(by_size, key=lambda frame: len(frame.positions)):
        rows = [(frame.positions, frame.cell, frame.energy, frame.forces) for frame in same]
        write_data(folder / f"train-{size}", "Ge", rows)
    train(folder, content("Ge", settings["steps"], folder, settings["neuron"], settings["fitting_neuron"]))


def calculator(folder: Path):
    from deepmd.calculator import DP

    return DP(str(folder / "model.pb"))


main(
    TRIES,
    fit,
    lambda folder, settings: predict_by(calculator(folder)),
    lambda folder, settings, systems: calculator_times(systems, calculator(folder)),
    "tensorflow-cpu",
    "deepmd-kit",
)
