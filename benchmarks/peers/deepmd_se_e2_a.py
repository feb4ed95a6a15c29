"""DeePMD-kit: se_e2_a with the sizes of its example of water (25, 50, 100 and 240, 240, 240 neurons, cutoff 6 Å), random
weights, compressed as its manual advises for dynamics; by its calculator for ASE, TensorFlow backend, float64. A call
contains the neighbour list, and the stress, which it always computes."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import System, measure_calculator

CUTOFF = 6.0


def settings(folder: Path) -> dict:
    """Input of `dp train` for one step on the data in ``folder``/train."""
    descriptor = {"type": "se_e2_a", "sel": "auto", "rcut_smth": 0.5, "rcut": CUTOFF, "neuron": [25, 50, 100]}
    descriptor |= {"resnet_dt": False, "axis_neuron": 16, "seed": 1}
    return {
        "model": {
            "type_map": ["Si"],
            "descriptor": descriptor,
            "fitting_net": {"neuron": [240, 240, 240], "resnet_dt": True, "seed": 1},
        },
        "learning_rate": {"type": "exp", "decay_steps": 1, "start_lr": 0.001, "stop_lr": 3.51e-8},
        "loss": {
            "type": "ener",
            "start_pref_e": 0.02,
            "limit_pref_e": 1,
            "start_pref_f": 1000,
            "limit_pref_f": 1,
            "start_pref_v": 0,
            "limit_pref_v": 0,
        },
        "training": {
            "training_data": {"systems": [str(folder / "train")], "batch_size": 1},
            "numb_steps": 1,
            "seed": 1,
            "disp_file": "lcurve.out",
            "disp_freq": 1,
            "save_freq": 1,
        },
    }


def write_data(folder: Path, name: str, frames: list[tuple]) -> None:
    """Positions (N, 3) Å, cell, energy eV and forces eV/Å of frames of one size, as DeePMD-kit's raw system."""
    (folder / "set.000").mkdir(parents=True)
    (folder / "type.raw").write_text("0\n" * len(frames[0][0]))
    (folder / "type_map.raw").write_text(f"{name}\n")
    columns = zip(*frames, strict=True)
    for kind, values in zip(("coord", "box", "energy", "force"), columns, strict=True):
        np.save(folder / "set.000" / f"{kind}.npy", np.array(values).reshape(len(frames), -1))


def train(folder: Path, content: dict) -> Path:
    """Train, freeze and compress in ``folder``; the model's file."""
    (folder / "input.json").write_text(json.dumps(content))
    for words in ("train input.json", "freeze -o frozen.pb", "compress -i frozen.pb -o model.pb"):
        command = [f"{sys.prefix}/bin/dp", *words.split()]
        single = {"DP_INTRA_OP_PARALLELISM_THREADS": "1", "DP_INTER_OP_PARALLELISM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=os.environ | single, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"error: dp {words}: {done.stderr.strip().splitlines()[-1]}")
    return folder / "model.pb"


def main() -> None:
    from deepmd.calculator import DP

    def build(system: System) -> DP:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            random = np.random.default_rng(0).normal(size=system.positions.shape)
            write_data(folder / "train", "Si", [(system.positions, system.cell, 0.0, random)])
            return DP(str(train(folder, settings(folder))))

    measure_calculator(build, CUTOFF, "tensorflow-cpu", "deepmd-kit")


if __name__ == "__main__":
    main()
