"""YAML and words from anywhere."""

import pytest

from tlmlp.errors import TlmlpError
from tlmlp.plain_yaml import check_extent, load_yaml
from tlmlp.text import one_line

LAUGHS = "a0: &a0 [x, x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))

REFUSED = {
    "a list in itself": ("a: &a [*a]", "containing itself"),
    "a mapping in itself": ("&a {b: *a}", "containing itself"),
    "5,000 brackets": ("a: " + "[" * 5000 + "]" * 5000, "nested more than 50 deep"),
    "60 brackets": ("a: " + "[" * 60 + "]" * 60, "nested more than 50 deep"),
    "billion laughs": (LAUGHS, "more than 100000 values"),
    "a key twice": ("training:\n  updates: 1\n  updates: 2\n", "`updates` is given twice (line 3)"),
    "two megabytes": ("a: " + "x" * 2_000_000, "more than the 1048576 allowed"),
    "a tag of Python": ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
    "no such day": ("a: 2026-99-99", "not valid YAML"),
    "an escape sequence": ("a: \x1b[31m", "not valid YAML"),
    "open quotes": ('a: "', "not valid YAML"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    text, words = REFUSED[case]
    with pytest.raises(TlmlpError) as caught:
        load_yaml(text, "config.yaml")
    message = str(caught.value)
    assert words in message and message.startswith("config.yaml: ") and message == one_line(message)


def test_aliases_and_merges_that_end_are_read():
    text = "base: &base {a: 1, b: [2, 3]}\nmore: {<<: *base, c: 4}\nsame: *base\n"
    assert load_yaml(text, "x")["more"] == {"a": 1, "b": [2, 3], "c": 4}
    check_extent({"a": [1, (2, 3)]}, "x")


def test_words_for_a_terminal():
    said = TlmlpError("a\x1b[31mb\x07\u202ec\x9b1m d\udce9\ne\tÅ é 日本 ½")
    assert str(said) == "a?[31mb??c?1m d? e Å é 日本 ½"
