"""Warnings of Python as a user of the command line sees them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Python's warnings as one line each, without the place in the code that means nothing to a user."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        from tlmlp.console import console  # slow to import, and most commands warn of nothing

        console.warn(" ".join(str(message).split()))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
