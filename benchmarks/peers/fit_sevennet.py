"""SevenNet-0: fine-tuned by its own preset for that (sevenn preset fine_tune), with fewer epochs; then with a batch of
one frame and a smaller rate; or as it comes, with no epoch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fits import Frame, as_atoms, main, predict_by
from measure import calculator_times

TRIES = [
    {"epochs": 8, "lr": 0.004, "batch_size": 4, "gamma": 0.99},
    {"epochs": 8, "lr": 0.0005, "batch_size": 1, "gamma": 0.75},
    {"epochs": 0},
]


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    import yaml
    from ase.io import write

    if not settings["epochs"]:
        return
    shutil.rmtree(folder)
    folder.mkdir()
    write(folder / "train.extxyz", [as_atoms(frame) for frame in frames])
    preset = subprocess.run(
        [f"{sys.prefix}/bin/sevenn", "preset", "fine_tune"], capture_output=True, text=True, check=True
    )
    content = yaml.safe_load(preset.stdout)
    train, data = content["train"], content["data"]
    train |= {"epoch": settings["epochs"], "per_epoch": settings["epochs"]}
    train["optim_param"]["lr"] = settings["lr"]
    train["scheduler_param"]["gamma"] = settings["gamma"]
    data |= {"batch_size": settings["batch_size"], "load_trainset_path": ["train.extxyz"]}
    del data["load_validset_path"], data["load_testset_path"], data["data_divide_ratio"]
    (folder / "input.yaml").write_text(yaml.safe_dump(content))
    command = [f"{sys.prefix}/bin/sevenn", "train", "input.yaml"]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: sevenn train: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def calculator(folder: Path, settings: dict):
    import torch
    from sevenn.calculator import SevenNetCalculator

    torch.set_num_threads(1)
    model = folder / f"checkpoint_{settings['epochs']}.pth" if settings["epochs"] else "7net-0"
    return SevenNetCalculator(model, device="cpu")


main(
    TRIES,
    fit,
    lambda folder, settings: predict_by(calculator(folder, settings)),
    lambda folder, settings, systems: calculator_times(systems, calculator(folder, settings)),
    "torch",
    "sevenn",
    "e3nn",
)
