"""Words that come from files, made fit for a terminal and for one line."""


def one_line(text: str) -> str:
    """``text`` with spaces for line breaks and tabs, and ``?`` for every other character that does not print: escape
    sequences, which steer a terminal, marks that turn the direction of writing, bytes that are no UTF-8."""
    return "".join(c if c.isprintable() or c == "\u00a0" else " " if c in "\n\r\t" else "?" for c in text)
