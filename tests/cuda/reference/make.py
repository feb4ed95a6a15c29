"""Reference distributions for replicas on a device, from LAMMPS on the CPU: `python tests/cuda/reference/make.py`.

64 silicon atoms of the shipped model si-dft at 1200 K in a cell that stays as it is (a = 5.5 Å), Langevin thermostat,
time step 1 fs. After 3 ps, 40 ps: the temperature every 20 fs and the positions every 100 fs. silicon-1200K.json gets mean and
standard deviation of the temperature and g(r), each with its standard error from ten blocks, and eight moments of the
run, 5 ps apart, to start replicas from.
"""

import tempfile
from pathlib import Path

import numpy as np

import tlmlp
from tlmlp.bench.timing import versions
from tlmlp.export import read_header
from tlmlp.files import atomic_write_json
from tlmlp.lammps import run_lammps

HERE = Path(__file__).resolve().parent
SIDE, TEMPERATURE, FRICTION = 11.0, 1200.0, 0.01  # Å, K, 1/fs
BINS = np.linspace(1.8, 5.4, 37)  # Å, up to less than half the side
DECK = """
units metal
lattice diamond 5.5
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style tlmlp precision double
pair_coeff * * ${model} Si
velocity all create 2400 4711 mom no rot no dist gaussian
timestep 0.001
fix move all nve
fix heat all langevin 1200 1200 0.1 99
compute_modify thermo_temp extra/dof 0
run 3000
dump frames all custom 100 ${dump} id x y z vx vy vz
dump_modify frames sort id format float %.10g
thermo 20
thermo_style custom step temp
thermo_modify format float %.8g
run 40000
"""


def pair_distribution(positions: np.ndarray) -> np.ndarray:
    """g(r) of frames (n, atoms, 3) in a cube of side SIDE on BINS, one row per frame."""
    atoms = positions.shape[1]
    first, second = np.triu_indices(atoms, 1)
    shells = 4.0 / 3.0 * np.pi * np.diff(BINS**3) * len(first) / SIDE**3
    rows = []
    for frame in positions:
        apart = frame[first] - frame[second]
        apart -= SIDE * np.round(apart / SIDE)
        rows.append(np.histogram(np.linalg.norm(apart, axis=1), BINS)[0] / shells)
    return np.array(rows)


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis and its standard error from ten blocks."""
    blocks = np.array([block.mean(axis=0) for block in np.array_split(values, 10)])
    return values.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))


def main() -> None:
    """Run LAMMPS and write the file."""
    model = tlmlp.pretrained("si-dft")
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "frames.dump"
        run = run_lammps(DECK, variables={"model": model, "dump": dump})
        text = dump.read_text().split("ITEM: ATOMS id x y z vx vy vz\n")[1:]
        frames = np.array([[line.split()[1:] for line in part.splitlines()[:64]] for part in text], dtype=float)
    temperatures = np.array(run.tables[-1]["Temp"])
    mean, error = mean_and_error(temperatures)
    square, square_error = mean_and_error((temperatures - mean) ** 2)
    g, g_error = mean_and_error(pair_distribution(frames[1:, :, :3]))
    starts = [
        {"positions": np.round(f[:, :3], 6).tolist(), "velocities": np.round(f[:, 3:] * 1e-3, 9).tolist()}
        for f in frames[50::50]
    ]
    content = {
        "weights_sha256": read_header(model)["weights"]["sha256"],
        "cell_angstrom": SIDE,
        "temperature_K": {"mean": float(mean), "error": float(error)},
        "temperature_variance_K2": {"mean": float(square), "error": float(square_error)},
        "g": {"bins_angstrom": BINS.tolist(), "mean": g.round(5).tolist(), "error": g_error.round(5).tolist()},
        "starts": starts,
        "versions": versions("lammps", "numpy"),
    }
    atomic_write_json(HERE / "silicon-1200K.json", content)


if __name__ == "__main__":
    main()
