"""The frames of a training: chosen, split, with their neighbours, and drawn in batches."""
