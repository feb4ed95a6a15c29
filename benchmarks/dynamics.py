"""Long runs in LAMMPS that show whether a model and its pair style can be trusted with dynamics.

    python benchmarks/dynamics.py ge.pt [--threads T] [--ranks R] [--out FOLDER] [--only nve langevin npt]

64 germanium atoms. nve: drift of the total energy at 300 and 1200 K over 10 ps (20,000 steps), at 300 K in single and
double precision, and memory of the process over the same steps. langevin: the temperature that a thermostat of 1200 K
holds over 17 ps. npt: temperature and pressure that a thermostat of 1200 K and a barostat of 10,000 bar hold over 20 ps
on R ranks. Limits: 1 meV/atom in single and 0.1 in double precision, no growth, means within three standard errors.
Needs Linux (/proc) for the memory.
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
"""
# The time and the total energy every 10 fs, after 2 ps at the temperature.
CONSTANT_ENERGY = """
fix move all nve
timestep 0.0005
fix heat all langevin ${temperature} ${temperature} 0.1 99 zero yes
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
fix move all nve
timestep 0.001
compute_modify thermo_temp extra/dof 0
fix heat all langevin ${temperature} ${temperature} 0.1 99
run 3000
thermo 5
thermo_style custom step time temp etotal
run 17000
"""
PRESSURE = 10000.0  # bar
HEAT_BATH = """
fix move all npt temp ${temperature} ${temperature} 0.1 iso ${pressure} ${pressure} 0.5
timestep 0.001
run 3000
reset_timestep 0 time 0
thermo 5
thermo_style custom step time temp press vol
run 20000
"""
ATOMS = 64


def resident_memory_mb() -> float:
    """Resident memory of the program that this process has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    status = Path(f"/proc/{children[0]}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def run(
    script: str, options: argparse.Namespace, temperature: float, precision: str = "single", ranks: int = 1
) -> tuple[dict[str, np.ndarray], list[float]]:
    """The last table of thermodynamic output, and the memory (MB) at every 20th of its rows."""
    memory: list[float] = []
    rows = 0

    def follow(line: str) -> None:
        nonlocal rows
        words = line.split()
        if words and words[0].isdigit():
            rows += 1
            if rows % 20 == 0:
                memory.append(resident_memory_mb())

    variables = {"a": options.lattice_constant, "model": options.model.name, "precision": precision}
    variables |= {"temperature": temperature, "twice": 2 * temperature, "pressure": PRESSURE}
    # LAMMPS substitutes no variable in quotes, and the folder's name may have spaces: it runs there.
    folder = options.model.resolve().parent
    done = run_lammps(
        CRYSTAL + script, folder, variables=variables, ranks=ranks, threads=options.threads, on_line=follow
    )
    return {name: np.array(column) for name, column in done.tables[-1].items()}, memory


def block_error(values: np.ndarray, blocks: int = 10) -> float:
    """Standard error of the mean from averages over blocks, which are taken as independent."""
    means = [block.mean() for block in np.array_split(values, blocks)]
    return float(np.std(means, ddof=1) / np.sqrt(blocks))


def constant_energy(options: argparse.Namespace, results: dict, rows: list, axes: plt.Axes) -> None:
    """Drift of the total energy, and memory."""
    for temperature, precision in ((1200, "single"), (300, "double"), (300, "single")):
        console.print(f"constant energy, 10 ps, {temperature} K, {precision} precision")
        thermo, memory = run(CONSTANT_ENERGY, options, temperature, precision)
        time, energy = thermo["Time"], thermo["TotEng"] * 1e3 / ATOMS
        drift = float(np.polyfit(time, energy, 1)[0]) * 10.0
        grown = max(memory) - memory[0]
        name = f"{temperature} K, {precision}"
        results[name] = {"drift_mev_per_atom_per_10ps": drift, "memory_mb": memory[0], "memory_growth_mb": grown}
        results[name] |= {"mean_temperature_k": float(thermo["Temp"].mean())}
        rows.append([f"NVE drift, {name}", f"{drift:+.2g} meV/atom per 10 ps", f"mean {thermo['Temp'].mean():.0f} K"])
        rows.append([f"memory, {name}", f"{memory[0]:.1f} MB, growth {grown:.2f} MB", "20,000 steps"])
        axes.plot(time, (energy - energy[0]) * 1e3, lw=0.6, label=name)
        header = "time_ps,mev_per_atom"
        np.savetxt(options.out / f"nve-{temperature}-{precision}.csv", np.c_[time, energy], "%.8f", ",", header=header)
    axes.set(xlabel="time (ps)", ylabel="total energy change (µeV/atom)", title="constant energy")
    axes.legend()


def langevin(options: argparse.Namespace, results: dict, rows: list, axes: plt.Axes) -> None:
    """The temperature that a thermostat holds."""
    console.print("Langevin, 17 ps, single precision")
    thermo, _ = run(LANGEVIN, options, 1200)
    time, temperature = thermo["Time"], thermo["Temp"]
    mean, error = float(temperature.mean()), block_error(temperature)
    results["langevin"] = {"temperature_k": mean, "standard_error_k": error}
    rows.append(["Langevin at 1200 K", f"{mean:.0f} ± {error:.0f} K", "17 ps, all 3N degrees of freedom"])
    axes.plot(time, temperature, lw=0.4)
    axes.axhline(1200, color="k", lw=0.8)
    axes.set(xlabel="time (ps)", ylabel="temperature (K)", title="Langevin, 1200 K")
    np.savetxt(options.out / "langevin.csv", np.c_[time, temperature], "%.4f", ",", header="time_ps,temperature_k")


def heat_bath(options: argparse.Namespace, results: dict, rows: list, axes: plt.Axes) -> None:
    """Temperature and pressure that a thermostat and a barostat hold, on several ranks."""
    console.print(f"NPT, 20 ps, single precision, {options.ranks} ranks")
    thermo, _ = run(HEAT_BATH, options, 1200, ranks=options.ranks)
    time, temperature, pressure = thermo["Time"], thermo["Temp"], thermo["Press"]
    means, errors = (temperature.mean(), pressure.mean()), (block_error(temperature), block_error(pressure))
    results["npt"] = {"ranks": options.ranks, "temperature_k": float(means[0]), "standard_error_k": errors[0]}
    results["npt"] |= {
        "pressure_bar": float(means[1]),
        "standard_error_bar": errors[1],
        "pressure_wanted_bar": PRESSURE,
    }
    results["npt"] |= {"volume_per_atom_ang3": float(thermo["Volume"].mean()) / ATOMS}
    rows.append(["NPT, temperature at 1200 K", f"{means[0]:.0f} ± {errors[0]:.0f} K", f"20 ps, {options.ranks} ranks"])
    rows.append([f"NPT, pressure at {PRESSURE:.0f} bar", f"{means[1]:.0f} ± {errors[1]:.0f} bar", "the same run"])
    # Running means, in units of what is wanted.
    count = np.arange(1, len(time) + 1)
    axes.plot(time, np.cumsum(temperature) / count / 1200.0, label="temperature / 1200 K")
    axes.plot(time, np.cumsum(pressure) / count / PRESSURE, label=f"pressure / {PRESSURE:.0f} bar")
    axes.axhline(1.0, color="k", lw=0.8)
    axes.set(xlabel="time (ps)", ylabel="running mean", title="NPT, 1200 K", ylim=(0.9, 1.1))
    axes.legend()
    columns = np.c_[time, temperature, pressure, thermo["Volume"]]
    np.savetxt(options.out / "npt.csv", columns, "%.4f", ",", header="time_ps,temperature_k,pressure_bar,volume_ang3")


CHECKS = {"nve": constant_energy, "langevin": langevin, "npt": heat_bath}


def main() -> None:
    """Run what is wanted, print the table, write JSON, CSV and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="exported germanium model")
    parser.add_argument("--lattice-constant", type=float, default=5.7542, help="Å (default: DFT germanium)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=2, help="of the run at constant pressure")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--out", type=Path, default=Path("dynamics-out"))
    options = parser.parse_args()
    results: dict = {"versions": versions("lammps", "numpy"), "model_sha256": sha256_file(options.model)}
    results |= {"threads": options.threads, "atoms": ATOMS}
    rows: list[list[str]] = []
    figure = plt.figure(figsize=(4 * len(options.only), 3.5), layout="constrained")
    options.out.mkdir(parents=True, exist_ok=True)
    for name, axes in zip(options.only, figure.subplots(1, len(options.only), squeeze=False)[0], strict=True):
        CHECKS[name](options, results, rows, axes)
    figure.savefig(options.out / "dynamics.png", dpi=150)
    table(f"64 germanium atoms, {options.threads} threads", ["check", "result", "conditions"], rows)
    atomic_write_json(options.out / "dynamics.json", results)


if __name__ == "__main__":
    main()
