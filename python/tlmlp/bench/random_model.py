"""A model file with random weights, written without torch; hosts without TorchScript read it as an exported one."""

import json
import os
import zipfile

import numpy as np

import tlmlp
from tlmlp.export.header import FORMAT, FORMAT_VERSION, check_header, expected_shapes
from tlmlp.files import sha256_bytes

#: The default sizes of the network, for one species.
SIZES = {
    "n_species": 1,
    "embed_size": 32,
    "out_size": 64,
    "int_emb_size": 16,
    "basis_emb_size": 8,
    "atom_emb_size": 16,
    "n_blocks": 4,
    "num_spherical": 7,
    "num_radial": 6,
    "envelope_exponent": 6,
    "n_residual_before": 1,
    "n_residual_after": 2,
    "n_dense_output": 3,
}


def write_random_model(
    path: str | os.PathLike[str], cutoff: float, seed: int = 0, output_scale: float = 1.0, **sizes: int
) -> None:
    """Write a silicon model, ``cutoff`` in Å, weights normal with variance 1 / inputs.

    :param output_scale: factor on the last layers, and so on energies and forces
    :param sizes: of the network, where they are not the default ones
    """
    from safetensors.numpy import save

    model = {"type": "DimeNetPP", "cutoff": cutoff, **SIZES, **sizes}
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape in expected_shapes(model).items():
        if name == "frequencies":
            weights[name] = np.pi * np.arange(1, shape[0] + 1, dtype=np.float32)
        else:
            scale = output_scale if name.endswith("final.weight") and name.startswith("output.") else 1.0
            weights[name] = (scale * random.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)
    content = save(weights)
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
        "weights": {
            "file": "weights.safetensors",
            "sha256": sha256_bytes(content),
            "parameters": sum(array.size for array in weights.values()),
        },
        "golden": [],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("random/extra/tlmlp.json", json.dumps(check_header(header)))
        archive.writestr("random/extra/weights.safetensors", content)
