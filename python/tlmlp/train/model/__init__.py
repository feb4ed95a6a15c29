"""The weights of a run on disk, and the repulsion that a training gives its model."""
