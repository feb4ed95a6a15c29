"""Bounds of a network's sizes, for configs, checkpoints and model files alike; csrc/core/src/model_file.cpp has the same."""

#: Size to its smallest and largest value.
SIZE_LIMITS = {
    "n_species": (1, 256),
    "embed_size": (2, 4096),
    "out_size": (1, 4096),
    "int_emb_size": (2, 4096),
    "basis_emb_size": (1, 4096),
    "atom_emb_size": (1, 4096),
    "n_blocks": (0, 64),
    "num_spherical": (1, 12),
    "num_radial": (1, 64),
    "envelope_exponent": (2, 64),
    "n_residual_before": (0, 64),
    "n_residual_after": (0, 64),
    "n_dense_output": (0, 64),
}
#: Å, exclusive.
MAX_CUTOFF = 1000.0
#: Trained frequencies stay near those that the network starts with, pi n: below 202 for the largest number of them.
MAX_FREQUENCY = 500.0
