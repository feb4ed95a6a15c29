"""One table of tolerances, by dtype and quantity."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerances:
    """How far two evaluations of the same quantity may differ."""

    #: Energies per atom, eV.
    energy: float
    #: Components of forces, eV/angstrom.
    forces: float
    #: Components of the virial per atom, eV.
    virial: float
    #: Finite differences against derivatives, relative to the largest component.
    relative_difference: float
    #: The same, absolute: the rounding error of the differences, eV/angstrom or eV.
    absolute_difference: float
    #: Step of the finite differences, angstrom (strain: per angstrom).
    step: float


TOLERANCES = {
    "float64": Tolerances(
        energy=1e-9, forces=1e-8, virial=1e-8, relative_difference=1e-6, absolute_difference=1e-9, step=2e-4
    ),
    "float32": Tolerances(
        energy=2e-5, forces=2e-4, virial=1e-3, relative_difference=2e-2, absolute_difference=5e-3, step=2e-2
    ),
}
