"""Puts what is generated from the code in the place of ``<!-- generated: NAME -->`` in a page."""

import re

from command_line import commands
from config_keys import config_keys

PARTS = {"commands": commands, "config keys": config_keys}
_PLACE = re.compile(r"^<!-- generated: (.+) -->$", re.M)


def _fill(app, docname: str, source: list[str]) -> None:
    source[0] = _PLACE.sub(lambda place: PARTS[place[1]](), source[0])


def setup(app) -> dict[str, bool]:
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
