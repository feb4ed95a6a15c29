"""Sizes of a DimeNet++ network, checked once when they are set."""

import dataclasses
from typing import Any

from tlmlp.errors import TlmlpError
from tlmlp.network import DEFAULT_SIZES, MAX_CUTOFF, SIZES


@dataclasses.dataclass(frozen=True)
class DimeNetPPConfig:
    """Sizes of a :class:`DimeNetPP` network.

    The defaults are a quarter of the original network (Gasteiger et al., arXiv 2011.14115), as Roecken and
    Zavadlav use it (arXiv 2502.13522); ``embed_size=128`` with ``atom_emb_size=128`` is the original. Sizes left at
    ``None`` follow ``embed_size`` E: ``out_size = 2 E``, ``int_emb_size = atom_emb_size = E / 2``.

    :param n_species: number of rows of the species embedding
    :param cutoff: radius of the neighbourhood in angstrom
    :param envelope_exponent: p of the envelope u(x) = 1 + a x^p + b x^(p+1) + g x^(p+2)
    :raises TlmlpError: when a size is out of range
    """

    n_species: int
    cutoff: float
    embed_size: int = DEFAULT_SIZES["embed_size"]
    out_size: int | None = None
    int_emb_size: int | None = None
    basis_emb_size: int = DEFAULT_SIZES["basis_emb_size"]
    atom_emb_size: int | None = None
    n_blocks: int = DEFAULT_SIZES["n_blocks"]
    num_spherical: int = DEFAULT_SIZES["num_spherical"]
    num_radial: int = DEFAULT_SIZES["num_radial"]
    envelope_exponent: int = DEFAULT_SIZES["envelope_exponent"]
    n_residual_before: int = DEFAULT_SIZES["n_residual_before"]
    n_residual_after: int = DEFAULT_SIZES["n_residual_after"]
    n_dense_output: int = DEFAULT_SIZES["n_dense_output"]

    def __post_init__(self) -> None:
        defaults = {"out_size": 2 * self.embed_size, "int_emb_size": self.embed_size // 2}
        defaults["atom_emb_size"] = self.embed_size // 2
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "cutoff":
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < MAX_CUTOFF:
                    raise TlmlpError(f"model size `cutoff` must be a positive length in angstrom, got {value!r}")
                object.__setattr__(self, "cutoff", float(value))
                continue
            low, high = SIZES[field.name][1:3]
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise TlmlpError(f"model size `{field.name}` must be an integer from {low} to {high}, got {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """All sizes, those that follow ``embed_size`` written out."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, sizes: dict[str, Any]) -> "DimeNetPPConfig":
        """The config of a dictionary as :meth:`to_dict` writes it.

        :raises TlmlpError: on an unknown, missing or wrong entry
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(sizes) - known)
        if unknown:
            raise TlmlpError(f"unknown model size {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}")
        missing = [name for name in ("n_species", "cutoff") if name not in sizes]
        if missing:
            raise TlmlpError(f"model size {', '.join(map(repr, missing))} is missing")
        return cls(**sizes)
