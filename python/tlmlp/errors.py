"""The one exception that means "your input is wrong", as opposed to a defect of the package."""

from tlmlp.text import one_line


class TlmlpError(Exception):
    """Bad input or environment: one line saying what was expected, what came, and what to do.

    The command line prints it as ``error: ...`` and exits with status 2. Messages quote files from anywhere, so whatever
    does not print is replaced.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(str(message)))
