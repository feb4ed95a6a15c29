"""Weights of a run on disk (best.pt, last.pt), and one way to open whatever may be given as a model."""

import io
import os
import pickle
import stat
import zipfile
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save

from tlmlp.errors import TlmlpError
from tlmlp.files import atomic_write_bytes, sha256_bytes
from tlmlp.models import DimeNetPP, DimeNetPPConfig, Potential
from tlmlp.shipped import model_path

MODEL_FORMAT = "tlmlp-run-model/2"


def save_torch(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` (tensors and plain values) so that ``torch.load(weights_only=True)`` reads it; whole or not
    at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    atomic_write_bytes(path, buffer.getvalue())


def load_torch(path: Path, expected_format: str) -> dict[str, Any]:
    """Content of a file of :func:`save_torch`, every checksum compared, no code executed.

    :raises TlmlpError: when the file is missing, damaged or of another kind
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TlmlpError(f"{path}: not an ordinary file")
        with zipfile.ZipFile(path) as archive:  # torch.load does not compare the checksums
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                    raise TlmlpError(f"{path}: not a file of this package ({entry.filename} is compressed)")
            damaged = archive.testzip()
        if damaged is not None:
            raise TlmlpError(f"{path}: damaged ({damaged} fails its checksum)")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except TlmlpError:
        raise
    except FileNotFoundError:
        raise TlmlpError(f"{path}: no such file") from None
    except pickle.UnpicklingError:  # torch's own words advise to load it all the same
        raise TlmlpError(
            f"{path}: refused: it holds more than tensors and plain values; nothing of it was run"
        ) from None
    except Exception as error:  # zipfile and torch report damage by a dozen kinds of exception
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TlmlpError(f"{path}: damaged or not a file of this package ({reason})") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != expected_format:
        raise TlmlpError(f"{path}: expected the format {expected_format}, got {str(found)[:60]!r}")
    return content


def model_payload(potential: Potential) -> dict[str, Any]:
    """Everything that makes the potential, as tensors and plain values; the tensors are copies."""
    return {
        "config": potential.config.to_dict(),
        "species": list(potential.species),
        "zbl": potential.zbl_radii,
        "state": {name: value.detach().clone() for name, value in potential.state_dict().items()},
    }


def potential_from(payload: dict[str, Any], route: str) -> Potential:
    """The potential of a :func:`model_payload`."""
    config = DimeNetPPConfig.from_dict(payload["config"])
    network = DimeNetPP(config, route=route, dtype=payload["state"]["network.frequencies"].dtype)
    potential = Potential(network, payload["species"], zbl=payload["zbl"])
    potential.load_state_dict(payload["state"])
    return potential


def weights_sha256(potential: Potential) -> str:
    """SHA-256 of the network's parameters in the safetensors format: the one that an exported model states."""
    return sha256_bytes(
        save({name: value.detach().cpu().contiguous() for name, value in potential.network.state_dict().items()})
    )


def save_model(path: Path, payload: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Write a model of a run."""
    save_torch(path, {"format": MODEL_FORMAT, **payload, "metadata": metadata})


def open_model(
    path: str | os.PathLike[str], which: Literal["best", "last"] = "best", route: str = "ops"
) -> tuple[Potential, dict[str, Any]]:
    """Potential and metadata of a run directory, of its best.pt or last.pt, of an exported model file, or of a named
    model of the package.

    :raises TlmlpError: when there is no model, or it is damaged
    """
    if which not in ("best", "last"):
        raise TlmlpError(f"--which takes best or last, got {which!r}")
    path = model_path(path)
    if path.is_dir():
        file = path / f"{which}.pt"
        if not file.is_file():
            raise TlmlpError(f"{path}: no {which}.pt; is it a run directory, and has the training begun?")
        return open_model(file, route=route)
    if _is_exported(path):
        from tlmlp.export import load_potential, read_header

        return load_potential(path, route=route), read_header(path)
    content = load_run_model(path)
    return potential_from(content, route), content["metadata"]


def load_run_model(path: Path) -> dict[str, Any]:
    """Content of a best.pt or last.pt, checked by :class:`tlmlp.train.model.payload.RunModel`."""
    from tlmlp.train.model.payload import RunModel, check_payload

    content = load_torch(path, MODEL_FORMAT)
    check_payload(content, RunModel, str(path))
    return content


def load_run(
    run: str | os.PathLike[str], which: Literal["best", "last"] = "best", route: str = "ops"
) -> tuple[Potential, dict[str, Any]]:
    """Potential and metadata of a run directory, see :func:`open_model`."""
    if not Path(run).is_dir():
        raise TlmlpError(f"{run}: no such run directory")
    return open_model(run, which, route)


def export_run(run: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """Export the best model of a run directory to ``out``.

    :raises TlmlpError: when there is none
    """
    from tlmlp.export import export_model

    potential, metadata = load_run(run, route="plain")
    export_model(potential, out, metadata)
    return Path(out)


def _is_exported(path: Path) -> bool:
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("extra/tlmlp.json") for name in archive.namelist())
    except FileNotFoundError:
        raise TlmlpError(f"{path}: no such model") from None
    except (OSError, zipfile.BadZipFile):
        return False
