"""``tlmlp study``: comparisons of many trainings, resumable, with figures, tables and verdicts."""

from pathlib import Path
from typing import Annotated

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.errors import TlmlpError
from tlmlp.studies.catalogue import STUDIES

app = typer.Typer(help="Studies of many trainings: figures, tables, and every command in a log.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder of a study.")]
Arm = Annotated[str, typer.Option(help="Name of the arm.")]
Frames = Annotated[int, typer.Option(help="Number of training frames.")]
Draw = Annotated[int, typer.Option(help="Number of the draw.")]


def _study(name: str, title: str) -> None:
    """Add the command of one study."""

    @app.command(name, help=f"{title}; by Snakemake, repeat the command to go on.")
    def run(
        tier: Annotated[str, typer.Option(help="smoke (minutes), small (hours) or paper (the paper's sizes).")],
        out: Annotated[
            Path | None,
            typer.Option(help="Folder for everything that is made; an earlier study goes on.", show_default=False),
        ] = None,
        pair: Annotated[str, typer.Option(help="Source and target element.")] = "Si:Ge",
        source_data: Annotated[
            str | None,
            typer.Option(
                help="Data of the source: a folder with train.extxyz, val.extxyz and test.extxyz, or a command "
                "`tlmlp data ...` without its --out.",
                metavar="FOLDER|COMMAND",
            ),
        ] = None,
        target_data: Annotated[
            str | None,
            typer.Option(
                help="Data of the target: a folder with pool.extxyz or train.extxyz, and test.extxyz, or a command.",
                metavar="FOLDER|COMMAND",
            ),
        ] = None,
        source_model: Annotated[
            str | None,
            typer.Option(help="Model to transfer from: run directory, exported model, or name.", metavar="MODEL"),
        ] = None,
        truth: Annotated[
            Path | None, typer.Option(help="LAMMPS .sw file that made the labels of --target-data.")
        ] = None,
        changes: Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                help="Another entry of the plan, for example sizes=[1,10], draws=3 or arms.best=null; see OUT/study.yaml.",
                metavar="A.B=C",
                show_default=False,
            ),
        ] = None,
        jobs: Annotated[int, typer.Option(help="Commands side by side, one thread each.", min=1)] = 1,
        profile: Annotated[
            Path | None, typer.Option(help="Snakemake profile (folder), for example of a cluster's queue.")
        ] = None,
        finished: Annotated[
            Path | None,
            typer.Option(help="An earlier study, or docs/results/STUDY/TIER, whose rows are taken over."),
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would run; all commands go to OUT/commands.txt.")
        ] = False,
        estimate: Annotated[bool, typer.Option("--estimate", help="Say what it would cost; runs nothing.")] = False,
        json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON, on one line.")] = False,
    ) -> None:
        from tlmlp.studies.launch import run_study
        from tlmlp.studies.plan import default_plan

        plan = default_plan(
            name,
            tier,
            pair,
            source_data=source_data,
            target_data=target_data,
            source_model=source_model,
            truth=truth,
            changes=changes or (),
        )
        if estimate:
            from tlmlp.studies import estimate as costs

            parts = costs.estimate(plan)
            print_json(costs.as_dict(plan, parts)) if json else costs.say(plan, parts)
            return
        if json:
            raise TlmlpError("--json goes with --estimate; the results of a study are files in its folder")
        if out is None:
            raise TlmlpError("the study needs a folder: --out FOLDER")
        run_study(plan, out, jobs=jobs, profile=profile, dry_run=dry_run, finished=finished)


for _name, _about in STUDIES.items():
    _study(_name, _about.title)


@app.command()
def report(folder: Folder, json: Json = False) -> None:
    """Write the report of a study anew from what is there; it may be unfinished."""
    from tlmlp.studies.reports import write_report
    from tlmlp.studies.rows import read_json

    write_report(folder, quiet=json)
    if json:
        print_json(read_json(folder / "statements.json"))


@app.command()
def collect(
    folder: Folder,
    into: Annotated[Path, typer.Option(help="Results go to INTO/STUDY/TIER.")] = Path("docs/results"),
    models: Annotated[
        str | None,
        typer.Option(
            help="Numbers of frames whose models go along, like 10,40.", show_default="those that the plan keeps"
        ),
    ] = None,
) -> None:
    """Put rows, tables, figures, report and models of a study, finished or not, where others continue from (--finished)."""
    from tlmlp.studies.collect import collect as run

    try:
        sizes = None if models is None else [int(part) for part in models.split(",") if part]
    except ValueError:
        raise TlmlpError(f"--models takes numbers with commas between them, got {models!r}") from None
    run(folder, into, sizes)


@app.command(hidden=True)
def row(
    folder: Folder,
    arm: Arm,
    frames: Frames,
    draw: Draw,
    out: Annotated[Path, typer.Option(help="The row (JSON).")],
) -> None:
    """One row of a study: choose between the trainings of an arm, and take the test errors of the chosen."""
    from tlmlp.studies.rows import make_row

    make_row(folder, arm, frames, draw, out)


@app.command(hidden=True)
def model(
    folder: Folder,
    arm: Arm,
    frames: Frames,
    draw: Draw,
    out: Annotated[Path, typer.Option(help="The exported model.")],
) -> None:
    """Export the training that a row chose by forces."""
    from tlmlp.studies.rows import chosen_run
    from tlmlp.train.model.modelfile import export_run

    export_run(chosen_run(folder, arm, frames, draw), out)


@app.command(hidden=True)
def start(
    frames: Annotated[Path, typer.Argument(help="File of frames.")],
    out: Annotated[Path, typer.Option(help="The one that dynamics starts from (extxyz).")],
) -> None:
    """Choose the frame that all runs of a study start from: the hottest of those with the most atoms."""
    from tlmlp.studies.dynamics_report import write_start

    print(write_start(frames, out))
