"""``tlmlp schema``: the JSON schemas of what people and programs write."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command()
    def schema(
        of: Annotated[
            Literal["config", "model-file"],
            typer.Argument(help="The training config, or the description in a model file (tlmlp.json)."),
        ] = "config",
        out: Annotated[Path | None, typer.Option(help="File to write instead of the standard output.")] = None,
    ) -> None:
        """Print a JSON schema.

        With that of the config an editor completes keys, explains them and marks mistakes while one types.
        """
        from tlmlp.files import atomic_write_text

        if of == "config":
            from tlmlp.train.config import config_schema as describe
        else:
            from tlmlp.export.header import json_schema as describe
        text = json.dumps(describe(), indent=1, ensure_ascii=False) + "\n"
        if out is None:
            print(text, end="")
        else:
            atomic_write_text(out, text)
