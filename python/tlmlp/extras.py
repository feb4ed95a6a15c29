"""The optional parts of the package: what each is for, what it needs, and what of that is installed."""

import re
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

#: Extras of pyproject.toml, and what one can do with each.
PURPOSE = {
    "train": "train, transfer, export and evaluate models",
    "lammps": "run models in LAMMPS, pair_style tlmlp",
    "openmm": "run models in OpenMM",
    "analysis": "compute phonons, elastic constants, structure of liquids",
    "formats": "read folders of DeePMD and ABACUS",
    "studies": "run the studies of the paper",
    "torchsim": "run models in torch-sim",
    "tensorboard": "watch the metrics of a training in TensorBoard",
    "scatter": "sum segments by torch-scatter on the plain torch route",
    "docs": "build this project's documentation",
    "test": "run this project's tests",
}
#: Names to import that differ from those to install.
IMPORTED_AS = {
    "torch_sim": "torch-sim-atomistic",
    "freud": "freud-analysis",
    "torch_geometric": "torch-geometric",
    "torch_scatter": "torch-scatter",
}


@dataclass
class Extra:
    """What an extra needs on this Python, sorted by whether it is there."""

    name: str
    present: list[str] = field(default_factory=list)  #: "torch 2.13.0"
    missing: list[str] = field(default_factory=list)  #: names to install
    unfit: list[str] = field(default_factory=list)  #: "phonopy 2.1 (<5,>=3)"

    @property
    def remedy(self) -> str:
        """The line that installs what is missing or does not fit."""
        return f"pip install 'tlmlp[{self.name}]'"


def extras() -> list[Extra]:
    """All extras but ``all``, in the order of :data:`PURPOSE`.

    :raises PackageNotFoundError: where tlmlp is on the path but not installed
    """
    return [_sorted(name) for name in PURPOSE]


def extra_of(module: str) -> str | None:
    """The first extra that brings the module of this name to import; None where none does."""
    wanted = _plain(IMPORTED_AS.get(module, module))
    for name in PURPOSE:
        if any(_plain(requirement.name) == wanted for requirement in _needs(name)):
            return name
    return None


def _sorted(name: str) -> Extra:
    extra = Extra(name)
    for requirement in {_plain(r.name): r for r in _needs(name)}.values():
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            extra.missing.append(requirement.name)
            continue
        if requirement.specifier.contains(found, prereleases=True):
            extra.present.append(f"{requirement.name} {found}")
        else:
            extra.unfit.append(f"{requirement.name} {found} ({requirement.specifier})")
    return extra


def _needs(name: str, seen: frozenset[str] = frozenset()) -> list[Requirement]:
    """Requirements of an extra, those of the extras that it contains included."""
    needed = []
    for text in requires("tlmlp") or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}) or not marker.evaluate({"extra": name}):
            continue
        if _plain(requirement.name) == "tlmlp":
            for part in sorted(requirement.extras - seen - {name}):
                needed += _needs(part, seen | {name})
        else:
            needed.append(requirement)
    return needed


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
