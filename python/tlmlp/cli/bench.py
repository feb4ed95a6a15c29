"""``tlmlp bench``: speed of this machine on standard systems, one JSON object per measurement."""

from typing import Annotated, Any

import typer

from tlmlp.cli.as_json import Json, print_json

Atoms = Annotated[int, typer.Option(help="Atoms of bulk silicon (64, 216, 512, ...: 8 n^3).")]
Threads = Annotated[int, typer.Option(help="Threads; 1 unless given.", min=1)]
Dtype = Annotated[str, typer.Option(help="float32 or float64.")]
Repeats = Annotated[int, typer.Option(help="Timed calls; the median is reported.", min=1)]
Model = Annotated[
    str | None,
    typer.Option(help="A model file or the name of a shipped one; si-dft with its cutoff scaled to 5 Å unless given."),
]


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    from tlmlp.console import table

    table(
        f"tlmlp bench {result['benchmark']}",
        ["quantity", "value"],
        [[key, value] for key, value in result.items() if key != "versions"]
        + [[f"version of {name}", value] for name, value in result["versions"].items()],
    )


def register(app: typer.Typer) -> None:
    """Add the command group to ``app``."""
    group = typer.Typer(help="Measure the speed of this machine.", no_args_is_help=True)
    app.add_typer(group, name="bench")

    @group.command()
    def model(
        atoms: Atoms = 512,
        threads: Threads = 1,
        dtype: Dtype = "float32",
        repeats: Repeats = 15,
        model: Model = None,
        json: Json = False,
    ) -> None:
        """Energy and forces through TorchScript."""
        from tlmlp.bench.model import bench_model

        _show(bench_model(atoms, threads, dtype, repeats, model), json)

    @group.command()
    def train(
        atoms: Atoms = 64,
        batch: Annotated[int, typer.Option(help="Structures in a batch.", min=1)] = 8,
        threads: Threads = 1,
        dtype: Dtype = "float32",
        repeats: Repeats = 15,
        json: Json = False,
    ) -> None:
        """One force-matching step: forces, loss gradient, Adam."""
        from tlmlp.bench.train import bench_train

        _show(bench_train(atoms, batch, threads, dtype, repeats), json)

    @group.command()
    def lammps(
        atoms: Atoms = 512,
        ranks: Annotated[int, typer.Option(help="MPI ranks.", min=1)] = 1,
        threads: Annotated[int, typer.Option(help="OpenMP threads of each rank.", min=1)] = 1,
        dtype: Dtype = "float32",
        steps: Annotated[int, typer.Option(help="Timed steps; the mean is reported.", min=1)] = 10,
        model: Model = None,
        json: Json = False,
    ) -> None:
        """Steps of LAMMPS on one or several MPI ranks, and what they exchange."""
        from tlmlp.bench.lammps import bench_lammps

        _show(bench_lammps(atoms, ranks, threads, dtype, steps, model), json)

    @group.command()
    def engine(
        atoms: Atoms = 512,
        threads: Threads = 1,
        dtype: Dtype = "float32",
        repeats: Repeats = 15,
        model: Model = None,
        json: Json = False,
    ) -> None:
        """Energy and forces through the C++ engine, its rate against the machine's peak, and its memory."""
        from tlmlp.bench.engine import bench_engine

        _show(bench_engine(atoms, threads, dtype, repeats, model), json)

    @group.command()
    def openmm(
        atoms: Atoms = 64,
        threads: Threads = 1,
        platform: Annotated[str, typer.Option(help="Platform of OpenMM.")] = "CPU",
        steps: Annotated[int, typer.Option(help="Timed steps of each force.", min=20)] = 400,
        json: Json = False,
    ) -> None:
        """What OpenMM adds to a time step beside the model itself, for each of the forces that work here."""
        from tlmlp.bench.openmm import bench_openmm

        _show(bench_openmm(atoms, threads, platform, steps), json)
