"""``tlmlp doctor``: what is installed, what works, and what to do about the rest."""

import typer

from tlmlp.cli.as_json import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def doctor(json: Json = False) -> None:
        """Check the installation, and say which line mends or installs what is missing.

        A part is "ok", "absent" (optional and not installed) or "broken". Status 1 when a part is broken.
        """
        from tlmlp.console import table
        from tlmlp.doctor import checks

        results = checks()
        if json:
            rows = [{"part": part, "state": state, "details": details} for part, state, details in results]
            print_json(rows)
        else:
            table("tlmlp doctor", ["part", "state", "details"], results, numbers=False)
        raise typer.Exit(any(state == "broken" for _, state, _ in results))
