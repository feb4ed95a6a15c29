"""``tlmlp md``: molecular dynamics with an exported model in any of the engines."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tlmlp.cli.as_json import Json, print_json
from tlmlp.shipped import model_path
from tlmlp.text import counted


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def md(
        ctx: typer.Context,
        model: Annotated[Path | None, typer.Argument(help="File of `tlmlp export`, or a name such as si-dft.")] = None,
        structure: Annotated[Path | None, typer.Argument(help="Anything ASE reads; the last frame counts.")] = None,
        engine: Annotated[str, typer.Option(help="lammps, openmm or ase.")] = "lammps",
        ensemble: Annotated[str, typer.Option(help="nve, nvt or npt (isotropic).")] = "nve",
        temperature: Annotated[float, typer.Option(help="K, of the thermostat and of new velocities.")] = 300.0,
        pressure: Annotated[float, typer.Option(help="GPa.")] = 0.0,
        timestep: Annotated[float, typer.Option(help="fs.")] = 1.0,
        steps: Annotated[int | None, typer.Option(help="Number of time steps in all.")] = None,
        ps: Annotated[float | None, typer.Option(help="Length in ps, instead of --steps.")] = None,
        seed: Annotated[int, typer.Option(help="Of velocities and thermostat.")] = 0,
        velocities: Annotated[str, typer.Option(help="new, or keep those of the structure.")] = "new",
        repeat: Annotated[tuple[int, int, int], typer.Option(help="Copies along the lattice vectors.")] = (1, 1, 1),
        thermostat_time: Annotated[float, typer.Option(help="fs; inverse friction of the thermostat.")] = 100.0,
        barostat_time: Annotated[float, typer.Option(help="fs.")] = 1000.0,
        thermo_every: Annotated[int, typer.Option(help="Steps between rows of thermo.csv.")] = 10,
        trajectory_every: Annotated[int, typer.Option(help="Steps between frames of trajectory.extxyz.")] = 100,
        checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 1000,
        precision: Annotated[str, typer.Option(help="single or double, of the network.")] = "single",
        threads: Annotated[int, typer.Option(help="Threads of the model.")] = 1,
        platform: Annotated[str, typer.Option(help="Of OpenMM: CPU, Reference, ...")] = "CPU",
        stop_below: Annotated[
            float | None,
            typer.Option(help="Å: end the run, with status 1, when a pair comes closer.", show_default=False),
        ] = None,
        out: Annotated[Path | None, typer.Option(help="Folder for the results; must not hold a run.")] = None,
        resume: Annotated[
            Path | None, typer.Option(help="Go on with the run in this folder; takes --steps or --ps alone.")
        ] = None,
        json: Json = False,
    ) -> None:
        """Run molecular dynamics; trajectory, thermo.csv, figure and settings go to one folder."""
        from tlmlp.errors import TlmlpError
        from tlmlp.md.run import resume_md, run_md
        from tlmlp.md.settings import make_settings
        from tlmlp.times import number_of_steps

        if steps is not None and ps is not None:
            raise TlmlpError("give --steps or --ps, not both")
        given = _given(ctx)
        if resume is not None:
            refused = given - {"resume", "steps", "ps", "json"}
            if refused:
                raise TlmlpError(
                    f"--resume takes the model and all settings from the folder, and --steps or --ps alone: leave out "
                    f"{_listed(refused)}"
                )
            _show(resume, resume_md(resume, steps, ps), json)
            return
        if model is None or structure is None or out is None:
            raise TlmlpError("expected MODEL STRUCTURE --out FOLDER, or --resume FOLDER")
        unused = {name for name in given if not _used(name, engine, ensemble, velocities)}
        if unused:
            raise TlmlpError(f"{ensemble} with {engine} has no use for {_listed(unused)}: leave it out")
        settings = make_settings(
            model=model_path(model).absolute(),
            structure=structure.absolute(),
            engine=engine,
            ensemble=ensemble,
            temperature=temperature,
            pressure=pressure,
            timestep=timestep,
            steps=number_of_steps(ps, timestep) if ps is not None else 1000 if steps is None else steps,
            seed=seed,
            velocities=velocities,
            repeat=repeat,
            thermostat_time=thermostat_time,
            barostat_time=barostat_time,
            thermo_every=thermo_every,
            trajectory_every=trajectory_every,
            checkpoint_every=checkpoint_every,
            precision=precision,
            threads=threads,
            platform=platform,
            stop_below=stop_below,
        )
        _show(out, run_md(settings, out), json)


def _given(ctx: typer.Context) -> set[str]:
    """Names of the parameters that the command line gives."""
    return {
        name
        for name in ctx.params
        if (source := ctx.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }


def _listed(names: set[str]) -> str:
    arguments = {"model": "MODEL", "structure": "STRUCTURE"}
    return ", ".join(sorted(arguments.get(name, "--" + name.replace("_", "-")) for name in names))


def _used(name: str, engine: str, ensemble: str, velocities: str) -> bool:
    """Whether a run of this kind looks at the option; what it would ignore is refused."""
    if name == "platform":
        return engine == "openmm"
    if name == "pressure":
        return ensemble == "npt"
    if name == "barostat_time":
        return ensemble == "npt" and engine != "openmm"
    if name == "thermostat_time":
        return ensemble != "nve"
    if name in ("temperature", "seed"):
        return ensemble != "nve" or velocities == "new"
    return True


def _show(out: Path, record: dict[str, Any], json: bool) -> None:
    from tlmlp.console import console, table

    steps, seconds = record["steps_done"], max(record["seconds"], 1e-9)
    if json:
        print_json(record)
    else:
        rows = [[name.replace("_", " "), f"{value:.6g}"] for name, value in record["summary"].items()]
        table(
            f"{record['engine']}, {counted(record['atoms'], 'atom')}",
            ["quantity (means over the second half)", "value"],
            rows,
        )
    console.print(f"{counted(steps, 'step')} in {seconds:.1f} s ({steps / seconds:.0f} steps/s); results in {out}")
    if "stopped" in record:
        console.marked("yellow", f"{record['stopped']};", f"`tlmlp md --resume {out}` would go on from there")
        raise typer.Exit(1)
