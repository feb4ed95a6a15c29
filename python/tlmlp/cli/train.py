"""``tlmlp train``, ``transfer``, ``resume`` and ``evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(help="Training config (YAML).", metavar="CONFIG.yaml", show_default=False)]
Out = Annotated[
    Path,
    typer.Option(
        help="Run directory; an unfinished training of the same config there goes on.",
        metavar="RUN",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change an entry of the config, for example training.updates=500; may be given several times.",
        metavar="A.B=C",
        show_default=False,
    ),
]


def _exit(finished: bool) -> None:
    if not finished:
        raise typer.Exit(130)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""

    @app.command()
    def train(config: ConfigFile, out: Out, overrides: Overrides = None) -> None:
        """Train a potential on forces, from scratch."""
        from tlmlp.train import as_config, fit

        _exit(fit(as_config(config, overrides or ()), out).finished)

    @app.command()
    def transfer(
        source: Annotated[Path, typer.Argument(help="Run directory or exported model to start from.")],
        config: ConfigFile,
        out: Out,
        element_map: Annotated[
            str,
            typer.Option(
                help="Source element to target element, for example Si:Ge; several pairs with commas.",
                show_default=False,
            ),
        ],
        overrides: Overrides = None,
    ) -> None:
        """Carry a trained potential over to other elements and train it on."""
        from tlmlp.train import as_config
        from tlmlp.train import transfer as run

        _exit(run(source, as_config(config, overrides or ()), element_map, out).finished)

    @app.command()
    def resume(
        run: Annotated[Path, typer.Argument(help="Run directory of a training that was stopped.", metavar="RUN")],
    ) -> None:
        """Go on with a training that was interrupted or killed; the result is the same as without the stop."""
        from tlmlp.train import resume as go_on

        _exit(go_on(run).finished)

    @app.command()
    def evaluate(
        model: Annotated[Path, typer.Argument(help="Run directory or exported model.")],
        data: Annotated[list[Path], typer.Argument(help="Files of labelled frames; FILE@:10 for the first ten.")],
        json: Annotated[Path | None, typer.Option(help="Write the errors as JSON.", show_default=False)] = None,
        figure: Annotated[
            Path | None,
            typer.Option(
                help="Parity figure (PNG), its numbers go beside it (CSV).",
                show_default="the JSON file's name with .png, else parity-DATA.png in the run directory",
            ),
        ] = None,
        route: Annotated[str, typer.Option(help="ops (compiled) or plain (standard torch operators).")] = "ops",
        energy_key: Annotated[str | None, typer.Option(help="Name of the energy in the files.")] = None,
        forces_key: Annotated[str | None, typer.Option(help="Name of the forces in the files.")] = None,
        stress_key: Annotated[str | None, typer.Option(help="Name of the stress in the files.")] = None,
    ) -> None:
        """Errors of a model on labelled frames: table, JSON, parity figure."""
        from tlmlp.train.report import evaluate_files

        keys = {"energy_key": energy_key, "forces_key": forces_key, "stress_key": stress_key}
        evaluate_files(model, data, json_file=json, figure=figure, route=route, keys=keys)
