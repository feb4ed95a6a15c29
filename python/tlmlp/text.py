"""Words that come from files, made fit for a terminal and for one line."""


def one_line(text: str) -> str:
    """``text`` with spaces for line breaks and tabs, and ``?`` for every other character that does not print: escape
    sequences, which steer a terminal, marks that turn the direction of writing, bytes that are no UTF-8."""
    return "".join(c if c.isprintable() or c == "\u00a0" else " " if c in "\n\r\t" else "?" for c in text)


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """``n`` and the noun in its form: 1 frame, 2 frames, 0 copies (``counted(0, "copy", "copies")``)."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def are(n: int) -> str:
    """ "is" or "are"."""
    return "is" if n == 1 else "are"


def have(n: int) -> str:
    """ "has" or "have"."""
    return "has" if n == 1 else "have"
