"""SevenNet-0 of 11 July 2024 as it comes: nothing is fitted."""

from pathlib import Path

import torch
from fits import Frame, main, predict_by
from measure import calculator_times
from sevenn.calculator import SevenNetCalculator


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    torch.set_num_threads(1)


def calculator() -> SevenNetCalculator:
    torch.set_num_threads(1)
    return SevenNetCalculator("7net-0", device="cpu")


main(
    [{"epochs": 0}],
    fit,
    lambda folder, settings: predict_by(calculator()),
    lambda folder, settings, systems: calculator_times(systems, calculator()),
    "torch",
    "sevenn",
    "e3nn",
)
