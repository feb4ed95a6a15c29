"""Bad input ends LAMMPS with one ERROR line that says what to do: no crash, no hang, no libtorch trace."""

import hashlib
import io
import json
import re
import shutil
import struct
import subprocess
import zipfile

import numpy as np
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
        ("pair_style tlmlp device", "keyword device takes cpu, cuda or cuda:N, got nothing"),
        ("pair_style tlmlp device abacus\npair_coeff * * {model} Ge", "'cuda-on-cpu', got 'abacus'"),
        ("pair_style tlmlp/torch device cuda\npair_coeff * * {model} Ge", "only pair_style tlmlp runs on a GPU"),
        ("pair_style tlmlp committee 1", "keyword committee takes a number, at least 2, got '1'"),
        ("pair_style tlmlp committee two", "keyword committee takes a number, at least 2, got 'two'"),
        ("pair_style tlmlp committee 2 out_freq 0", "keyword out_freq takes a number, at least 1, got '0'"),
        ("pair_style tlmlp committee 2 out_file", "keyword out_file takes a file name, got nothing"),
        ("pair_style tlmlp committee 2 out_freq 5", "out_freq and out_file need each other"),
        ("pair_style tlmlp out_freq 5 out_file x", "belong to a committee"),
        ("pair_style tlmlp committee 2\npair_coeff * * {model}", "* * 2 FILES and one element"),
        ("pair_style tlmlp committee 2\npair_coeff * * {model} {model} Ge Ge", "expected 1, got 2"),
        (
            "pair_style hybrid/overlay tlmlp zero 4.0\npair_coeff * * zero\nrun 0",
            "Pair hybrid sub-style tlmlp is not used",
        ),
        (
            "pair_style tlmlp\npair_coeff * * {model} Ge\npair_style tlmlp precision double\nrun 0",
            "All pair coeffs are not set",
        ),
        (
            "run_style respa 2 2 inner 1 4.0 5.0 outer 2\npair_style tlmlp\npair_coeff * * {model} Ge\nrun 0",
            "Pair style does not support rRESPA",
        ),
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


def test_a_device_serves_one_rank(decks, germanium):
    text = box() + f"pair_style tlmlp device cuda-on-cpu\npair_coeff * * {germanium.path} Ge\n"
    assert "device cuda-on-cpu serves one MPI rank, got 2; start one rank, or leave out device" in error_of(
        decks, text, 2
    )


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
        "bytes behind its end": whole + b"more",
        "flipped weights": flipped(weights),
        "flipped tensor": flipped(data),
        "no header": zipped(lambda name, content: None if name.endswith("tlmlp.json") else content),
        "foreign archive": zipped(lambda name, content: content if name.endswith("version") else None),
        "later format": header((b'"format_version": "1.1"', b'"format_version": "2.0"')),
        "no json": header((b"{", b"[")),
        "no cutoff": header((b'"cutoff": 4.3', b'"cutoff": "wide"')),
        "negative cutoff": header((b'"cutoff": 4.3', b'"cutoff": -4.3')),
        "no species": header((b'"species": [\n  "Ge"\n ]', b'"species": []')),
        "species without a name": header((b'"species": [\n  "Ge"\n ]', b'"species": [32]')),
    }


#: What a line says beside the file's name: one reader for both styles.
SAID = {
    "empty": "it is not a zip archive",
    "text": "it is not a zip archive",
    "cut short": "it is not a zip archive",
    "bytes behind its end": "it is not a zip archive",
    "flipped weights": "checksum",
    "flipped tensor": "checksum",
    "no header": "it has no entry /extra/tlmlp.json; write it with `tlmlp export`",
    "later format": "format version",
    "no cutoff": "cutoff",
    "negative cutoff": "cutoff",
    "species without a name": "species",
}


def test_damaged_and_foreign_files(decks, germanium, style):
    for name, content in damaged_files(germanium.path.read_bytes()).items():
        if (name, style) == ("flipped tensor", "tlmlp"):
            continue  # a part of the archive that only libtorch reads
        path = decks.folder / "broken.pt"
        path.write_bytes(content)
        line = error_of(decks, box() + f"pair_style {style}\npair_coeff * * {path} Ge\n")
        assert str(path) in line, (name, line)
        assert SAID.get(name, "") in line, (name, line)


def test_bits_of_the_part_that_tlmlp_does_not_read(decks, germanium):
    """The TorchScript half of the archive: ``tlmlp`` takes nothing from it, so a bit there changes no energy."""
    whole = germanium.path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        read = [e for e in archive.infolist() if "/extra/" in e.filename]
        table = archive.start_dir
    rest = [
        k for k in range(table) if not any(e.header_offset <= k < e.header_offset + 4096 + e.file_size for e in read)
    ]
    assert len(rest) > 10_000
    path = decks.folder / "bit.pt"
    text = box() + "pair_style tlmlp precision double\npair_coeff * * {} Ge\nthermo_modify format float %.15g\nrun 0\n"
    wanted = decks.run_text(text.format(germanium.path)).tables[-1]["E_pair"]
    sections = []
    for k in np.random.default_rng(3).choice(rest, 12, replace=False):
        path = decks.folder / f"bit{k}.pt"
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 1 << k % 8]) + whole[k + 1 :])
        sections.append(text.format(path))
    assert [table["E_pair"] for table in decks.run_text("clear\n".join(sections)).tables] == [wanted] * 12


def test_coinciding_atoms(decks, germanium):
    text = box() + "create_atoms 1 single 5 5 5 units box\n" + germanium.pair() + "run 0\n"
    assert "atoms 1 and 3 coincide" in error_of(decks, text)


def test_close_atoms_are_warned_of_once(decks, germanium):
    text = box() + "create_atoms 1 single 5 5 6.2 units box\n" + germanium.pair() + "fix 1 all nve\nrun 3\n"
    warnings = [line for line in decks.run_text(text).output.splitlines() if "this is said once per run" in line]
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


def test_parts_of_the_variant_on_libtorch_that_do_not_fit(decks, germanium, tmp_path):
    """In the place of its backend another library, then the backend without the operators that belong beside it."""
    package = plugin_dir().parents[1]
    alone = tmp_path / "tlmlp" / "lammps" / "plugin_torch"
    shutil.copytree(plugin_dir(torch=True), alone)
    backend = tmp_path / "tlmlp" / "lib" / "libtlmlp_lammps_torch.so"
    backend.parent.mkdir()
    deck = tmp_path / "in.lammps"
    deck.write_text(box() + germanium.pair(style="tlmlp/torch") + "run 0\n")
    for library, message in (
        ("libvesin.so", "libtlmlp_lammps_torch.so is no tlmlp library"),
        (backend.name, "its operators cannot be loaded"),
    ):
        shutil.copy(package / "lib" / library, backend)
        run = subprocess.run(
            [str(lammps_program()), "-in", str(deck), "-log", "none"],
            env=lammps_environment(torch=True) | {"LAMMPS_PLUGIN_PATH": str(alone)},
            text=True,
            capture_output=True,
            timeout=60,
        )
        (line,) = [line for line in run.stdout.splitlines() if line.startswith("ERROR")]
        assert run.returncode == 1 and message in line, line


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("size", "the model returned an array of a wrong size"),
        ("failure", "pair_style tlmlp: libtorch: RuntimeError: The size of tensor a"),
        ("method", "pair_style tlmlp: libtorch: Method 'forward_edges' is not defined"),
    ],
)
def test_an_archive_that_does_not_do_what_it_says(decks, germanium, fault, message):
    import torch

    class Foreign(torch.nn.Module):
        def __init__(self, fails: bool):
            super().__init__()
            self.fails = fails

        @torch.jit.export
        def forward_edges(self, species: torch.Tensor, edge_index: torch.Tensor, edge_vector: torch.Tensor):
            n = species.shape[0] + 1
            atoms = torch.zeros(n, dtype=torch.float64)
            if self.fails:
                atoms = atoms + torch.zeros(n + 1, dtype=torch.float64)
            return atoms.sum(), edge_vector, atoms

    path = decks.folder / "foreign.pt"
    with zipfile.ZipFile(germanium.path) as archive:
        extra = {name.split("/extra/")[1]: archive.read(name) for name in archive.namelist() if "/extra/" in name}
    module = torch.nn.Identity() if fault == "method" else Foreign(fault == "failure")
    torch.jit.save(torch.jit.script(module), str(path), _extra_files=extra)
    line = error_of(decks, box() + f"pair_style tlmlp/torch\npair_coeff * * {path} Ge\nrun 0\n")
    assert message in line


def test_neigh_modify_include_is_refused(decks, germanium):
    text = box() + germanium.pair() + "group first id 1\natom_modify first first\nneigh_modify include first\nrun 0\n"
    assert "neigh_modify include hides atoms" in error_of(decks, text)


def test_golden_numbers_of_another_model(decks, germanium):
    """A file whose weights do not give the numbers stored in it: what a miscompiled engine would look like too."""
    whole = germanium.path.read_bytes()
    path = decks.folder / "other.pt"
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(path, "w") as out:
        for entry in archive.infolist():
            content = archive.read(entry)
            if entry.filename.endswith("tlmlp.json"):
                header = json.loads(content)
                header["golden"][0]["forces"][2][1] += 0.5
                content = json.dumps(header).encode()
            out.writestr(entry.filename, content)
    line = error_of(decks, box() + f"pair_style tlmlp\npair_coeff * * {path} Ge\n")
    assert "does not give the numbers stored in it" in line and "forces by 5.0e-01 eV/Angstrom" in line


def test_an_energy_that_is_no_number(decks, germanium):
    """Weights of a training that diverged, in a file that is otherwise whole."""
    from safetensors.numpy import load, save

    path = decks.folder / "nan.pt"
    with zipfile.ZipFile(germanium.path) as archive, zipfile.ZipFile(path, "w") as out:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        weights = next(name for name in entries if name.endswith("weights.safetensors"))
        arrays = {name: array.copy() for name, array in load(entries[weights]).items()}
        for name, array in arrays.items():
            array *= 1e20 if name.startswith("output.0.") else 1.0  # more than float32 can hold in the end
        entries[weights] = save(arrays)
        header = next(name for name in entries if name.endswith("tlmlp.json"))
        content = json.loads(entries[header])
        content["weights"]["sha256"] = hashlib.sha256(entries[weights]).hexdigest()
        content["golden"] = []
        entries[header] = json.dumps(content).encode()
        for name, data in entries.items():
            out.writestr(name, data)
    line = error_of(decks, box() + f"pair_style tlmlp\npair_coeff * * {path} Ge\nrun 0\n")
    assert "the energy is not a finite number" in line


@pytest.mark.parametrize("ranks", [1, 2])
def test_one_line_for_all_ranks(decks, germanium, ranks):
    line = error_of(decks, box() + "pair_style tlmlp\npair_coeff * * nowhere.pt Ge\n", ranks)
    assert "cannot read the model file nowhere.pt" in line


def test_models_are_found_among_the_potentials_of_lammps(decks, germanium, monkeypatch):
    monkeypatch.setenv("LAMMPS_POTENTIALS", str(germanium.path.parent))
    run = decks.run_text(box() + f"pair_style tlmlp\npair_coeff * * {germanium.path.name} Ge\nrun 0\n")
    assert f"pair_style tlmlp: {germanium.path}" in run.output


RESTART = "pair_style tlmlp precision double\npair_coeff * * kept.pt Ge\nrun 0\nwrite_restart kept.restart\n"


@pytest.fixture
def restarted(decks, germanium):
    """A restart file beside its model."""
    shutil.copy(germanium.path, decks.folder / "kept.pt")
    decks.run_text(box() + RESTART)
    return decks


def test_restart_keeps_the_settings(restarted):
    output = restarted.run_text("read_restart kept.restart\nrun 0\n").output
    assert "kept.pt, double precision" in output


def test_restart_file_of_the_first_format(restarted):
    """It had no device."""
    path = restarted.folder / "kept.restart"
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<iii3s", 2, 1, 3, b"cpu"), struct.pack("<ii", 1, 1)))
    assert "kept.pt, double precision" in restarted.run_text("read_restart kept.restart\nrun 0\n").output


def test_restart_names_a_model_that_is_gone(restarted, germanium):
    (restarted.folder / "kept.pt").unlink()
    assert "coeff" in error_of(restarted, "read_restart kept.restart\nrun 0\n")
    text = f"read_restart kept.restart\npair_coeff * * {germanium.path} Ge\nrun 0\n"
    output = restarted.run_text(text).output
    assert "the model kept.pt of the restart file is not there" in output and "double precision" in output


def test_restart_notices_another_model_under_the_same_name(restarted, second_germanium):
    shutil.copy(second_germanium.path, restarted.folder / "kept.pt")
    assert "coeff" in error_of(restarted, "read_restart kept.restart\nrun 0\n")
    text = "read_restart kept.restart\npair_coeff * * kept.pt Ge\nrun 0\n"
    assert "the model kept.pt has changed since the restart file" in restarted.run_text(text).output


def test_restart_of_another_format(restarted):
    """The settings start with a format number, the only int32 2 before the precision flag 1 and the device."""
    path = restarted.folder / "kept.restart"
    content = path.read_bytes()
    mark = struct.pack("<iii", 2, 1, 3) + b"cpu"
    assert content.count(mark) == 1
    path.write_bytes(content.replace(mark, struct.pack("<iii", 9, 1, 3) + b"cpu"))
    assert "settings that this version does not understand" in error_of(restarted, "read_restart kept.restart\nrun 0\n")


def test_restart_keeps_the_device(restarted, germanium):
    text = box() + RESTART.replace("precision double", "device cuda-on-cpu").replace("kept.restart", "gpu.restart")
    said = re.findall("kept.pt, .*", restarted.run_text(text).output)
    again = restarted.run_text("read_restart gpu.restart\nrun 0\n")
    assert re.findall("kept.pt, .*", again.output) == said and "CPU" in said[0]

    # On a machine without that device the run goes on where pair_style names another.
    path = restarted.folder / "gpu.restart"
    path.write_bytes(path.read_bytes().replace(b"cuda-on-cpu", b"cuda-at-sea"))
    assert "coeff" in error_of(restarted, "read_restart gpu.restart\nrun 0\n")
    elsewhere = restarted.run_text("read_restart gpu.restart\npair_style tlmlp\npair_coeff * * kept.pt Ge\nrun 0\n")
    assert "model cannot be used: the device must be" in elsewhere.output
    assert "give pair_style and pair_coeff again" in elsewhere.output
