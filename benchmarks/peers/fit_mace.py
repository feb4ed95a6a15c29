"""MACE from scratch by mace_run_train: 32 scalar channels (the fast size of its README), two layers, cutoff 5 Å;
weights of its README, float32, few epochs. The second setting has three times the epochs, and its stage two for
energies from three quarters on. The training frames stand in for the validation that the command wants."""

import os
import subprocess
import sys
from pathlib import Path

from fits import Frame, as_atoms, main, predict_by
from measure import calculator_times

TRIES = [
    {"num_channels": 32, "max_L": 0, "lr": 0.01, "batch_size": 2, "epochs": 80},
    {"num_channels": 32, "max_L": 0, "lr": 0.01, "batch_size": 2, "epochs": 240, "stage_two": 180},
]


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    from ase.io import write

    atoms = []
    for frame in frames:
        made = as_atoms(frame, labels=False)
        made.info |= {"REF_energy": frame.energy, "REF_stress": frame.stress}
        made.arrays["REF_forces"] = frame.forces
        atoms.append(made)
    write(folder / "train.extxyz", atoms)
    words = {
        "name": "ge",
        "seed": 1,
        "train_file": "train.extxyz",
        "valid_file": "train.extxyz",
        "E0s": "average",
        "model": "MACE",
        "num_channels": settings["num_channels"],
        "max_L": settings["max_L"],
        "r_max": 5.0,
        "loss": "stress",
        "energy_weight": 1,
        "forces_weight": 100,
        "stress_weight": 1,
        "energy_key": "REF_energy",
        "forces_key": "REF_forces",
        "stress_key": "REF_stress",
        "lr": settings["lr"],
        "batch_size": settings["batch_size"],
        "valid_batch_size": 10,
        "max_num_epochs": settings["epochs"],
        "eval_interval": 10,
        "ema_decay": 0.99,
        "default_dtype": "float32",
        "device": "cpu",
        "plot": "False",
    }
    command = [f"{sys.prefix}/bin/mace_run_train", "--ema", "--amsgrad"]
    if "stage_two" in settings:
        command.append("--stage_two")
        words["start_stage_two"] = settings["stage_two"]
    command += [word for name, value in words.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: mace_run_train: {done.stderr.strip().splitlines()[-1]}")


def calculator(folder: Path, settings: dict):
    import torch
    from mace.calculators import MACECalculator

    torch.set_num_threads(1)
    model = "ge_stagetwo.model" if "stage_two" in settings else "ge.model"
    return MACECalculator(model_paths=str(folder / model), device="cpu", default_dtype="float32")


main(
    TRIES,
    fit,
    lambda folder, settings: predict_by(calculator(folder, settings)),
    lambda folder, settings, systems: calculator_times(systems, calculator(folder, settings)),
    "torch",
    "mace-torch",
    "e3nn",
)
