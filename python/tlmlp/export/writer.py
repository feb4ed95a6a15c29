"""Writing exported models, and the potential of one."""

import io
import json
import os
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

import tlmlp
from tlmlp.console import console
from tlmlp.errors import TlmlpError
from tlmlp.export.golden import golden_systems, with_route
from tlmlp.export.header import FORMAT, FORMAT_VERSION, Header, check_header
from tlmlp.export.model_file import HEADER, WEIGHTS, Model, read_model_file
from tlmlp.export.script import ExportedModel
from tlmlp.files import atomic_write_bytes, remove_parts, sha256_bytes
from tlmlp.models import DimeNetPP, DimeNetPPConfig, Potential
from tlmlp.network import ACTIVATION, ENVELOPE
from tlmlp.shipped import model_path

#: Entries of the metadata that have a key of their own in tlmlp.json; the rest is provenance.
_OWN_KEYS = ("min_distance", "zbl", "provenance")


def export_model(
    potential: Potential,
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any] | None = None,
    portable: bool = False,
    structure: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write ``potential`` as one file that LAMMPS, OpenMM, ASE and this package open; whole or not at all.

    :param path: the file, ``.pt`` by custom
    :param metadata: ``min_distance`` (Å), and what is known of the model's origin
    :param portable: use standard torch operators alone, so that a host needs no library of this package
    :param structure: chemical symbol of each atom, for OpenMM's form of a model with several species
    :return: the ``tlmlp.json`` that was written
    :raises TlmlpError: on non-finite parameters, or symbols that the model does not know
    """
    for name, value in potential.named_parameters():
        if not torch.isfinite(value).all():
            raise TlmlpError(f"the parameter {name} holds NaN or infinity; nothing was written")
    rows = {symbol: row for row, symbol in enumerate(potential.species)}
    unknown = sorted(set(structure or ()) - set(rows))
    if unknown:
        raise TlmlpError(f"the structure has {', '.join(unknown)}, the model knows {', '.join(rows)}")

    weights = save({name: value.detach().cpu().contiguous() for name, value in potential.network.state_dict().items()})
    header = _header(potential, dict(metadata or {}), weights)
    scripted = with_route(potential, "plain" if portable else "ops", potential.dtype)
    module = ExportedModel(scripted, portable, [rows[symbol] for symbol in structure] if structure else None)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        text = json.dumps(header, allow_nan=False, indent=1)
        torch.jit.save(torch.jit.script(module), buffer, _extra_files={HEADER: text, WEIGHTS: weights})
    remove_parts(path)
    atomic_write_bytes(path, buffer.getvalue())
    return header


def _header(potential: Potential, metadata: dict[str, Any], weights: bytes) -> dict[str, Any]:
    min_distance = metadata.get("min_distance")
    if metadata.get("format") == FORMAT:  # the header of a model that is exported again
        _say_what_is_lost(metadata)
        metadata = {key: metadata[key] for key in _OWN_KEYS}
    provenance = {key: value for key, value in metadata.items() if key not in _OWN_KEYS}
    provenance.update(metadata.get("provenance") or {})
    versions = dict(provenance.get("versions") or {})
    versions.update(tlmlp=tlmlp.__version__, torch=str(torch.__version__))
    provenance["versions"] = versions
    return check_header(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model": {
                "type": "DimeNetPP",
                "activation": ACTIVATION,
                "envelope": ENVELOPE,
                **potential.config.to_dict(),
            },
            "species": list(potential.species),
            "atomic_numbers": list(potential.atomic_numbers),
            "cutoff": potential.cutoff,
            "units": {"length": "angstrom", "energy": "eV", "network_length": "nm", "network_energy": "kJ/mol"},
            "dtype": str(potential.dtype).removeprefix("torch."),
            "energy_shift": dict(zip(potential.species, potential.energy_shift.tolist(), strict=True)),
            "min_distance": min_distance,
            "zbl": potential.zbl_radii,
            "provenance": provenance,
            "weights": {
                "file": WEIGHTS,
                "sha256": sha256_bytes(weights),
                "parameters": sum(p.numel() for p in potential.network.parameters()),
            },
            "golden": golden_systems(potential, min_distance),
        }
    )


def _say_what_is_lost(header: dict[str, Any]) -> None:
    """Of a file of a later minor version, whose further entries this one cannot vouch for after a change of the model."""
    unknown = sorted(set(header) - set(Header.model_fields))
    if unknown:
        console.warn(
            f"the model is of format {header['format_version']}; this version writes "
            f"{FORMAT_VERSION} and does not know {', '.join(map(repr, unknown))}: not kept"
        )


def load_potential(path: Model, route: str = "ops", dtype: torch.dtype | None = None) -> Potential:
    """The potential of an exported model, from its description and parameters alone: no code of the file is run.

    :param dtype: of the parameters; as stored by default
    :raises TlmlpError: when the file is missing, damaged, foreign or of a later format
    """
    header, arrays = read_model_file(path)
    sizes = {key: value for key, value in header["model"].items() if key in DimeNetPPConfig.__dataclass_fields__}
    stored = torch.float64 if header["dtype"] == "float64" else torch.float32
    network = DimeNetPP(DimeNetPPConfig.from_dict(sizes), route=route, dtype=dtype or stored)
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
    shifts = [header["energy_shift"][symbol] for symbol in header["species"]]
    return Potential(network, header["species"], shifts, header["zbl"]).eval()


def operators_missing() -> str | None:
    """Why the compiled operators cannot be loaded; None when they are."""
    from tlmlp import ops

    try:
        ops.load()
    except TlmlpError as error:
        return str(error)
    return None


def load_archive(path: str | os.PathLike[str], dtype: torch.dtype | None = None) -> torch.jit.ScriptModule:
    """The TorchScript module of an exported model, as a host of libtorch sees it; runs code of the file.

    :param dtype: of the parameters; as stored by default
    :raises TlmlpError: when the file is unusable
    """
    path = model_path(path)
    read_model_file(path)
    with zipfile.ZipFile(path) as archive:  # libtorch does not compare the checksums of the entries
        damaged = archive.testzip()
    if damaged is not None:
        raise TlmlpError(f"cannot use the model file {path}: it is damaged (checksum of {damaged})")
    missing = operators_missing()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        try:
            module = torch.jit.load(io.BytesIO(Path(path).read_bytes()), map_location="cpu")
        except RuntimeError as error:
            if missing is not None and "tlmlp::" in str(error):
                raise TlmlpError(f"the archive in {path} calls the compiled operators: {missing}") from None
            reason = str(error).strip().splitlines()[0]
            raise TlmlpError(f"the archive in {path} cannot be opened: {reason}") from None
    if dtype is not None:
        for parameter in module.parameters():
            parameter.data = parameter.data.to(dtype)
    return module
