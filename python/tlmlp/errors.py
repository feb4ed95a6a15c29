"""The one exception that means "your input is wrong", as opposed to a defect of the package."""


class TlmlpError(Exception):
    """Bad input or environment: one line saying what was expected, what came, and what to do.

    The command line prints it as ``error: ...`` and exits with status 2.
    """
