"""SNAP fitted by linear least squares in the descriptors of LAMMPS' compute snap, energies and forces.

Settings of the potentials of Zuo et al. (2020) for germanium in LAMMPS' folder of potentials, linear and quadratic;
weights of FitSNAP's example of tantalum (100 for an energy per atom, 1 for a force). The quadratic terms outnumber what
ten frames determine: their columns are scaled alike and get a ridge."""

from pathlib import Path

import numpy as np
from fits import Frame, main
from in_lammps import on_frame, predict, step_times

TRIES = [
    {"form": "linear", "rcutfac": 5.5, "twojmax": 8, "energy_weight": 100.0, "ridge": 0.0},
    {"form": "quadratic", "rcutfac": 4.9, "twojmax": 6, "energy_weight": 100.0, "ridge": 1e-6},
]


def descriptors(frame: Frame, settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors summed over the atoms, and the forces (3N,) of each coefficient."""
    made, rotation = on_frame(frame)
    quadratic = int(settings["form"] == "quadratic")
    words = f"{settings['rcutfac']} 0.99363 {settings['twojmax']} 0.5 1.0 rmin0 0 bzeroflag 0 quadraticflag {quadratic}"
    cutoff = settings["rcutfac"] + 0.1
    made.commands_list(
        [
            f"pair_style zero {cutoff}",
            "pair_coeff * *",
            f"compute d all snap {words}",
            "thermo_style custom step c_d[1][1]",
        ]
    )
    made.command("run 0")
    rows = np.array(made.numpy.extract_compute("d", 0, 2))[:, :-1]
    made.close()
    n = len(frame.positions)
    forces = rows[1 : 1 + 3 * n].reshape(n, 3, -1)
    return rows[0], np.einsum("nak,ab->nbk", forces, rotation).reshape(3 * n, -1)


def fit(folder: Path, frames: list[Frame], settings: dict) -> None:
    rows, values = [], []
    for frame in frames:
        energy, forces = descriptors(frame, settings)
        n, weight = len(frame.positions), settings["energy_weight"]
        rows += [weight * np.append(1.0, energy / n)[None], np.pad(forces, ((0, 0), (1, 0)))]
        values += [[weight * frame.energy / n], frame.forces.ravel()]
    a, b = np.concatenate(rows), np.concatenate(values)
    scale = np.sqrt((a * a).mean(axis=0))
    damping = np.sqrt(settings["ridge"] * len(a)) * np.eye(a.shape[1])
    damping[0] = 0.0
    if settings["ridge"]:
        a, b = np.concatenate([a / scale, damping]), np.concatenate([b, np.zeros(len(damping))])
    else:
        a = a / scale
    x = np.linalg.lstsq(a, b, rcond=None)[0] / scale
    coefficients = "".join(f"{value:.16e}\n" for value in x)
    (folder / "ge.snapcoeff").write_text(f"# fitted\n1 {len(x)}\nGe 0.5 1.0\n{coefficients}")
    (folder / "ge.snapparam").write_text(
        f"rcutfac {settings['rcutfac']}\ntwojmax {settings['twojmax']}\nrfac0 0.99363\nrmin0 0\nbzeroflag 0\n"
        f"quadraticflag {int(settings['form'] == 'quadratic')}\n"
    )


def commands(folder: Path) -> list[str]:
    return ["pair_style snap", f"pair_coeff * * {folder}/ge.snapcoeff {folder}/ge.snapparam Ge"]


main(
    TRIES,
    fit,
    lambda folder, settings: lambda frames: predict(frames, commands(folder)),
    lambda folder, settings, systems: step_times(systems, commands(folder)),
    "lammps",
)
