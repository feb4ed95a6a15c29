"""What a study would run: a table of its commands by rule, and every command in a file."""

from __future__ import annotations

import re
from pathlib import Path

from tlmlp.console import console, table
from tlmlp.files import atomic_write_text

_RULE = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):")
_COMMAND = "Shell command: "
_PROBLEM = re.compile(r"error|exception", re.IGNORECASE)


class DryRun:
    """Reads the lines of Snakemake's dry run, with its shell commands."""

    def __init__(self) -> None:
        #: Commands by rule, in the order in which they would start.
        self.commands: dict[str, list[str]] = {}
        self._rule = ""

    def line(self, text: str) -> None:
        """Take one line of Snakemake's."""
        if match := _RULE.match(text):
            self._rule = match[1]
        elif text.startswith(_COMMAND):
            command = text.removeprefix(_COMMAND).partition(" > logs/")[0]
            if command != "None":  # the rule that only gathers the others
                self.commands.setdefault(self._rule, []).append(command)
        elif _PROBLEM.search(text) and not text.startswith(" "):
            console.print(text)

    def show(self, out: Path) -> None:
        """Print one line a rule, and write all commands to ``out``/commands.txt."""
        every = [command for commands in self.commands.values() for command in commands]
        rows = [[rule, str(len(commands)), commands[0]] for rule, commands in self.commands.items()]
        table(f"{len(every)} commands would run", ["rule", "number", "the first of them"], rows, numbers=False)
        path = out / "commands.txt"
        atomic_write_text(path, "".join(f"{command}\n" for command in every))
        console.print(f"all of them, to be run in {out}: {path}")
