"""What the plugin says in a LAMMPS that it does not fit: one line, and LAMMPS goes on."""

import shutil
import subprocess

import pytest

from tlmlp.lammps import lammps_environment, plugin_dir
from tlmlp.lammps.locate import PLUGINS, lammps_program

LOADED, REFUSED = "pair style plugin tlmlp", "is not loaded"


@pytest.fixture
def plugin(tmp_path):
    """A copy of the plugin's folder, to be changed."""
    return shutil.copytree(plugin_dir(), tmp_path / "plugin")


def plugins_of(folder, script="plugin list\n", **environment) -> str:
    """What LAMMPS prints that finds its plugins in ``folder``."""
    deck = folder.parent / "in.lammps"
    deck.write_text(script)
    run = subprocess.run(
        [str(lammps_program()), "-in", str(deck), "-log", "none"],
        env=lammps_environment() | {"LAMMPS_PLUGIN_PATH": str(folder)} | environment,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def refusal(output: str) -> str:
    assert LOADED not in output
    (line,) = [line for line in output.splitlines() if REFUSED in line]
    return line


def test_a_copy_is_as_good(plugin):
    output = plugins_of(plugin)
    assert LOADED in output and REFUSED not in output


def test_a_link_is_as_good(plugin):
    links = plugin.parent / "links"
    links.mkdir()
    (links / PLUGINS[0]).symlink_to(plugin / PLUGINS[0])
    assert LOADED in plugins_of(links)


def test_a_missing_function(plugin):
    """The pair style asks for a function that this LAMMPS does not have: its name in the library's table is changed."""
    path = plugin / "tlmlp_pair.so"
    name = b"get_potential_file_path"
    content = path.read_bytes()
    assert name in content
    path.write_bytes(content.replace(name, name.replace(b"path", b"pith")))
    line = refusal(plugins_of(plugin))
    assert "its library does not fit this LAMMPS" in line and "undefined symbol" in line and "file_pith" in line
    other = "units metal\nregion b block 0 9 0 9 0 9\ncreate_box 1 b\nmass 1 1\npair_style lj/cut 3\npair_coeff * * 1 1\nrun 0\n"
    assert "Loop time" in plugins_of(plugin, other)


@pytest.mark.parametrize("fault", ["gone", "no library", "another library"])
def test_a_library_that_cannot_be_opened(plugin, fault):
    path = plugin / "tlmlp_pair.so"
    if fault == "gone":
        path.unlink()
    elif fault == "no library":
        path.write_bytes(b"not a library\n")
    else:
        shutil.copy(plugin / PLUGINS[0], path)
    said = "has no pair style" if fault == "another library" else "tlmlp_pair.so"
    assert said in refusal(plugins_of(plugin))


def preloaded(folder, code: str):
    """A library that answers in the place of LAMMPS' own functions."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = folder.parent / "answer.so"
    command = [compiler, "-shared", "-fPIC", "-xc", "-", "-o", str(library)]
    subprocess.run(command, input="#include <string.h>\n" + code, text=True, check=True)
    return {"LD_PRELOAD": str(library)}


def test_another_version(plugin):
    line = refusal(plugins_of(plugin, **preloaded(plugin, "int lammps_version(void *l) { return 20250402; }")))
    assert "the plugin was built for LAMMPS 20250722, this is 20250402; build it against this LAMMPS, see docs" in line


def test_other_sizes_of_integers(plugin):
    """LAMMPS is asked for its sizes; here it answers as one built with -DLAMMPS_BIGBIG."""
    code = 'int lammps_extract_setting(void *l, const char *name) { return strcmp(name, "world_rank") ? 8 : 0; }'
    line = refusal(plugins_of(plugin, **preloaded(plugin, code)))
    assert "built for a LAMMPS whose tagint has 4 bytes, this one's has 8; build it against this LAMMPS" in line


def test_the_older_string_of_the_standard_library(plugin):
    """LAMMPS' wheel of 29 August 2024 is of another version, and its functions take the older std::string."""
    code = "int lammps_version(void *l) { return 20240829; } void _ZN9LAMMPS_NS5Error3allERKSsiS2_(void) {}"
    line = refusal(plugins_of(plugin, **preloaded(plugin, code)))
    assert (
        "this is 20240829; build it against this LAMMPS with -D_GLIBCXX_USE_CXX11_ABI=0 in CMAKE_CXX_FLAGS, see" in line
    )
