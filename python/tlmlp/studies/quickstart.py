"""The quickstart: the whole path on a small scale, each step a command that can be repeated by hand.

Silicon and germanium data come from Stillinger-Weber potentials in LAMMPS. A silicon model is trained. On a few
germanium frames one model is trained from scratch and one is transferred from silicon. Both have the same number of
updates and the same list of settings, chosen on validation data. Both are evaluated on test data, and the transferred
one runs in LAMMPS.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import yaml

from tlmlp.console import console
from tlmlp.files import atomic_write_json, atomic_write_text
from tlmlp.studies.curves import best_validation
from tlmlp.studies.md_results import nve_drift, read_nve, steps_per_second
from tlmlp.studies.quickstart_report import write_report
from tlmlp.studies.steps import Runner, Step, tlmlp

SEED = 1
CUTOFF = 5.0  # Å: the paper's for Stillinger-Weber data
SILICON_UPDATES = 3000
SILICON_BATCH = 2  # of many frames: more and smaller steps reach lower errors in the same time
GERMANIUM_UPDATES = 500
GERMANIUM_FRAMES = 10
GERMANIUM_BATCH = 5
SILICON_RATE = 4e-3
#: What each arm chooses from by its validation forces: learning rate, and weight of the squared error of the energy per
#: atom (eV^2) over the share of the training, beside 1 for force components (None: forces alone). Forces, each
#: temperature at one volume, leave the energy between volumes open, and a transferred model inherits silicon's.
GERMANIUM_SETTINGS = {
    "forces": (4e-3, None),
    "forces+energies": (1e-3, [[0.0, 0.05], [0.5, 0.05], [0.7, 2.0], [1.0, 2.0]]),
}
GERMANIUM_LATTICE_CONSTANT = 5.6536  # Å, of the Ding-Andersen potential
ARMS = ("scratch", "transfer")


def quickstart(out: Path, started: float | None = None) -> dict[str, Any]:
    """Run the quickstart in the folder ``out``; steps done before are not repeated.

    :param started: Unix time from which ``seconds`` in the summary counts; the call itself when None
    :return: what ``out/summary.json`` holds
    :raises TlmlpError: when a step fails, with its error
    """
    started = time.time() if started is None else started
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(2, cores)
    runner = Runner(out)
    _write_configs(out)

    runner.run(*(_data_step(element) for element in ("Si", "Ge")))
    runner.run(Step("train-si", tlmlp("train", "configs/si.yaml", "--out", "runs/si")), threads=threads)
    for setting in GERMANIUM_SETTINGS:
        runner.run(*(_germanium_step(arm, setting) for arm in ARMS))
    chosen = {arm: _best_setting(out, arm) for arm in ARMS}
    runner.run(_evaluate_step("si", "runs/si", "data/si"))
    runner.run(*(_evaluate_step(arm, _run_name(arm, chosen[arm]), "data/ge") for arm in ARMS))
    runner.run(
        Step("export-si", tlmlp("export", "runs/si", "-o", "si.pt")),
        Step("export-ge", tlmlp("export", _run_name("transfer", chosen["transfer"]), "-o", "ge.pt")),
    )
    runner.run(Step("verify-ge", tlmlp("verify", "ge.pt")))
    _write_decks(out)
    runner.run(Step("lammps-nve64", _lammps("nve64", "-var", "thermo", "md/nve64.txt")), threads=threads)
    runner.run(Step("lammps-speed512", _lammps("speed512")), threads=threads)

    summary = _summary(out, chosen, started, threads)
    write_report(out, summary, runner.steps)
    atomic_write_json(out / "summary.json", summary)
    _say(summary, out)
    return summary


def _write_configs(out: Path) -> None:
    configs: dict[str, dict[str, Any]] = {
        "si": {
            "data": {"train": "../data/si/train.extxyz", "val": "../data/si/val.extxyz"},
            "model": {"species": ["Si"], "cutoff": CUTOFF},
            "loss": "forces",
            "training": {
                "updates": SILICON_UPDATES,
                "batch_size": SILICON_BATCH,
                "learning_rate": SILICON_RATE,
                "validate_every": 50,
                "seed": SEED,
            },
        }
    }
    for setting, (rate, energy_weight) in GERMANIUM_SETTINGS.items():
        configs[f"ge-{setting}"] = {
            "data": {
                "pool": "../data/ge/pool.extxyz",
                "n_train": GERMANIUM_FRAMES,
                "subset_seed": SEED,
                "val": "../data/ge/val.extxyz",
            },
            "model": {"species": ["Ge"], "cutoff": CUTOFF},
            "training": {
                "updates": GERMANIUM_UPDATES,
                "batch_size": GERMANIUM_BATCH,
                "learning_rate": rate,
                "validate_every": 25,
                "seed": SEED,
            },
        }
        loss = "forces" if energy_weight is None else {"energy": energy_weight, "stress": 0.0}
        configs[f"ge-{setting}"]["loss"] = loss
    for name, config in configs.items():
        atomic_write_text(out / "configs" / f"{name}.yaml", yaml.safe_dump(config, sort_keys=False))


def _write_decks(out: Path) -> None:
    for deck in (Path(__file__).parent / "decks").glob("*.in"):
        atomic_write_text(out / "md" / deck.name, deck.read_text())


def _data_step(element: str) -> Step:
    name = element.lower()
    return Step(
        f"data-{name}",
        tlmlp("data", "sw", "--element", element, "--tier", "smoke", "--seed", str(SEED), "--out", f"data/{name}"),
    )


def _evaluate_step(name: str, model: str, data: str) -> Step:
    return Step(
        f"evaluate-{name}",
        tlmlp(
            "evaluate",
            model,
            f"{data}/test.extxyz",
            "--json",
            f"evaluation/{name}.json",
            "--figure",
            f"evaluation/{name}.png",
        ),
    )


def _run_name(arm: str, setting: str) -> str:
    return f"runs/ge-{arm}-{setting}"


def _germanium_step(arm: str, setting: str) -> Step:
    start = ("train",) if arm == "scratch" else ("transfer", "runs/si")
    element_map = () if arm == "scratch" else ("--element-map", "Si:Ge", "--set", "transfer.rescale=none")
    return Step(
        f"train-ge-{arm}-{setting}",
        tlmlp(*start, f"configs/ge-{setting}.yaml", *element_map, "--out", _run_name(arm, setting)),
    )


def _best_setting(out: Path, arm: str) -> str:
    """The setting whose best validation force error is lowest."""
    return min(GERMANIUM_SETTINGS, key=lambda setting: best_validation(out / _run_name(arm, setting)))


def _lammps(deck: str, *variables: str) -> tuple[str, ...]:
    return (
        "lmp",
        "-in",
        f"md/{deck}.in",
        "-log",
        f"md/{deck}.log",
        "-var",
        "model",
        "ge.pt",
        "-var",
        "a",
        str(GERMANIUM_LATTICE_CONSTANT),
        "-var",
        "seed",
        str(4928459 + SEED),
        *variables,
    )


def _summary(out: Path, chosen: dict[str, str], started: float, threads: int) -> dict[str, Any]:
    from tlmlp.bench.timing import versions

    summary: dict[str, Any] = {}
    for arm in ARMS:
        errors = json.loads((out / "evaluation" / f"{arm}.json").read_text())
        summary[arm] = {
            "force_mae_mev_per_ang": errors["force_mae_ev_per_ang"] * 1e3,
            "energy_mae_mev_per_atom": errors["energy_mae_mev_per_atom"],
            "updates": GERMANIUM_UPDATES,
            "learning_rate": GERMANIUM_SETTINGS[chosen[arm]][0],
            "trained_on": chosen[arm],
            "seed": SEED,
        }
    nve = read_nve(out / "md" / "nve64.txt")
    atoms, speed = steps_per_second((out / "md" / "speed512.log").read_text())
    summary["lammps"] = {
        "atoms": atoms,
        "steps_per_s": speed,
        "threads": threads,
        "nve_drift_mev_per_atom": nve_drift(nve["time"], nve["total_energy"], 64),
    }
    summary["versions"] = versions("torch", "lammps", "numpy", "ase", "vesin")
    summary["seconds"] = round(time.time() - started, 1)
    return summary


def _say(summary: dict[str, Any], out: Path) -> None:
    from tlmlp.console import table

    table(
        f"Germanium from {GERMANIUM_FRAMES} frames, errors on test data",
        ["model", "force MAE (meV/Å)", "energy MAE (meV/atom)", "learning rate", "trained on"],
        [
            [
                arm,
                f"{summary[arm]['force_mae_mev_per_ang']:.1f}",
                f"{summary[arm]['energy_mae_mev_per_atom']:.2f}",
                f"{summary[arm]['learning_rate']:g}",
                summary[arm]["trained_on"],
            ]
            for arm in ARMS
        ],
    )
    lammps = summary["lammps"]
    console.print(
        f"LAMMPS: {lammps['steps_per_s']:.1f} steps/s with {lammps['atoms']} atoms, NVE drift "
        f"{lammps['nve_drift_mev_per_atom']:+.3f} meV/atom per 10 ps"
    )
    console.print(f"done in {summary['seconds'] / 60:.1f} minutes: open {out / 'report.html'}")
