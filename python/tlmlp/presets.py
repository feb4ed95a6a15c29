"""Named sizes of a network; docs/howto/settings.md has what each costs and how well it does on silicon."""

from typing import Any, Literal, get_args

Preset = Literal["small", "quarter", "full"]
#: Preset to the sizes that it fixes. ``full`` is the original network (Gasteiger et al., arXiv 2011.14115), ``quarter`` a
#: quarter of its widths (Roecken and Zavadlav, arXiv 2502.13522), the default.
PRESETS: dict[str, dict[str, Any]] = {
    "small": {"embed_size": 16, "n_blocks": 3},
    "quarter": {"embed_size": 32, "n_blocks": 4},
    "full": {"embed_size": 128, "atom_emb_size": 128, "n_blocks": 4},
}
assert set(PRESETS) == set(get_args(Preset))
