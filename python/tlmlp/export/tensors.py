"""The parameters in a safetensors file, by the rules of csrc/core/src/safetensors.cpp."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export import strict_json

MAX_TABLE_BYTES = 16 << 20
_DTYPES: dict[str, tuple[str, np.dtype[Any]]] = {
    "float32": ("F32", np.dtype("<f4")),
    "float64": ("F64", np.dtype("<f8")),
}


def read_tensors(content: bytes, expected: Mapping[str, tuple[int, ...]], dtype: str) -> dict[str, np.ndarray]:
    """The arrays of the names and shapes ``expected``; nothing is read of a file that holds others, or whose tensors
    overlap or leave gaps.

    :param dtype: "float32" or "float64", of all of them
    :raises TlmlpError: otherwise, and on NaN and infinity
    """
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise TlmlpError(f"its weights are no safetensors file, or cut short: {len(content)} bytes")
    table = strict_json.parse(
        content[8 : 8 + size], "table of weights", MAX_TABLE_BYTES, max_values=16 * len(expected) + 1000
    )
    if not isinstance(table, dict):
        raise TlmlpError("its table of weights is no object")
    metadata = table.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise TlmlpError("the metadata of its weights are not words")
    for name in sorted(set(expected) | set(table)):
        if name not in table:
            raise TlmlpError(f"its weights lack {name}")
        if name not in expected:
            raise TlmlpError(f"its weights have the unknown entry {name[:60]!r}")
    data = memoryview(content)[8 + size :]
    slices = {name: _place(name, table[name], expected[name], dtype, len(data)) for name in expected}
    at = 0
    for name, (begin, end) in sorted(slices.items(), key=lambda item: item[1]):
        if begin != at:
            raise TlmlpError(f"its weights overlap or leave a gap: {name} begins at byte {begin}, not at {at}")
        at = end
    if at != len(data):
        raise TlmlpError(f"its weights hold {len(data) - at} bytes that belong to none of them")
    arrays = {}
    for name, (begin, end) in slices.items():
        array = np.frombuffer(data[begin:end], dtype=_DTYPES[dtype][1]).reshape(expected[name])
        if not np.isfinite(array).all():
            raise TlmlpError(f"{name} holds NaN or infinity")
        arrays[name] = array
    return arrays


def _place(name: str, entry: Any, shape: tuple[int, ...], dtype: str, size: int) -> tuple[int, int]:
    """Begin and end of a tensor in the data, its description compared with what is expected."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise TlmlpError(f"{name} lacks dtype, shape or data_offsets")
    got, offsets = entry["shape"], entry["data_offsets"]
    if not _whole_numbers(got) or tuple(got) != tuple(shape):
        raise TlmlpError(f"{name} has the shape {str(got)[:60]}, the sizes ask for {shape}")
    if entry["dtype"] != _DTYPES[dtype][0]:
        raise TlmlpError(f"{name} is {str(entry['dtype'])[:60]}, the description says {dtype}")
    if not _whole_numbers(offsets) or len(offsets) != 2 or not 0 <= offsets[0] <= offsets[1] <= size:
        raise TlmlpError(f"{name} has the offsets {str(offsets)[:60]} among {size} bytes")
    needed = prod(shape) * _DTYPES[dtype][1].itemsize
    if offsets[1] - offsets[0] != needed:
        raise TlmlpError(f"{name} takes {offsets[1] - offsets[0]} bytes, its shape needs {needed}")
    return offsets[0], offsets[1]


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int for number in value)
