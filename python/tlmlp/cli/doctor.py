"""``tlmlp doctor``: what is installed, what works, and what to do about the rest."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def doctor() -> None:
        """Check the installation; exit status 1 when something that is installed does not work."""
        from tlmlp.console import table
        from tlmlp.doctor import checks

        results = checks()
        table("tlmlp doctor", ["part", "state", "details"], results)
        raise typer.Exit(any(state == "broken" for _, state, _ in results))
