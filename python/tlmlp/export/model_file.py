"""Reading exported models: the description and the parameters inside the archive, without running code from it.

An exported model is a zip archive whose entries ``STEM/extra/tlmlp.json`` and ``STEM/extra/weights.safetensors`` are
stored uncompressed; STEM is whatever name the archive had when it was written. Files may come from anywhere: every
size, checksum, shape and key is checked, and each failure is one line. The engine's reader (csrc/core/src/model_file.cpp)
has the same rules, so that no file is one model here and another, or none, there.
"""

import io
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tlmlp.errors import TlmlpError
from tlmlp.export import strict_json
from tlmlp.export.archive import stored_entry
from tlmlp.export.header import check_header
from tlmlp.export.tensors import read_tensors
from tlmlp.files import sha256_bytes
from tlmlp.network import MAX_FREQUENCY, parameter_shapes
from tlmlp.shipped import model_path

HEADER = "tlmlp.json"
WEIGHTS = "weights.safetensors"
#: Larger files are refused before they are read.
MAX_FILE_BYTES = 4 << 30


#: A file, the name of a model that comes with the package, or the bytes of such a file.
Model = str | os.PathLike[str] | bytes


def read_header(model: Model) -> dict[str, Any]:
    """The checked ``tlmlp.json`` of an exported model.

    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    return _read(model, weights=False)[0]


def read_model_file(model: Model) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The checked description and the parameters by name, as float32 or float64 arrays.

    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    return _read(model, weights=True)


def engine_part(model: Model) -> bytes:
    """The description and the parameters alone, as an archive of the same form: all that the engine reads.

    The same model gives the same bytes, wherever its file lies and whatever it is called.

    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    _read(model, weights=True)
    content = model if isinstance(model, bytes) else _bytes(model_path(model))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as part:
        for name in (HEADER, WEIGHTS):
            part.writestr(zipfile.ZipInfo(f"model/extra/{name}"), stored_entry(content, name))  # a fixed date
    return out.getvalue()


def _read(model: Model, weights: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    path = Path("(bytes)") if isinstance(model, bytes) else model_path(model)
    try:
        archive = model if isinstance(model, bytes) else _bytes(path)
        header = check_header(strict_json.parse(stored_entry(archive, HEADER), HEADER))
        arrays = _weights(stored_entry(archive, WEIGHTS), header) if weights else {}
    except TlmlpError as error:
        raise TlmlpError(f"cannot use the model file {path}: {error}") from None
    except FileNotFoundError:
        raise TlmlpError(f"the model file {path} does not exist") from None
    except IsADirectoryError as error:
        raise TlmlpError(
            f"the model file {path} cannot be read: {error.strerror}; of a run, tlmlp export {path} -o model.pt writes it"
        ) from None
    except OSError as error:
        raise TlmlpError(f"the model file {path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the path
        raise TlmlpError(f"the model file {path} cannot be read: {error}") from None
    return header, arrays


def _bytes(path: Path) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise TlmlpError("it is no ordinary file")  # a pipe would wait, a device never end
    if status.st_size > MAX_FILE_BYTES:
        raise TlmlpError(f"it has {status.st_size} bytes, more than the {MAX_FILE_BYTES} allowed")
    content = path.read_bytes()
    if not content:
        raise TlmlpError("it is empty")
    return content


def _weights(content: bytes, header: dict[str, Any]) -> dict[str, np.ndarray]:
    if sha256_bytes(content) != header["weights"]["sha256"]:
        raise TlmlpError(f"it is damaged: the checksum of {WEIGHTS} does not match")
    arrays = read_tensors(content, parameter_shapes(header["model"]), header["dtype"])
    count = sum(array.size for array in arrays.values())
    if count != header["weights"]["parameters"]:
        raise TlmlpError(f"it has {count} parameters, {HEADER} says {header['weights']['parameters']}")
    if not np.abs(arrays["frequencies"]).max() <= MAX_FREQUENCY:
        raise TlmlpError(f"its frequencies lie beyond {MAX_FREQUENCY:g}")
    return arrays
