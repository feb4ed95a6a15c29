"""``tlmlp data``: fetch, generate, split and check training data."""

import typer

app = typer.Typer(help="Fetch, generate, split and check training data.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Fetch, generate, split and check training data."""
