"""JSON of files from anywhere, by the rules of csrc/core/src/json.h, so that both readers accept the same texts."""

import json
import re
from typing import Any

from tlmlp.errors import TlmlpError

#: Larger texts, or texts with more values, are refused before or while they are read.
MAX_BYTES = 4 << 20
MAX_VALUES = 250_000
MAX_DEPTH = 32

_STRING = re.compile(rb'"(?:[^"\\]|\\.?)*(?:"|\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def parse(content: bytes, name: str, max_bytes: int = MAX_BYTES, max_values: int = MAX_VALUES) -> Any:
    """The value of a JSON text: UTF-8, no key twice in one object, at most 32 brackets open, every number within the
    range of float64 and none that rounds to zero.

    :raises TlmlpError: otherwise; ``name`` is how the message calls the text
    """
    if len(content) > max_bytes:
        raise TlmlpError(f"its {name} has {len(content)} bytes, more than the {max_bytes} allowed")
    if _depth(content) > MAX_DEPTH:
        raise TlmlpError(f"its {name} is no JSON: lists nested too deeply")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_real,
            parse_int=_whole,
            parse_constant=_refuse,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair
    except (ValueError, RecursionError) as error:
        reason = f" ({error})" if isinstance(error, _Refused) else ""
        raise TlmlpError(f"its {name} is no JSON{reason}") from None
    if _count(value) > max_values:
        raise TlmlpError(f"its {name} holds more than {max_values} values")
    return value


class _Refused(ValueError):
    """What Python's own reader accepts."""


def _depth(content: bytes) -> int:
    """Most brackets open at once, strings left out."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise _Refused("a key given twice")
    return value


def _real(text: str) -> float:
    value = float(text)
    mantissa = text.lower().partition("e")[0]
    if value in (float("inf"), float("-inf")) or (value == 0.0 and mantissa.strip("-0.")):
        raise _Refused("a number out of range")
    return value


def _whole(text: str) -> int:
    if len(text) > 400:
        raise _Refused("a number out of range")
    value = int(text)
    try:
        float(value)
    except OverflowError:
        raise _Refused("a number out of range") from None
    return value


def _refuse(text: str) -> None:
    raise _Refused(text)


def _count(value: Any) -> int:
    """Values in all: lists, objects, members, elements."""
    count, open_values = 0, [value]
    while open_values:
        item = open_values.pop()
        count += 1
        if isinstance(item, dict):
            open_values.extend(item.values())
        elif isinstance(item, list):
            open_values.extend(item)
    return count
