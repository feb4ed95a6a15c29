"""A model file with random weights, written without torch; hosts without TorchScript read it as an exported one."""

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

import tlmlp
from tlmlp.export.header import FORMAT, FORMAT_VERSION, check_header
from tlmlp.files import sha256_bytes
from tlmlp.network import ACTIVATION, DEFAULT_SIZES, ENVELOPE, parameters


def write_random_model(
    path: str | os.PathLike[str], cutoff: float, seed: int = 0, output_scale: float = 1.0, **sizes: int
) -> None:
    """Write a silicon model, ``cutoff`` in Å, weights normal with variance 1 / inputs.

    :param output_scale: factor on the last layers, and so on energies and forces
    :param sizes: of the network, where they are not the default ones
    """
    model = {
        "type": "DimeNetPP",
        "activation": ACTIVATION,
        "envelope": ENVELOPE,
        "cutoff": cutoff,
        **DEFAULT_SIZES,
        **sizes,
    }
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape, role in parameters(model):
        if role == "frequencies":
            weights[name] = np.pi * np.arange(1, shape[0] + 1, dtype=np.float32)
        else:
            scale = output_scale if role == "last" else 1.0
            weights[name] = (scale * random.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": model,
        "species": ["Si"],
        "atomic_numbers": [14],
        "cutoff": cutoff,
        "units": {"length": "angstrom", "energy": "eV", "network_length": "nm", "network_energy": "kJ/mol"},
        "dtype": "float32",
        "energy_shift": {"Si": 0.0},
        "min_distance": None,
        "zbl": None,
        "provenance": {"random_weights": True, "seed": seed, "versions": {"tlmlp": tlmlp.__version__}},
        "golden": [],
    }
    write_engine_model(path, header, weights)


def write_engine_model(
    path: str | os.PathLike[str], header: Mapping[str, Any], weights: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Write a model file without TorchScript; the description's entry ``weights`` is made here.

    :return: the description
    :raises TlmlpError: when the description is not one of a model
    """
    from safetensors.numpy import save

    content = save(dict(weights))
    entry = {
        "file": "weights.safetensors",
        "sha256": sha256_bytes(content),
        "parameters": sum(array.size for array in weights.values()),
    }
    header = check_header({**header, "weights": entry})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model/extra/tlmlp.json", json.dumps(header))
        archive.writestr("model/extra/weights.safetensors", content)
    return header
