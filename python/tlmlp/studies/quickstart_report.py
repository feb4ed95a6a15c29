"""Figures and the page of the quickstart."""

import json
from pathlib import Path
from typing import Any

from tlmlp.figures import save_sheet, write_columns, write_csv
from tlmlp.page import Page
from tlmlp.studies.arm_styles import arm_style
from tlmlp.studies.curves import validation_curve
from tlmlp.studies.md_results import read_nve
from tlmlp.studies.steps import Step
from tlmlp.train.report.figures import new_figure


def write_report(out: Path, summary: dict[str, Any], steps: list[Step]) -> None:
    """Write ``out/report.html`` and the figures it holds, each with its CSV beside it."""
    _learning_curves(out, summary)
    _nve_figure(out)
    report = Page("tlmlp quickstart: germanium from silicon")
    report.text(
        "Both germanium models saw the same frames and the same number of updates; the settings of each (learning "
        "rate, and whether energies are fitted beside forces) were chosen by its validation forces from the same list. Labels come from Stillinger-Weber potentials, and the errors "
        "are those of the smoke tier: small on purpose, not the accuracy that full data give."
    )
    report.text(
        "The silicon model is trained on forces alone. Forces, at one volume per temperature, leave the energy between "
        "volumes (and the pressure, see the parity figures) open; a model transferred from it inherits these unless "
        "energies are fitted too."
    )
    report.heading("Test errors")
    report.table(
        ["model", "force MAE (meV/Å)", "energy MAE (meV/atom)", "learning rate", "trained on", "updates", "seed"],
        [
            [
                arm,
                f"{row['force_mae_mev_per_ang']:.1f}",
                f"{row['energy_mae_mev_per_atom']:.2f}",
                f"{row['learning_rate']:g}",
                row["trained_on"],
                row["updates"],
                row["seed"],
            ]
            for arm in ("scratch", "transfer")
            for row in [summary[arm]]
        ],
    )
    silicon = json.loads((out / "evaluation" / "si.json").read_text())
    report.text(
        f"The silicon model it starts from: force MAE {silicon['force_mae_ev_per_ang'] * 1e3:.1f} meV/Å, energy "
        f"MAE {silicon['energy_mae_mev_per_atom']:.2f} meV/atom on silicon test data."
    )
    report.figure(out / "figures" / "learning_curves.png", "Validation force RMSE against updates")
    for arm in ("scratch", "transfer"):
        report.figure(out / "evaluation" / f"{arm}.png", f"Germanium test data, model {arm}")
    report.heading("Molecular dynamics in LAMMPS")
    lammps = summary["lammps"]
    report.table(
        ["quantity", "value"],
        [
            [f"speed, {lammps['atoms']} atoms, {lammps['threads']} threads (steps/s)", f"{lammps['steps_per_s']:.2f}"],
            ["NVE drift, 64 atoms, 2 ps (meV/atom per 10 ps)", f"{lammps['nve_drift_mev_per_atom']:+.4f}"],
        ],
    )
    report.figure(out / "figures" / "nve64.png", "64 germanium atoms at constant energy after 1 ps at 1200 K")
    report.heading("Commands")
    report.text("Run these in the folder of this report, with the environment activated, to repeat each step.")
    report.commands(step.command for step in steps)
    report.heading("Versions")
    report.table(["what", "version"], summary["versions"].items())
    report.write(out / "report.html")


def _learning_curves(out: Path, summary: dict[str, Any]) -> None:
    figure, (axes,) = new_figure(1, width=6.4)
    rows = []
    for arm in ("scratch", "transfer"):
        setting = summary[arm]["trained_on"]
        updates, errors = validation_curve(out / f"runs/ge-{arm}-{setting}")
        values = [error * 1e3 for error in errors]
        colour, _, _ = arm_style(arm)
        axes.plot(updates, values, color=colour, label=f"{arm}, trained on {setting}")
        rows += [
            {"model": arm, "updates": update, "val_force_rmse_mev_per_ang": value}
            for update, value in zip(updates, values, strict=True)
        ]
    axes.set(
        xlabel="updates", ylabel="validation force RMSE (meV/Å)", yscale="log", title="Germanium, 10 training frames"
    )
    axes.legend()
    save_sheet(figure, out / "figures" / "learning_curves")
    write_csv(out / "figures" / "learning_curves.csv", rows)


def _nve_figure(out: Path) -> None:
    from matplotlib.figure import Figure

    nve = read_nve(out / "md" / "nve64.txt")
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(nve["time"], nve["temperature"])
    top.set(ylabel="temperature (K)")
    bottom.plot(nve["time"], (nve["total_energy"] - nve["total_energy"][0]) / 64 * 1e3)
    bottom.set(xlabel="time (ps)", ylabel="total energy − start\n(meV/atom)")
    save_sheet(figure, out / "figures" / "nve64")
    names = ("time_ps", "temperature_k", "potential_energy_ev", "total_energy_ev")
    write_columns(out / "figures" / "nve64.csv", dict(zip(names, nve.values(), strict=True)))
