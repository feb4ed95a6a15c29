"""The page of the command line, from the commands themselves."""

import re
from collections.abc import Iterator

import typer

from tlmlp.cli.main import app


def commands() -> str:
    """A section of Markdown for every command: usage, what it does, its arguments and options."""
    return "\n".join(_sections(typer.main.get_command(app), "tlmlp"))


def _sections(command, name: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        if name != "tlmlp":
            yield f"### {name}\n\n{command.help or ''}\n"
        for sub in sorted(command.commands):
            yield from _sections(command.commands[sub], f"{name} {sub}")
        return
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### {name}\n\n```text\n{name} {usage}\n```\n\n{_text(command.help)}\n"
    rows = [row for parameter in command.params if (row := _row(parameter, context)) is not None]
    if rows:
        yield "| argument or option | meaning |\n|---|---|"
        yield from rows
        yield ""


def _row(parameter, context) -> str | None:
    record = None if parameter.name == "help" else parameter.get_help_record(context)
    if record is None:
        return None
    name, meaning = (" ".join(part.split()) for part in record)
    name = re.sub(r"<(?:list\[)?(\w+)\]?>", lambda found: f"<{found[1].lower()}>", name)  # of Python's types
    return f"| `{_cell(name)}` | {_cell(_text(meaning))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str | None) -> str:
    """Help as Markdown: nothing in it is markup but backticks."""
    pieces = (text or "").replace("``", "`").split("`")
    for n in range(0, len(pieces), 2):
        for character in "*_[]<>":
            pieces[n] = pieces[n].replace(character, "\\" + character)
    return "`".join(pieces)
