"""Bad input ends LAMMPS with one ERROR line that says what to do: no crash, no hang, no libtorch trace."""

import io
import shutil
import struct
import subprocess
import zipfile

import pytest

from tlmlp.errors import TlmlpError
from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import lammps_program, plugin_dir

BOX = """
units {units}
region box block 0 20 0 20 0 20
create_box {types} box
create_atoms 1 single 5 5 5 units box
create_atoms 1 single 5 5 7.4 units box
mass * 72.6
"""


def error_of(decks, body: str, ranks: int = 1) -> str:
    with pytest.raises(TlmlpError) as caught:
        decks.run_text(body, ranks=ranks)
    line = str(caught.value)
    assert line.startswith("LAMMPS stopped: ERROR"), line
    assert "\n" not in line
    return line


def box(units: str = "metal", types: int = 1) -> str:
    return BOX.format(units=units, types=types)


@pytest.mark.parametrize("units", ["lj", "si", "electron"])
def test_unknown_units(decks, germanium, units):
    assert f"needs units metal or real, got units {units}" in error_of(decks, box(units) + germanium.pair())


@pytest.mark.parametrize(
    ("elements", "types", "message"),
    [
        ("", 1, "expected 1, got 0"),
        ("Ge Ge", 1, "expected 1, got 2"),
        ("Ge", 2, "expected 2, got 1"),
        ("Si", 1, "element 'Si' is not in the model"),
        ("ge", 1, "element 'ge' is not in the model"),
    ],
)
def test_elements(decks, germanium, elements, types, message):
    text = box(types=types) + f"pair_style tlmlp\npair_coeff * * {germanium.path} {elements}\n"
    assert message in error_of(decks, text)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("pair_style tlmlp 4.0", "unknown keyword '4.0'"),
        ("pair_style tlmlp precision", "takes single or double, got 'nothing'"),
        ("pair_style tlmlp precision half", "takes single or double, got 'half'"),
        ("pair_style tlmlp\npair_coeff 1 1 {model} Ge", "* *"),
        ("pair_style tlmlp\npair_coeff * *", "* * FILE"),
        ("pair_style tlmlp\nrun 0", "coeff"),
        ("pair_style tlmlp\npair_coeff * * missing.pt Ge", "cannot read the model file missing.pt"),
        ("pair_style tlmlp\npair_coeff * * . Ge", "ERROR: pair_style tlmlp: "),
    ],
)
def test_arguments(decks, germanium, lines, message):
    assert message in error_of(decks, box() + lines.format(model=germanium.path) + "\n")


def test_the_variant_on_libtorch_refuses_several_ranks(decks, germanium):
    with pytest.raises(TlmlpError, match="this backend runs on one MPI rank, got 2"):
        decks.run_text(box() + germanium.pair(style="tlmlp/torch") + "run 0\n", ranks=2)


def damaged_files(whole: bytes) -> dict[str, bytes]:
    """Files that look more or less like the exported model ``whole``."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        weights = next(e for e in archive.infolist() if e.filename.endswith("weights.safetensors"))
        data = next(e for e in archive.infolist() if e.filename.endswith("data/10"))

    def flipped(entry: zipfile.ZipInfo) -> bytes:
        name, extra = struct.unpack("<HH", whole[entry.header_offset + 26 : entry.header_offset + 30])
        position = entry.header_offset + 30 + name + extra + entry.file_size // 2
        return whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :]

    def zipped(change) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in entries.items():
                if (new := change(name, content)) is not None:
                    archive.writestr(name, new)
        return buffer.getvalue()

    def header(change: tuple[bytes, bytes]) -> bytes:
        return zipped(lambda name, content: content.replace(*change) if name.endswith("tlmlp.json") else content)

    return {
        "empty": b"",
        "text": b"not a model\n" * 100,
        "cut short": whole[: len(whole) // 2],
        "without its last byte": whole[:-1],
        "flipped weights": flipped(weights),
        "flipped tensor": flipped(data),
        "no header": zipped(lambda name, content: None if name.endswith("tlmlp.json") else content),
        "foreign archive": zipped(lambda name, content: content if name.endswith("version") else None),
        "later format": header((b'"format_version": "1.0"', b'"format_version": "2.0"')),
        "no json": header((b"{", b"[")),
        "no cutoff": header((b'"cutoff": 4.3', b'"cutoff": "wide"')),
    }


def test_damaged_and_foreign_files(decks, germanium, style):
    expected = {
        "flipped weights": "checksum",
        "flipped tensor": "checksum",
        "later format": "format version",
        "no cutoff": "cutoff",
    }
    for name, content in damaged_files(germanium.path.read_bytes()).items():
        if (name, style) == ("flipped tensor", "tlmlp"):
            continue  # a part of the archive that only libtorch reads
        path = decks.folder / "broken.pt"
        path.write_bytes(content)
        line = error_of(decks, box() + f"pair_style {style}\npair_coeff * * {path} Ge\n")
        assert str(path) in line, (name, line)
        assert expected.get(name, "") in line, (name, line)
        if style == "tlmlp/torch":
            assert f"cannot use the model file {path}" in line, (name, line)


def test_coinciding_atoms(decks, germanium):
    text = box() + "create_atoms 1 single 5 5 5 units box\n" + germanium.pair() + "run 0\n"
    assert "atoms 1 and 3 coincide" in error_of(decks, text)


def test_close_atoms_are_warned_of_once(decks, germanium):
    text = box() + "create_atoms 1 single 5 5 6.2 units box\n" + germanium.pair() + "fix 1 all nve\nrun 3\n"
    warnings = [line for line in decks.run_text(text).output.splitlines() if "closer than any pair" in line]
    assert len(warnings) == 1 and "1.200 Angstrom apart" in warnings[0] and "(1.500 Angstrom)" in warnings[0]


def test_without_libtorch_lammps_runs_and_the_pair_style_says_what_is_missing(decks, germanium, tmp_path):
    """A plugin whose backend cannot be opened does not disturb other pair styles."""
    alone = tmp_path / "a" / "b" / "plugin"
    shutil.copytree(plugin_dir(torch=True), alone)
    environment = lammps_environment() | {"LAMMPS_PLUGIN_PATH": str(alone)}
    environment.pop("TLMLP_TORCH_LIB", None)

    def run(pair: str) -> subprocess.CompletedProcess:
        deck = tmp_path / "in.lammps"
        deck.write_text(box() + pair + "run 0\n")
        return subprocess.run(
            [str(lammps_program()), "-in", str(deck), "-log", "none"],
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
        )

    other = run("pair_style lj/cut 5.0\npair_coeff * * 0.1 2.0\n")
    assert other.returncode == 0 and "ERROR" not in other.stdout
    mine = run(germanium.pair(style="tlmlp/torch"))
    assert mine.returncode == 1
    errors = [line for line in mine.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1 and "libtorch could not be loaded" in errors[0] and "tlmlp[train]" in errors[0]


def test_neigh_modify_include_is_refused(decks, germanium):
    text = box() + germanium.pair() + "group first id 1\natom_modify first first\nneigh_modify include first\nrun 0\n"
    assert "neigh_modify include hides atoms" in error_of(decks, text)


def test_hidden_bonded_pairs_are_warned_of(decks, germanium):
    text = "units metal\natom_style bond\n" + box().replace("units metal", "") + germanium.pair()
    for special, count in (("special_bonds lj/coul 0 0 0.5\n", 1), ("special_bonds lj/coul 1 1 1\n", 0)):
        assert decks.run_text(text + special + "run 0\n").output.count("hide bonded pairs") == count
