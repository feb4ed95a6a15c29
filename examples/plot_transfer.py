"""The README's figure: germanium from ten DFT frames, from scratch and transferred from silicon.

In the repository, after the commands at the head of ge-mlearn-transfer.yaml and ge-mlearn-scratch.yaml:
    python examples/plot_transfer.py --transfer runs/ge --scratch runs/ge-scratch --out docs/figures/transfer.png
"""

import argparse
import csv
import json
from pathlib import Path

from matplotlib import pyplot

from tlmlp.studies.curves import validation_curve

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
for name in ("transfer", "scratch"):
    parser.add_argument(f"--{name}", type=Path, required=True, help="run directory, with test.json in it")
parser.add_argument("--out", type=Path, required=True, help="PNG; a CSV of the same name goes beside it")
arguments = parser.parse_args()

figure, (curves, energies, forces) = pyplot.subplots(
    1, 3, figsize=(9.6, 3.2), layout="constrained", width_ratios=[2.2, 1, 1]
)
rows = []
for name, colour in (("scratch", "tab:gray"), ("transfer", "tab:blue")):
    run = getattr(arguments, name)
    updates, errors = validation_curve(run)
    curves.plot(updates, errors, color=colour, label={"scratch": "from scratch", "transfer": "from silicon"}[name])
    rows += [[name, update, error] for update, error in zip(updates, errors, strict=True)]
    test = json.loads((run / "test.json").read_text())
    energies.bar(name, test["energy_mae_mev_per_atom"], color=colour)
    forces.bar(name, test["force_mae_ev_per_ang"] * 1e3, color=colour)
curves.set(xlabel="updates", ylabel="validation force RMSE (eV/Å)", yscale="log", title="Ge, 10 DFT frames")
curves.legend()
energies.set(title="test energy MAE\n(meV/atom)")
forces.set(title="test force MAE\n(meV/Å)")

arguments.out.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(arguments.out, dpi=160)
with arguments.out.with_suffix(".csv").open("w", newline="") as stream:
    csv.writer(stream, lineterminator="\n").writerows([["model", "updates", "val_force_rmse_ev_per_ang"], *rows])
