"""``tlmlp train``, ``transfer``, ``resume``, ``evaluate``, ``report``, ``tune`` and ``shift``."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from tlmlp.cli.as_json import STANDARD_OUTPUT, print_json
from tlmlp.cli.data import reading_options
from tlmlp.errors import TlmlpError
from tlmlp.shipped import model_path

ConfigFile = Annotated[Path, typer.Argument(help="Training config (YAML).", metavar="CONFIG.yaml", show_default=False)]
Model = Annotated[
    Path,
    typer.Argument(
        help="Run directory, exported model, or the name of a model that comes with the package, such as si-dft.",
        metavar="MODEL",
        parser=model_path,
        show_default=False,
    ),
]
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
Types = Annotated[
    str | None,
    typer.Option(
        help="Elements of files that number their kinds of atoms (LAMMPS dumps, MTP), in that order.",
        metavar="Si,Ge",
        show_default=False,
    ),
]


def _exit(finished: bool) -> None:
    if not finished:
        raise typer.Exit(130)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""

    @app.command()
    def train(
        config: ConfigFile,
        out: Out,
        overrides: Overrides = None,
        members: Annotated[
            int, typer.Option(help="Train so many models with seeds of their own, in RUN/member-0 and so on.", min=1)
        ] = 1,
    ) -> None:
        """Train a potential from scratch, on all labels that the frames have unless the config says otherwise."""
        from tlmlp.train import as_config, fit, fit_members

        if members > 1:
            results = fit_members(as_config(config, overrides or ()), out, members)
            _exit(all(result.finished for result in results))
        else:
            _exit(fit(as_config(config, overrides or ()), out).finished)

    @app.command()
    def transfer(
        arguments: Annotated[
            list[str],
            typer.Argument(
                help="Source model (run directory, exported model or name; of several the best by cross-validation), then "
                "a training config, or files of labelled frames for the recipe of their number.",
                metavar="SOURCE... CONFIG.yaml|DATA...",
                show_default=False,
            ),
        ],
        out: Out,
        element_map: Annotated[
            str,
            typer.Option(
                help="Source element to target element, for example Si:Ge; several pairs with commas; mean:Ge and "
                "random:Ge begin without a source element.",
                show_default=False,
            ),
        ],
        overrides: Overrides = None,
        folds: Annotated[
            int | None,
            typer.Option(
                help="Parts of the cross-validation, 0 for none.",
                min=0,
                show_default="3 up to 40 frames, else none",
            ),
        ] = None,
    ) -> None:
        """Carry a trained potential over to other elements and train it on: by a config, or on files of frames alone."""
        from tlmlp.train.element_transfer.few_frames import run_transfer

        _exit(run_transfer(arguments, element_map, out, overrides or (), folds))

    @app.command()
    def resume(
        run: Annotated[Path, typer.Argument(help="Run directory of a training that was stopped.", metavar="RUN")],
        device: Annotated[
            str | None, typer.Option(help="Another training.device: cpu, cuda, cuda:N.", show_default="as it was")
        ] = None,
        data: Annotated[
            list[str] | None,
            typer.Option(
                help="Files or a folder of the data that lie elsewhere now; data that moved with the run are found.",
                metavar="OLD=NEW",
                show_default=False,
            ),
        ] = None,
        overrides: Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                help="Change how the optimisation goes on, for example training.learning_rate=1e-3 or training.updates=9000.",
                metavar="A.B=C",
                show_default=False,
            ),
        ] = None,
    ) -> None:
        """Resume a training that was interrupted or killed; the result is the same as without the stop."""
        from tlmlp.train import resume as go_on

        _exit(go_on(run, device, places=data or (), changes=overrides or ()).finished)

    @app.command()
    def evaluate(
        model: Model,
        data: Annotated[list[Path], typer.Argument(help="Files of labelled frames; FILE@:10 for the first ten.")],
        json: Annotated[
            Path | None,
            typer.Option(help="File for the errors as JSON; - prints them in place of the table.", show_default=False),
        ] = None,
        figure: Annotated[
            Path | None,
            typer.Option(
                help="Parity figure (PNG), its numbers go beside it (CSV).",
                show_default="the JSON file's name with .png, else parity-DATA.png in the run or beside the model",
            ),
        ] = None,
        which: Annotated[
            Literal["best", "last"], typer.Option(help="Of a run directory: the best model or the last.")
        ] = "best",
        route: Annotated[str, typer.Option(help="ops (compiled) or plain (standard torch operators).")] = "ops",
        energy_key: Annotated[str | None, typer.Option(help="Name of the energy in the files.")] = None,
        forces_key: Annotated[str | None, typer.Option(help="Name of the forces in the files.")] = None,
        stress_key: Annotated[str | None, typer.Option(help="Name of the stress in the files.")] = None,
        no_energy: Annotated[bool, typer.Option("--no-energy", help="The files have no energies to be read.")] = False,
        no_forces: Annotated[bool, typer.Option("--no-forces", help="The same for forces.")] = False,
        no_stress: Annotated[bool, typer.Option("--no-stress", help="The same for stresses.")] = False,
        types: Types = None,
    ) -> None:
        """Errors of a model on labelled frames: table, JSON, parity figure."""
        from tlmlp.train.report.evaluated_files import evaluate_files

        keys = reading_options(energy_key, forces_key, stress_key, (no_energy, no_forces, no_stress), types)
        printed = json == STANDARD_OUTPUT
        with redirect_stdout(sys.stderr) if printed else nullcontext():
            summary = evaluate_files(
                model, data, json_file=None if printed else json, figure=figure, route=route, keys=keys, which=which
            )
        if printed:
            print_json(summary)

    @app.command()
    def report(
        run: Annotated[Path, typer.Argument(help="Run directory.", metavar="RUN")],
        data: Annotated[
            list[Path] | None,
            typer.Argument(help="Files to compare with, for example the test set.", show_default="validation frames"),
        ] = None,
        out: Annotated[Path | None, typer.Option(help="The page.", show_default="RUN/report.html")] = None,
    ) -> None:
        """One HTML page about a training: errors, curves, parity, groups, temperatures, origin, config."""
        from tlmlp.train.report.run_page import report_run

        report_run(run, data or (), out)

    @app.command()
    def tune(
        config: ConfigFile,
        trials: Annotated[int, typer.Option(help="Trials in all, those of other processes included.", min=1)],
        storage: Annotated[
            Path, typer.Option(help="Journal file; calls that share it work on one search.", metavar="FILE")
        ],
        out: Annotated[Path | None, typer.Option(help="Directory of the trials.", show_default="beside FILE")] = None,
        source: Annotated[
            Path | None,
            typer.Option(
                help="Search the settings of a transfer from this model.",
                metavar="MODEL",
                parser=model_path,
                show_default=False,
            ),
        ] = None,
        element_map: Annotated[
            str | None, typer.Option(help="Of that transfer, for example Si:Ge.", show_default=False)
        ] = None,
        overrides: Overrides = None,
    ) -> None:
        """Search for settings that lower the validation loss; repeat the command to continue or to work in parallel."""
        from tlmlp.train import as_config
        from tlmlp.train.tune import tune as search

        out = out or storage.with_name(f"{storage.stem}-trials")
        search(as_config(config, overrides or ()), trials, storage, out, source=source, element_map=element_map)

    @app.command()
    def shift(
        model: Model,
        out: Annotated[Path, typer.Option(help="The exported model to write.", metavar="NEW.pt", show_default=False)],
        data: Annotated[list[Path] | None, typer.Argument(help="Files of frames with energies.")] = None,
        mode: Annotated[str, typer.Option(help="least-squares (over the species), mean, isolated or none.")] = (
            "least-squares"
        ),
        isolated: Annotated[
            list[str] | None,
            typer.Option(help="Energy of an isolated atom in eV, for the mode isolated.", metavar="Si=-0.8"),
        ] = None,
        energy_key: Annotated[str | None, typer.Option(help="Name of the energy in the files.")] = None,
        types: Types = None,
    ) -> None:
        """Fit the energy shift of a model to other data."""
        from tlmlp.train.evaluation.refit_shift import shift_model

        energies = None if isolated is None else dict(_element_energy(text) for text in isolated)
        shift_model(
            model,
            data or [],
            out,
            mode=mode,
            isolated=energies,
            keys=reading_options(energy_key, None, None, (False, True, True), types),
        )


def _element_energy(text: str) -> tuple[str, float]:
    symbol, _, number = text.partition("=")
    try:
        return symbol, float(number)
    except ValueError:
        raise TlmlpError(f"--isolated expects ELEMENT=ENERGY, for example Si=-0.8, got {text!r}") from None
