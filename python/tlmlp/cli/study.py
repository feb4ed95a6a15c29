"""``tlmlp study``: comparisons of many trainings, resumable, with figure and table."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tlmlp.cli.train import ConfigFile
from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path

app = typer.Typer(help="Studies of many trainings: figure, table, and every command in a log.", no_args_is_help=True)


Out = Annotated[Path, typer.Option(help="Folder for everything that is made; an earlier study goes on.")]


def _paper_study(name: str, figure: str) -> None:
    """Add the command of one study of the paper."""

    @app.command(name, help=f"{figure} of arXiv:2502.13522, by Snakemake; repeat the command to go on.")
    def run(
        tier: Annotated[str, typer.Option(help="smoke (minutes), small (hours) or paper (the paper's sizes).")],
        out: Out,
        pair: Annotated[str, typer.Option(help="Source and target element.")] = "Si:Ge",
        source_data: Annotated[
            Path | None, typer.Option(help="Folder with train.extxyz, val.extxyz and test.extxyz of the source.")
        ] = None,
        target_data: Annotated[
            Path | None, typer.Option(help="Folder with pool.extxyz or train.extxyz, and test.extxyz of the target.")
        ] = None,
        source_model: Annotated[
            str | None,
            typer.Option(help="Model to transfer from: run directory, exported model, or name.", metavar="MODEL"),
        ] = None,
        truth: Annotated[
            Path | None, typer.Option(help="LAMMPS .sw file that made the labels of --target-data.")
        ] = None,
        jobs: Annotated[int, typer.Option(help="Commands side by side, one thread each.", min=1)] = 1,
        profile: Annotated[
            Path | None, typer.Option(help="Snakemake profile (folder), for example of a cluster's queue.")
        ] = None,
        finished: Annotated[
            Path | None,
            typer.Option(help="Results of the same study: a folder with `rows`, such as docs/results/STUDY/TIER."),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would run.")] = False,
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
        )
        run_study(plan, out, jobs=jobs, profile=profile, dry_run=dry_run, finished=finished)


for _name, _figure in {
    "sw-data-efficiency": "Learning curves on Stillinger-Weber data, Fig. 2",
    "sw-phonons": "Phonons of few-frame models beside the truth, Fig. 3",
    "sw-temperature": "Errors at temperatures that were not trained on, Fig. 4",
    "dft-data-efficiency": "Learning curves on DFT data, Fig. 5",
    "dft-structure": "Distribution functions of the liquid, Fig. 6",
    "dft-stability": "How many runs of few-frame models survive, Table 1",
}.items():
    _paper_study(_name, _figure)


@app.command(hidden=True)
def row(
    folder: Annotated[Path, typer.Argument(help="Folder of the study.")],
    arm: Annotated[str, typer.Option(help="Name of the arm.")],
    frames: Annotated[int, typer.Option(help="Number of training frames.")],
    draw: Annotated[int, typer.Option(help="Number of the draw.")],
    out: Annotated[Path, typer.Option(help="The row (JSON).")],
) -> None:
    """One row of a learning curve: choose between the trainings of an arm, and take the test errors of the chosen."""
    from tlmlp.studies.rows import make_row

    make_row(folder, arm, frames, draw, out)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Write the report of a study anew from the rows that are there."""
    from tlmlp.studies.reports import write_report

    write_report(folder)


@app.command(hidden=True)
def model(
    folder: Annotated[Path, typer.Argument(help="Folder of the study.")],
    arm: Annotated[str, typer.Option(help="Name of the arm.")],
    frames: Annotated[int, typer.Option(help="Number of training frames.")],
    draw: Annotated[int, typer.Option(help="Number of the draw.")],
    out: Annotated[Path, typer.Option(help="The exported model.")],
) -> None:
    """Export the training that a row chose by forces."""
    from tlmlp.studies.rows import export_chosen

    export_chosen(folder, arm, frames, draw, out)


@app.command(hidden=True)
def start(
    frames: Annotated[Path, typer.Argument(help="File of frames.")],
    out: Annotated[Path, typer.Option(help="The one that dynamics starts from (extxyz).")],
) -> None:
    """Choose the frame that all runs of a study start from: the hottest of those with the most atoms."""
    from tlmlp.studies.dynamics_report import write_start

    print(write_start(frames, out))


def _numbers(text: str, kind: type, name: str) -> tuple:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise TlmlpError(f"--{name} takes numbers with commas between them, got {text!r}") from None


def _variants(texts: list[str]) -> dict[str, tuple[str, ...]]:
    variants = {}
    for text in texts:
        try:
            name, *settings = shlex.split(text)
        except ValueError:
            raise TlmlpError(f"--variant takes a name and settings transfer.KEY=VALUE, got {text!r}") from None
        if name in variants:
            raise TlmlpError(f"--variant {name} was given twice")
        variants[name] = tuple(settings)
    return variants


@app.command()
def transfer(
    config: ConfigFile,
    source: Annotated[
        Path,
        typer.Option(
            help="Run directory, exported model, or a name such as si-dft.", parser=model_path, metavar="MODEL"
        ),
    ],
    element_map: Annotated[str, typer.Option(help="Source element to target element, for example Si:Ge.")],
    test: Annotated[list[Path], typer.Option(help="File of labelled frames to evaluate on; may be given again.")],
    out: Out,
    sizes: Annotated[str, typer.Option(help="Numbers of training frames.")] = "10",
    splits: Annotated[int, typer.Option(help="Draws of the training frames, with seeds 0, 1, ...", min=1)] = 5,
    rates: Annotated[str, typer.Option(help="Learning rates that each training chooses from.")] = "4e-3,1e-3",
    variant: Annotated[
        list[str],
        typer.Option(
            help="A further arm, a transfer with other settings: its name, then settings, for example "
            '"pulled transfer.l2_sp=0.01"; may be given again.',
            metavar="TEXT",
        ),
    ] = [],  # noqa: B006
    jobs: Annotated[int, typer.Option(help="Trainings side by side, one thread each.", min=1)] = 1,
) -> None:
    """Few frames from scratch and by transfer: the same frames, updates and choice of rates, several splits."""
    from tlmlp.studies.transfer import TransferStudy, run_transfer_study

    study = TransferStudy(
        config,
        source,
        element_map,
        tuple(test),
        _numbers(sizes, int, "sizes"),
        splits,
        _numbers(rates, float, "rates"),
        _variants(variant),
    )
    run_transfer_study(study, out, jobs)
