"""Transfer of a potential to other elements, from a config or from a few frames."""
