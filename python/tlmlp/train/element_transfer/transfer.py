"""Transfer of a trained potential to other chemical elements."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from tlmlp.console import console
from tlmlp.data import Frame
from tlmlp.errors import TlmlpError
from tlmlp.models import DimeNetPP, DimeNetPPConfig, Potential
from tlmlp.train.config import Config, as_config
from tlmlp.train.config.sections import TransferSection
from tlmlp.train.data.selection import load_data
from tlmlp.train.element_transfer.rescale import Rescaling, fit_rescaling
from tlmlp.train.loop.launch import Observe, RunResult, set_up_torch, start
from tlmlp.train.model.modelfile import open_model, weights_sha256
from tlmlp.train.model.wall import transferred_wall

#: Source element (or ``mean``, ``random``) to the new element or elements that begin from it.
ElementMap = Mapping[str, str | Sequence[str]]
#: What a new element can begin from instead of an element of the source.
NOT_ELEMENTS = ("mean", "random")


def parse_element_map(text: str) -> dict[str, str | list[str]]:
    """``"Si:Ge,C:Sn"`` as ``{"Si": "Ge", "C": "Sn"}``: source element to target element; ``"Si:Ge,Si:Sn"`` as
    ``{"Si": ["Ge", "Sn"]}``. In the place of a source may stand ``mean`` or ``random``.

    :raises TlmlpError: on another form, and targets named twice
    """
    pairs = [pair.split(":") for pair in text.replace(" ", "").split(",") if pair]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise TlmlpError(f"--element-map expects SOURCE:TARGET, for example Si:Ge, got {text!r}")
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        found.setdefault(source, []).append(target)
    _origins(found)
    return {source: targets[0] if len(targets) == 1 else targets for source, targets in found.items()}


def _origins(element_map: ElementMap) -> dict[str, str]:
    """Target element to what it begins from.

    :raises TlmlpError: when the map names a target twice, or something that is no element
    """
    from ase.data import atomic_numbers

    origins: dict[str, str] = {}
    for source, value in element_map.items():
        for target in [value] if isinstance(value, str) else value:
            for symbol in (source, target):
                if symbol == "X" or symbol not in (*atomic_numbers, *(NOT_ELEMENTS if symbol is source else ())):
                    raise TlmlpError(f"the element map names {symbol!r}, which is no chemical symbol")
            if target in origins:
                raise TlmlpError(f"the element map (--element-map) names a target element twice: {target}")
            origins[target] = source
    return origins


def transferred(
    source: Potential,
    element_map: ElementMap,
    species: Sequence[str],
    *,
    dtype: torch.dtype | None = None,
    route: str = "ops",
    new_species: str = "refuse",
    seed: int = 0,
    length_scale: float = 1.0,
    energy_scale: float = 1.0,
) -> Potential:
    """A potential for ``species`` with all parameters of ``source``; each species has the embedding row and the energy
    shift of the element that it is mapped from, or of itself.

    With the dtype of the source and no scaling, the network's outputs are bitwise those of the source.

    :param new_species: for species without a source: ``refuse``, the ``mean`` of the source's rows, or ``random``
    :param seed: of random rows, drawn as in a network from scratch
    :param length_scale: s, and
    :param energy_scale: r: the new network gives r E(x / s) where that of the source gives E(x); its cutoff is s times
        that of the source
    :raises TlmlpError: when a species has no source, or the map names one that the source does not know
    """
    origins = _origins(element_map)
    known = ", ".join(source.species)
    unknown = [symbol for symbol in element_map if symbol not in (*source.species, *NOT_ELEMENTS)]
    if unknown:
        raise TlmlpError(f"the element map starts from {', '.join(unknown)}, but the source model knows {known}")
    unused = [symbol for symbol in origins if symbol not in species]
    if unused:
        raise TlmlpError(f"the element map leads to {', '.join(unused)}, but the new model is for {', '.join(species)}")
    for symbol in species:
        if symbol not in origins:
            origins[symbol] = symbol if symbol in source.species else new_species
    missing = [symbol for symbol in species if origins[symbol] == "refuse"]
    if missing:
        raise TlmlpError(
            f"nothing to start {', '.join(missing)} from: the source model knows {known}; map an element "
            f"with --element-map {source.species[0]}:{missing[0]}, or set transfer.new_species to mean or random"
        )
    sizes = {**source.config.to_dict(), "n_species": len(species), "cutoff": source.cutoff * length_scale}
    network = DimeNetPP(DimeNetPPConfig.from_dict(sizes), route=route, seed=seed, dtype=dtype or source.dtype)
    fresh = network.embedding.species.weight.detach().clone()
    network.load_state_dict({**source.network.state_dict(), "embedding.species.weight": fresh})
    shift = torch.empty(len(species), dtype=torch.float64)
    with torch.no_grad():
        for row, symbol in enumerate(species):
            origin = origins[symbol]
            rows = [source.species.index(origin)] if origin not in NOT_ELEMENTS else list(range(len(source.species)))
            shift[row] = source.energy_shift[rows].mean()
            if origin != "random":
                # one row is copied, not averaged, and so stays bitwise what it is
                table = source.network.embedding.species.weight
                value = table[rows[0]] if origin != "mean" else table[rows].mean(0)
                network.embedding.species.weight[row] = value
        _rescale(network, length_scale, energy_scale)
    zbl = source.zbl_radii and {name: radius * length_scale for name, radius in source.zbl_radii.items()}
    return Potential(network, species, shift * energy_scale, zbl)


def _rescale(network: DimeNetPP, length: float, energy: float) -> None:
    """Make E(x) into ``energy`` E(x / ``length``), given that the cutoff has grown by ``length`` already.

    The bases depend on x / cutoff alone, but for the factor sqrt(2 / c) / d of the radial one, which shrinks by
    ``length``^(3/2): the layers that it goes into make up for that. The energy is linear in the last layers.
    """
    for name, parameter in network.named_parameters():
        last = name.split(".")[-2:]
        if length != 1.0 and last in (["rbf", "weight"], ["rbf1", "weight"]):
            parameter.mul_(length**1.5)
        if energy != 1.0 and last == ["final", "weight"] and name.startswith("output."):
            parameter.mul_(energy)


def transfer(
    source: str | os.PathLike[str] | Potential,
    config: Config | Mapping[str, Any] | str | os.PathLike[str],
    element_map: ElementMap | str,
    out: str | os.PathLike[str],
    *,
    observe: Observe | None = None,
) -> RunResult:
    """Fine-tune ``source`` (run directory, model file or potential) on the data of ``config``: all parameters, unless
    its section ``transfer`` says otherwise.

    Between elements, lengths and energies are rescaled first as the training frames ask for
    (:mod:`tlmlp.train.element_transfer.rescale`). Cutoff and sizes are the source's (the cutoff times ``transfer.length_scale``); where the
    config gives them they must agree. The learning-rate schedule begins anew. What the source was, and how it was transferred, goes into the
    provenance of the new model.

    :raises TlmlpError: as :func:`tlmlp.train.fit`, and when source, map, sizes and data do not fit together
    """
    config = as_config(config)
    element_map = parse_element_map(element_map) if isinstance(element_map, str) else dict(element_map)
    set_up_torch(config)
    if config.data.validation == "folds":
        from tlmlp.train.loop.beginning import noted_beginning
        from tlmlp.train.loop.folds import train_with_folds

        note = (
            nullcontext()  # a potential in memory has no name by which another process could find it
            if isinstance(source, Potential)
            else noted_beginning(Path(out), "transfer", config, sources=[source], element_map=element_map)
        )
        with note:
            return train_with_folds(lambda c, run: transfer(source, c, element_map, run), config, Path(out))
    route = config.training.route
    potential, about = (source, {}) if isinstance(source, Potential) else open_model(source, route=route)
    data = load_data(config.data, config.loss, config.transfer.replay)
    species = config.model.species or data.elements()
    how, rescaling = _rescaled(potential, element_map, species, config, data.train)
    _check_sizes(potential, config, how)
    dtype = None if config.training.dtype is None else getattr(torch, config.training.dtype)
    fresh = transferred(
        potential,
        element_map,
        species,
        dtype=dtype,
        route=route,
        new_species=how.new_species,
        seed=config.training.seed,
        length_scale=how.length_scale or 1.0,
        energy_scale=how.energy_scale or 1.0,
    )
    fresh.set_zbl(transferred_wall(config.model.zbl, fresh, data.all_frames(), potential, about.get("min_distance")))
    origin = {
        "method": "transfer",
        "source": {
            "sha256": weights_sha256(potential),
            "species": list(potential.species),
            "name": None if isinstance(source, Potential) else Path(source).name,
            "provenance": about.get("provenance"),
        },
        "element_map": element_map,
        "transfer": how.model_dump(exclude_none=True),
        "rescaling": None if rescaling is None else rescaling.to_dict(),
    }
    config = config.model_copy(update={"transfer": how})
    return start(Path(out), config, fresh, data, origin, observe)


def _rescaled(
    source: Potential, element_map: ElementMap, species: Sequence[str], config: Config, frames: Sequence[Frame]
) -> tuple[TransferSection, Rescaling | None]:
    """The section `transfer` with its scales filled in, and the fit that they come from.

    :raises TlmlpError: where ``rescale: fit`` asks for a fit that is refused
    """
    how = config.transfer
    given = how.length_scale is not None or how.energy_scale is not None
    if given or how.rescale == "none":
        return how.model_copy(update=_scales(how.length_scale or 1.0, how.energy_scale or 1.0)), None
    origins = {symbol: symbol if symbol in source.species else how.new_species for symbol in species}
    origins |= _origins(element_map)
    kept = any(origins[symbol] == symbol for symbol in species)  # which other scales would only spoil
    if how.rescale == "auto" and (kept or "random" in origins.values()):
        return how.model_copy(update=_scales(1.0, 1.0)), None
    plain = transferred(source, element_map, species, route=config.training.route, new_species=how.new_species)
    try:
        fit = fit_rescaling(plain, frames, _ratio_of_radii(source.species, origins, species))
    except TlmlpError as error:
        if how.rescale == "fit":
            raise TlmlpError(f"transfer.rescale: {error}") from None
        console.marked("yellow", "not rescaled:", error)
        return how.model_copy(update=_scales(1.0, 1.0)), None
    console.print(f"rescaled: {fit}")
    return how.model_copy(update=_scales(fit.length_scale, fit.energy_scale)), fit


def _ratio_of_radii(known: Sequence[str], origins: Mapping[str, str], species: Sequence[str]) -> float:
    """Mean over the species of the ratio of its covalent radius to that of what it begins from (Cordero et al., Dalton
    Trans. 2008, 2832, as in ASE)."""
    from ase.data import atomic_numbers, covalent_radii

    radius = {symbol: float(covalent_radii[atomic_numbers[symbol]]) for symbol in (*known, *species)}
    mean = sum(radius[symbol] for symbol in known) / len(known)
    return sum(radius[symbol] / radius.get(origins[symbol], mean) for symbol in species) / len(species)


def _scales(length: float, energy: float) -> dict[str, float]:
    return {"length_scale": length, "energy_scale": energy}


def _check_sizes(source: Potential, config: Config, how: TransferSection) -> None:
    given = config.model.sizes()
    cutoff = source.cutoff * (how.length_scale or 1.0)
    if config.model.cutoff is not None:
        fitted = config.transfer.length_scale is None  # a cutoff written for the source is scaled with it
        given["cutoff"] = cutoff if fitted and config.model.cutoff == source.cutoff else config.model.cutoff
    has = {**source.config.to_dict(), "cutoff": cutoff}
    different = [f"{name} {has[name]} there and {value} here" for name, value in given.items() if has[name] != value]
    if different:
        preset = " (and preset)" if config.model.preset else ""
        raise TlmlpError(
            f"the source model has {'; '.join(different)}: leave these keys{preset} out of the config's section "
            "`model` to take those of the source"
        )
