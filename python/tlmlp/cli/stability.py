"""``tlmlp stability``: how many replicas of a run survive."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tlmlp.cli.as_json import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def stability(
        models: Annotated[list[Path], typer.Argument(help="Files of `tlmlp export`, or names such as si-dft.")],
        structure: Annotated[Path, typer.Option(help="Where all runs start: anything ASE reads, its last frame.")],
        temperature: Annotated[float, typer.Option(help="K.")] = 1200.0,
        time_ps: Annotated[float, typer.Option(help="Length of each run, ps.")] = 100.0,
        timestep_fs: Annotated[float, typer.Option(help="fs.")] = 0.5,
        friction_per_ps: Annotated[float, typer.Option(help="1/ps, of the Langevin thermostat; 0 for none.")] = 1.0,
        seeds: Annotated[int, typer.Option(help="Runs of each model, with seeds 0, 1, ...", min=1)] = 20,
        jobs: Annotated[int, typer.Option(help="Runs side by side, one thread each.", min=1)] = 1,
        min_distance: Annotated[
            float | None,
            typer.Option(
                help="Å, smallest distance allowed between any two atoms; by default 5/6 of the sum of their covalent radii.",
                show_default=False,
            ),
        ] = None,
        check_fs: Annotated[float, typer.Option(help="fs between two looks at a run, 10 at most.")] = 10.0,
        trajectory_fs: Annotated[
            float, typer.Option(help="fs between frames of the trajectories; 0 for none.")
        ] = 100.0,
        max_temperature: Annotated[
            float | None,
            typer.Option(
                help="K, above which a run has exploded; by default 5 times the temperature.", show_default=False
            ),
        ] = None,
        max_energy_change: Annotated[
            float, typer.Option(help="eV/atom from the start, beyond which a run has exploded.")
        ] = 5.0,
        precision: Annotated[str, typer.Option(help="single or double, of the network.")] = "single",
        device: Annotated[
            str, typer.Option(help="cpu (LAMMPS), or cuda, cuda:N, cuda-on-cpu: all runs of a model in one batch.")
        ] = "cpu",
        out: Annotated[Path, typer.Option(help="Folder for the results; a test that is there goes on.")] = Path(
            "stability-out"
        ),
        json: Json = False,
    ) -> None:
        """Langevin dynamics from many seeds: which runs reach their end, and why the others do not."""
        from tlmlp.analysis.stability import run_stability
        from tlmlp.analysis.stability_settings import stability_settings

        settings = stability_settings(
            structure=structure,
            temperature=temperature,
            time_ps=time_ps,
            timestep_fs=timestep_fs,
            friction_per_ps=friction_per_ps,
            min_distance=min_distance,
            check_fs=check_fs,
            trajectory_fs=trajectory_fs,
            max_temperature=max_temperature,
            max_energy_change=max_energy_change,
            precision=precision,
            device=device,
        )
        summary = run_stability(models, settings, out, seeds=seeds, jobs=jobs)
        if json:
            print_json(summary)
        else:
            _show(summary, out)


def _show(summary: dict[str, Any], out: Path) -> None:
    import csv

    from tlmlp.console import console, table

    with open(out / "runs.csv") as stream:
        failed = [row for row in csv.DictReader(stream) if row["stable"] == "0"]
    if failed:
        rows = [
            [f"{row['model']} {row['seed']}", row["time_ps"], row["reason"], row["pair"], row["pair_distance_angstrom"]]
            for row in failed[:20]
        ]
        title = "failed runs" + (f", the first 20 of {len(failed)}" if len(failed) > 20 else "")
        table(title, ["model, seed", "time (ps)", "reason", "pair", "distance (Å)"], rows)
    rows = []
    for name, one in summary["models"].items():
        training = one["training_min_distance_angstrom"]
        rows.append([name, *_row(one), "" if training is None else f"{training:.3f}"])
    rows.append(["all", *_row(summary), ""])
    table(
        f"stable for {summary['run_time_ps']:g} ps",
        ["model", "runs", "stable", "fraction", "95 % (Wilson)", "smallest distance in training (Å)"],
        rows,
    )
    if summary["interval_over_models_95"] is not None:
        low, high = summary["interval_over_models_95"]
        console.print(f"95 % interval of the fraction over models (bootstrap): {low:.3f} to {high:.3f}")
    console.print(f"runs.csv, survival.csv, survival.png and survival.svg, summary.json in {out}")


def _row(one: dict[str, Any]) -> list[object]:
    fraction = one["stable_fraction"]
    low, high = fraction["wilson_95"]
    return [one["runs"], one["stable"], f"{fraction['value']:.3f}", f"{low:.3f} to {high:.3f}"]
