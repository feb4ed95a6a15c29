"""Reading exported models: the description and the parameters inside the archive, without running code from it.

An exported model is a zip archive whose entries ``STEM/extra/tlmlp.json`` and ``STEM/extra/weights.safetensors`` are
stored uncompressed; STEM is whatever name the archive had when it was written. Files may come from anywhere: every
size, checksum, shape and key is checked, and each failure is one line.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export.header import check_header, expected_shapes
from tlmlp.files import sha256_bytes
from tlmlp.shipped import model_path

HEADER = "tlmlp.json"
WEIGHTS = "weights.safetensors"
#: Larger entries are refused before they are read.
MAX_HEADER_BYTES = 64 << 20
MAX_WEIGHTS_BYTES = 2 << 30


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """The checked ``tlmlp.json`` of an exported model.

    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    return _read(Path(path), weights=False)[0]


def read_model_file(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The checked description and the parameters by name, as float32 or float64 arrays.

    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    header, weights = _read(Path(path), weights=True)
    return header, weights


def _read(path: Path, weights: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    path = model_path(path)
    try:
        with open(path, "rb") as stream:
            if not stream.read(1):
                raise TlmlpError("it is empty")
        with zipfile.ZipFile(path) as archive:
            header = check_header(_parse(_entry(archive, HEADER, MAX_HEADER_BYTES)))
            arrays = _weights(_entry(archive, WEIGHTS, MAX_WEIGHTS_BYTES), header) if weights else {}
    except TlmlpError as error:
        raise TlmlpError(f"cannot use the model file {path}: {error}") from None
    except FileNotFoundError:
        raise TlmlpError(f"the model file {path} does not exist") from None
    except OSError as error:
        raise TlmlpError(f"the model file {path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # zipfile reports damage by a dozen kinds of exception
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlmlpError(
            f"cannot use the model file {path}: it is no model, or damaged or cut short ({reason})"
        ) from None
    return header, arrays


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    found = [entry for entry in archive.infolist() if entry.filename.endswith(f"/extra/{name}")]
    if not found:
        raise TlmlpError("it was not written by `tlmlp export`")
    if len(found) > 1:
        raise TlmlpError(f"it holds {name} more than once")
    entry = found[0]
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise TlmlpError(f"its {name} is compressed")
    if entry.file_size > limit:
        raise TlmlpError(f"its {name} has {entry.file_size} bytes, more than the {limit} allowed")
    return archive.read(entry)  # compares the checksum


def _parse(content: bytes) -> object:
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise TlmlpError(f"its {HEADER} is no JSON") from None


def _weights(content: bytes, header: dict[str, Any]) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if sha256_bytes(content) != header["weights"]["sha256"]:
        raise TlmlpError(f"it is damaged: the checksum of {WEIGHTS} does not match")
    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise TlmlpError(f"its {WEIGHTS} cannot be read: {error}") from None
    expected = expected_shapes(header["model"])
    for name in sorted(set(expected) | set(arrays)):
        if name not in arrays:
            raise TlmlpError(f"its {WEIGHTS} lacks {name}")
        if name not in expected:
            raise TlmlpError(f"its {WEIGHTS} has the unknown entry {name}")
        if arrays[name].shape != expected[name]:
            raise TlmlpError(f"{name} has the shape {arrays[name].shape}, the sizes ask for {expected[name]}")
        if str(arrays[name].dtype) != header["dtype"]:
            raise TlmlpError(f"{name} is {arrays[name].dtype}, {HEADER} says {header['dtype']}")
        if not np.isfinite(arrays[name]).all():
            raise TlmlpError(f"{name} holds NaN or infinity")
    count = sum(array.size for array in arrays.values())
    if count != header["weights"]["parameters"]:
        raise TlmlpError(f"it has {count} parameters, {HEADER} says {header['weights']['parameters']}")
    return arrays
