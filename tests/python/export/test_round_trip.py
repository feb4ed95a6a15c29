"""What is written is what is read: bit for bit in the parameters, by the schema in the description."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tlmlp.errors import TlmlpError
from tlmlp.export import export_model, load_archive, load_potential, read_header, read_model_file
from tlmlp.export.header import json_schema
from tlmlp.network import parameter_shapes

ROOT = Path(__file__).resolve().parents[3]


def test_parameters_and_shift_are_bitwise_the_same(potential, model_path):
    again = load_potential(model_path, route="plain")
    before, after = potential.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(before[name].dtype == after[name].dtype and before[name].equal(after[name]) for name in before)
    assert again.species == ["Si", "Ge"] and again.cutoff == potential.cutoff and again.config == potential.config


def test_exporting_again_keeps_parameters_and_origin(model_path, tmp_path):
    first = read_header(model_path)
    export_model(load_potential(model_path, route="plain"), tmp_path / "again.pt", first, portable=True)
    assert read_header(tmp_path / "again.pt") == first


def test_header_fits_the_documented_schema(model_path, germanium_path):
    schema = json.loads((ROOT / "docs" / "reference" / "model-file.schema.json").read_text())
    assert schema == json_schema(), "docs/reference/model-file.schema.json is not the schema of the code"
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in (model_path, germanium_path):
        jsonschema.validate(read_header(path), schema)
    header = read_header(model_path)
    header["cutoff"] = -1.0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(header, schema)


def test_every_key_is_documented(model_path):
    text = (ROOT / "docs" / "reference" / "model-file.md").read_text()
    header = read_header(model_path)
    for keys in (header, header["model"], header["units"], header["weights"], header["golden"][0]):
        for key in keys:
            assert f"`{key}`" in text or f".{key}`" in text, f"docs/reference/model-file.md does not mention {key}"


def test_description_and_parameters_lie_uncompressed_in_the_archive(model_path):
    with zipfile.ZipFile(model_path) as archive:
        stored = {
            entry.filename.split("/extra/")[1]: entry for entry in archive.infolist() if "/extra/" in entry.filename
        }
    assert set(stored) == {"tlmlp.json", "weights.safetensors"}
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in stored.values())


def test_renaming_the_file_changes_nothing(model_path, tmp_path):
    renamed = tmp_path / "another name with spaces.bin"
    renamed.write_bytes(model_path.read_bytes())
    assert read_header(renamed) == read_header(model_path)


@pytest.mark.parametrize("sizes", [{}, {"embed_size": 12, "n_blocks": 1, "n_residual_after": 0, "n_dense_output": 1}])
def test_parameter_shapes_are_those_of_the_network(sizes):
    from tlmlp.models import DimeNetPP, DimeNetPPConfig

    config = DimeNetPPConfig(n_species=3, cutoff=5.0, **sizes)
    state = DimeNetPP(config, route="plain").state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == parameter_shapes(config.to_dict())


def test_parameter_count_of_the_default_network(germanium_path):
    assert read_header(germanium_path)["weights"]["parameters"] == 121_398


def test_non_finite_parameters_are_not_exported(tmp_path):
    import torch

    from tlmlp.testing.random_models import SMALL, random_potential

    broken = random_potential(["Ge"], **SMALL)
    with torch.no_grad():
        broken.network.frequencies[0] = float("nan")
    path = tmp_path / "broken.pt"
    path.write_text("what was here before")
    with pytest.raises(TlmlpError, match="frequencies holds NaN"):
        export_model(broken, path, portable=True)
    assert path.read_text() == "what was here before"


def test_a_failed_write_leaves_the_old_file(potential, tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        export_model(potential, path, portable=True)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_reading_needs_no_torch(model_path):
    code = f"""
import sys
from tlmlp.export import read_model_file
header, weights = read_model_file({str(model_path)!r})
assert header["species"] == ["Si", "Ge"] and len(weights) > 10
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={})


def test_reading_runs_no_code_of_the_file(model_path, tmp_path):
    """The parts that libtorch would run may be anything: description, parameters and potential still come out."""
    hostile = tmp_path / "hostile.pt"
    with zipfile.ZipFile(model_path) as source, zipfile.ZipFile(hostile, "w") as target:
        for entry in source.infolist():
            keep = "/extra/" in entry.filename
            target.writestr(entry.filename, source.read(entry) if keep else b"cos\nsystem\n(S'exit 1'\ntR.")
    assert read_header(hostile) == read_header(model_path)
    load_potential(hostile, route="plain")
    with pytest.raises(TlmlpError, match="cannot be opened"):
        load_archive(hostile)


def test_arrays_have_the_stored_dtype(model_path):
    header, arrays = read_model_file(model_path)
    assert header["dtype"] == "float32" and all(array.dtype == np.float32 for array in arrays.values())
