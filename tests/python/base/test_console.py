"""Words of users and files reach the terminal as they are: nothing is taken for markup, colours or pictures."""

import io
import re
import warnings
from pathlib import Path

import pytest

import tlmlp
from tlmlp.console import Messages, console, progress, table
from tlmlp.text import counted
from tlmlp.warning_lines import plain_warnings

#: What rich would swallow, colour or replace.
WORDS = ("[x]", "[red]a[/red]", "[/b]", "data[0].extxyz", "C:\\[new]", ":smile:", "[link=x]y[/link]", "\\[x]", "c_x[2]")


@pytest.fixture
def printed(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(console, "_file", stream)
    return stream


@pytest.mark.parametrize("words", WORDS)
def test_words_come_out_as_they_are(words, printed, capsys):
    console.print(words)
    console.warn(words)
    console.note(words)
    console.marked("red", words, words)
    with progress(words, 1) as bar:
        bar.advance(1, words)
    with plain_warnings():
        warnings.warn(words, stacklevel=1)
    table(words, ["name", words], [[words, words]])
    lines = printed.getvalue().splitlines()
    assert lines[:4] == [words, f"warning: {words}", f"note: {words}", f"{words} {words}"]
    assert words in lines[4] and lines[5] == f"warning: {words}"
    assert capsys.readouterr().out.count(words) == 4


def test_words_come_out_as_they_are_on_a_terminal(printed, monkeypatch):
    """Colours are on there, and a bar in place of lines."""
    terminal = Messages()
    terminal.file, terminal._force_terminal = printed, True
    monkeypatch.setattr("tlmlp.console.console", terminal)
    with progress("reading [x]", 1) as bar:
        bar.advance(1, "[y]")
    terminal.warn("[z]")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.getvalue())
    assert "reading [x]" in plain and "[y]" in plain and "warning: [z]" in plain


def test_no_message_is_written_in_markup():
    """Messages are plain; marks go through ``warn``, ``note`` and ``marked``."""
    for path in Path(tlmlp.__file__).parent.rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\[/?(yellow|red|green|bold|dim)\]", text), path
        assert path.name == "console.py" or "from rich" not in text, path


def test_numbers_of_things():
    assert [counted(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert [counted(n, "copy", "copies") for n in (1, 3)] == ["1 copy", "3 copies"]
