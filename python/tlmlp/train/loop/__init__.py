"""A training from its start to its end: validation, checkpoints, resuming, cross-validation."""
