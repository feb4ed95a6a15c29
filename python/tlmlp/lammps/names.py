"""File names that LAMMPS' input can carry."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ascii_name(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A name of the file that LAMMPS' input can carry: its own, or a link where that has letters beyond ASCII or quotes."""
    path = Path(path).absolute()
    if re.fullmatch(r"[ -~]*", str(path)) and not set(str(path)) & set("\"'$#&%"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tlmlp-lammps-") as folder:
        link = Path(folder) / "model.pt"
        link.symlink_to(path)
        yield link
