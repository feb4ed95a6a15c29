"""``tlmlp study``: comparisons of many trainings, resumable, with figure and table."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tlmlp.cli.train import ConfigFile
from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path

app = typer.Typer(help="Studies of many trainings: figure, table, and every command in a log.", no_args_is_help=True)


@app.callback()
def _studies() -> None:
    """Keeps `transfer` a command of its own."""


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
    out: Annotated[Path, typer.Option(help="Folder for everything that is made; an earlier study goes on.")],
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
