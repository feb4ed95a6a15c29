"""Long runs in LAMMPS that show whether a model and its pair style can be trusted with dynamics.

    python benchmarks/dynamics.py ge.pt [--threads T] [--out FOLDER]

64 germanium atoms: drift of the total energy at 300 K over 10 ps (20,000 steps) in single and double precision, memory
of the process over the same steps, and the temperature that a Langevin thermostat of 1200 K holds over 17 ps. Limits:
1 and 0.1 meV/atom, no growth, 2 %. Needs Linux (/proc) for the memory.
"""

import argparse
import os
from pathlib import Path

import matplotlib
import numpy as np

from tlmlp.bench.timing import versions
from tlmlp.console import console, table
from tlmlp.files import atomic_write_json, sha256_file
from tlmlp.lammps import run_lammps

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CRYSTAL = """
units metal
lattice diamond ${a}
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 72.630
pair_style tlmlp precision ${precision}
pair_coeff * * ${model} Ge
velocity all create ${twice} 4711 mom yes rot no dist gaussian
fix move all nve
"""
# The time and the total energy every 10 fs, after 2 ps at 300 K.
CONSTANT_ENERGY = """
timestep 0.0005
fix heat all langevin 300 300 0.1 99 zero yes
run 4000
unfix heat
reset_timestep 0 time 0
thermo 20
thermo_style custom step time temp etotal
thermo_modify norm no format float %.12g
run 20000
"""
# The thermostat acts on all 3N degrees of freedom, so all are counted.
LANGEVIN = """
timestep 0.001
compute_modify thermo_temp extra/dof 0
fix heat all langevin 1200 1200 0.1 99
run 3000
thermo 5
thermo_style custom step time temp etotal
run 17000
"""
ATOMS = 64


def resident_memory_mb() -> float:
    """Resident memory of the program that this process has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    status = Path(f"/proc/{children[0]}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def run(
    script: str, model: Path, a: float, temperature: float, precision: str, threads: int
) -> tuple[dict, list[float]]:
    """The last table of thermodynamic output, and the memory (MB) at each of its rows."""
    memory: list[float] = []
    rows = 0

    def follow(line: str) -> None:
        nonlocal rows
        words = line.split()
        if words and words[0].isdigit():
            rows += 1
            if rows % 20 == 0:
                memory.append(resident_memory_mb())

    variables = {"a": a, "model": model.name, "precision": precision, "twice": 2 * temperature}
    # LAMMPS substitutes no variable in quotes, and the folder's name may have spaces: it runs there.
    folder = model.resolve().parent
    done = run_lammps(CRYSTAL + script, folder, variables=variables, threads=threads, on_line=follow)
    return done.tables[-1], memory


def block_error(values: np.ndarray, blocks: int = 10) -> float:
    """Standard error of the mean from averages over blocks, which are taken as independent."""
    means = [block.mean() for block in np.array_split(values, blocks)]
    return float(np.std(means, ddof=1) / np.sqrt(blocks))


def main() -> None:
    """Run everything, print the table, write JSON, CSV and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="exported germanium model")
    parser.add_argument("--lattice-constant", type=float, default=5.7542, help="Å (default: DFT germanium)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("dynamics-out"))
    options = parser.parse_args()
    results: dict = {"versions": versions("lammps", "numpy"), "model_sha256": sha256_file(options.model)}
    results |= {"threads": options.threads, "atoms": ATOMS}
    rows, figure = [], plt.figure(figsize=(8, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    options.out.mkdir(parents=True, exist_ok=True)
    for precision in ("single", "double"):
        console.print(f"constant energy, 10 ps, {precision} precision")
        thermo, memory = run(CONSTANT_ENERGY, options.model, options.lattice_constant, 300, precision, options.threads)
        time, energy = np.array(thermo["Time"]), np.array(thermo["TotEng"]) * 1e3 / ATOMS
        drift = float(np.polyfit(time, energy, 1)[0]) * 10.0
        grown = max(memory) - memory[0]
        results[precision] = {"drift_mev_per_atom_per_10ps": drift, "memory_mb": memory[0], "memory_growth_mb": grown}
        rows.append([f"NVE drift, {precision}", f"{drift:+.2g} meV/atom per 10 ps", f"{np.mean(thermo['Temp']):.0f} K"])
        rows.append([f"memory, {precision}", f"{memory[0]:.1f} MB, growth {grown:.2f} MB", "20,000 steps"])
        left.plot(time, (energy - energy[0]) * 1e3, lw=0.6, label=precision)
        np.savetxt(
            options.out / f"nve-{precision}.csv", np.c_[time, energy], "%.8f", ",", header="time_ps,mev_per_atom"
        )
    console.print("Langevin, 17 ps, single precision")
    thermo, _ = run(LANGEVIN, options.model, options.lattice_constant, 1200, "single", options.threads)
    time, temperature = np.array(thermo["Time"]), np.array(thermo["Temp"])
    mean, error = float(temperature.mean()), block_error(temperature)
    results["langevin"] = {"temperature_k": mean, "standard_error_k": error}
    rows.append(["Langevin at 1200 K", f"{mean:.0f} ± {error:.0f} K", "17 ps, all 3N degrees of freedom"])
    right.plot(time, temperature, lw=0.4)
    right.axhline(1200, color="k", lw=0.8)
    np.savetxt(options.out / "langevin.csv", np.c_[time, temperature], "%.4f", ",", header="time_ps,temperature_k")
    left.set(xlabel="time (ps)", ylabel="total energy change (µeV/atom)", title="constant energy, 300 K")
    left.legend()
    right.set(xlabel="time (ps)", ylabel="temperature (K)", title="Langevin, 1200 K")
    figure.savefig(options.out / "dynamics.png", dpi=150)
    table(f"64 germanium atoms, {options.threads} threads", ["check", "result", "conditions"], rows)
    atomic_write_json(options.out / "dynamics.json", results)


if __name__ == "__main__":
    main()
