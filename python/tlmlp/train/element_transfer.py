"""Transfer of a trained potential to other chemical elements."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tlmlp.errors import TlmlpError
from tlmlp.models import DimeNetPP, DimeNetPPConfig, Potential
from tlmlp.train.config import Config, as_config
from tlmlp.train.modelfile import open_model, weights_sha256
from tlmlp.train.runs import RunResult, start, use_threads
from tlmlp.train.selection import load_data


def parse_element_map(text: str) -> dict[str, str]:
    """``"Si:Ge,C:Sn"`` as ``{"Si": "Ge", "C": "Sn"}``: source element to target element.

    :raises TlmlpError: on another form, and elements named twice
    """
    pairs = [pair.split(":") for pair in text.replace(" ", "").split(",") if pair]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise TlmlpError(f"--element-map expects SOURCE:TARGET, for example Si:Ge, got {text!r}")
    for place, what in enumerate(("source", "target")):
        names = [pair[place] for pair in pairs]
        if len(set(names)) != len(names):
            raise TlmlpError(f"--element-map names a {what} element twice: {text!r}")
    return {source: target for source, target in pairs}


def transferred(
    source: Potential,
    element_map: Mapping[str, str],
    species: Sequence[str],
    *,
    dtype: torch.dtype | None = None,
    route: str = "ops",
) -> Potential:
    """A potential for ``species`` with all parameters of ``source``; each species has the embedding row and the energy
    shift of the element that it is mapped from, or of itself.

    With as many species as the source and its dtype, the network's outputs are bitwise those of the source.

    :raises TlmlpError: when a species has no source, or the map names one that the source does not know
    """
    from ase.data import atomic_numbers

    for symbol in (*element_map, *element_map.values()):
        if symbol not in atomic_numbers or symbol == "X":
            raise TlmlpError(f"the element map names {symbol!r}, which is no chemical symbol")
    known = ", ".join(source.species)
    unknown = [symbol for symbol in element_map if symbol not in source.species]
    if unknown:
        raise TlmlpError(f"the element map starts from {', '.join(unknown)}, but the source model knows {known}")
    unused = [symbol for symbol in element_map.values() if symbol not in species]
    if unused:
        raise TlmlpError(f"the element map leads to {', '.join(unused)}, but the new model is for {', '.join(species)}")
    origin = {target: element for element, target in element_map.items()}
    missing = [symbol for symbol in species if symbol not in origin and symbol not in source.species]
    if missing:
        raise TlmlpError(
            f"nothing to start {', '.join(missing)} from: the source model knows {known}; map an element "
            f"with --element-map {source.species[0]}:{missing[0]}"
        )
    rows = torch.tensor([source.species.index(origin.get(symbol, symbol)) for symbol in species])
    config = DimeNetPPConfig.from_dict({**source.config.to_dict(), "n_species": len(species)})
    network = DimeNetPP(config, route=route, dtype=dtype or source.dtype)
    state = source.network.state_dict()
    state["embedding.species.weight"] = state["embedding.species.weight"][rows]
    network.load_state_dict(state)
    return Potential(network, species, source.energy_shift[rows])


def transfer(
    source: str | os.PathLike | Potential,
    config: Config | Mapping[str, Any] | str | os.PathLike,
    element_map: Mapping[str, str] | str,
    out: str | os.PathLike,
) -> RunResult:
    """Fine-tune all parameters of ``source`` (run directory, model file or potential) on the data of ``config``.

    Cutoff and sizes are the source's; where the config gives them they must agree. The learning-rate schedule begins
    anew. What the source was goes into the provenance of the new model.

    :raises TlmlpError: as :func:`tlmlp.train.fit`, and when source, map, sizes and data do not fit together
    """
    config = as_config(config)
    element_map = parse_element_map(element_map) if isinstance(element_map, str) else dict(element_map)
    use_threads(config)
    route = config.training.route
    potential, about = (source, {}) if isinstance(source, Potential) else open_model(source, route=route)
    _check_sizes(potential, config)
    data = load_data(config.data)
    dtype = None if config.training.dtype is None else getattr(torch, config.training.dtype)
    fresh = transferred(potential, element_map, config.model.species or data.elements(), dtype=dtype, route=route)
    origin = {
        "method": "transfer",
        "source": {
            "sha256": weights_sha256(potential),
            "species": list(potential.species),
            "name": None if isinstance(source, Potential) else Path(source).name,
            "provenance": about.get("provenance"),
        },
        "element_map": element_map,
    }
    return start(Path(out), config, fresh, data, origin)


def _check_sizes(source: Potential, config: Config) -> None:
    given = config.model.sizes()
    if config.model.cutoff is not None:
        given["cutoff"] = config.model.cutoff
    has = source.config.to_dict()
    different = [f"{name} {has[name]} there and {value} here" for name, value in given.items() if has[name] != value]
    if different:
        raise TlmlpError(
            f"the source model has {'; '.join(different)}: leave these keys out of the config's section "
            "`model` to take those of the source"
        )
