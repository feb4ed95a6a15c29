"""Files that are no models, or no longer: one line each, never another exception."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlmlp.errors import TlmlpError
from tlmlp.export import load_potential, read_header, read_model_file
from tlmlp.files import sha256_bytes


def entries_of(whole: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if "/extra/" in entry.filename}


def packed(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def changed_header(whole: bytes, **changes) -> bytes:
    entries = entries_of(whole)
    name = next(name for name in entries if name.endswith("tlmlp.json"))
    header = json.loads(entries[name])
    for key, value in changes.items():
        *parents, last = key.split("__")
        part = header
        for parent in parents:
            part = part[parent]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return packed({**entries, name: json.dumps(header).encode()})


def changed_weights(whole: bytes, change) -> bytes:
    """Other parameters with a checksum that fits them."""
    from safetensors.numpy import load, save

    entries = entries_of(whole)
    weights, description = sorted(entries, key=lambda name: name.endswith("tlmlp.json"))
    content = save(change(load(entries[weights])))
    header = json.loads(entries[description])
    header["weights"]["sha256"] = sha256_bytes(content)
    return packed({weights: content, description: json.dumps(header).encode()})


def refused(path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(TlmlpError) as caught:
        read_model_file(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    with pytest.raises(TlmlpError):
        load_potential(path, route="plain")
    return message


def without(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {key: value for key, value in arrays.items() if key != name}


CASES = {
    "empty": (lambda w: b"", "it is empty"),
    "text": (lambda w: b"hello\n" * 1000, "no model, or damaged"),
    "half": (lambda w: w[: len(w) // 2], "no model, or damaged"),
    "last byte missing": (lambda w: w[:-1], "no model, or damaged"),
    "another archive": (lambda w: packed({"a/b": b"c"}), "not written by `tlmlp export`"),
    "no weights": (lambda w: packed({k: v for k, v in entries_of(w).items() if k.endswith("json")}), "not written by"),
    "two descriptions": (lambda w: packed(entries_of(w) | {"other/extra/tlmlp.json": b"{}"}), "more than once"),
    "compressed": (lambda w: packed(entries_of(w), zipfile.ZIP_DEFLATED), "is compressed"),
    "description not json": (lambda w: packed({k: v[:-3] for k, v in entries_of(w).items()}), "no JSON"),
    "deep json": (lambda w: packed({"x/extra/tlmlp.json": b"[" * 100_000, "x/extra/weights.safetensors": b""}), "JSON"),
    "other format": (lambda w: changed_header(w, format="else"), "does not describe a tlmlp model"),
    "later format": (lambda w: changed_header(w, format_version="2.0"), "format version is '2.0'"),
    "no cutoff": (lambda w: changed_header(w, cutoff=None), "invalid at cutoff"),
    "negative cutoff": (lambda w: changed_header(w, cutoff=-1.0), "invalid at cutoff"),
    "cutoffs differ": (lambda w: changed_header(w, cutoff=4.0), "differ"),
    "huge size": (lambda w: changed_header(w, model__embed_size=10**9), "invalid at model.embed_size"),
    "wrong size": (lambda w: changed_header(w, model__embed_size=64), "the sizes ask for"),
    "size as text": (lambda w: changed_header(w, model__n_blocks="4"), "invalid at model.n_blocks"),
    "species twice": (lambda w: changed_header(w, species=["Ge", "Ge"]), "twice"),
    "species missing": (lambda w: changed_header(w, species=["Ge"]), "differ in number"),
    "wrong hash": (lambda w: changed_header(w, weights__sha256="0" * 64), "checksum"),
    "wrong dtype": (lambda w: changed_header(w, dtype="float64"), "is float32"),
    "golden index": (
        lambda w: changed_header(
            w,
            golden=[
                {
                    "name": "x",
                    "species": [7],
                    "positions": [[0, 0, 0]],
                    "forces": [[0, 0, 0]],
                    "energy": 0.0,
                    "cell": [[0] * 3] * 3,
                    "virial": [[0] * 3] * 3,
                    "pbc": [False] * 3,
                }
            ],
        ),
        "out of range",
    ),
    "parameter missing": (lambda w: changed_weights(w, lambda a: without(a, "frequencies")), "lacks frequencies"),
    "parameter unknown": (
        lambda w: changed_weights(w, lambda a: a | {"x": np.zeros(3, np.float32)}),
        "unknown entry x",
    ),
    "parameter NaN": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.full(4, np.nan, np.float32)}),
        "NaN or infinity",
    ),
    "parameter shape": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.zeros(5, np.float32)}),
        r"shape (5,)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_file(model_path, tmp_path, case):
    make, message = CASES[case]
    assert message in refused(tmp_path / "model.pt", make(model_path.read_bytes()))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(TlmlpError, match=r"none\.pt does not exist"):
        read_header(tmp_path / "none.pt")
    with pytest.raises(TlmlpError, match="cannot be read: Is a directory"):
        read_header(tmp_path)


def test_a_later_minor_version_with_unknown_keys_is_read(model_path, tmp_path):
    path = tmp_path / "later.pt"
    path.write_bytes(changed_header(model_path.read_bytes(), format_version="1.7", model__new_size=3, new_key=[1]))
    assert read_header(path)["new_key"] == [1]
    load_potential(path, route="plain")


FUZZ = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(data=st.data())
def test_flipped_bytes_change_nothing_or_are_refused(model_path, tmp_path, data):
    """Damage in the parts that are read here is always noticed; elsewhere it may not matter."""
    whole = model_path.read_bytes()
    header, arrays = read_model_file(model_path)
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        # half of the draws in the directory at the end, whose damage is the most harmful
        first = data.draw(st.sampled_from([0, len(whole) - 6000]))
        broken[data.draw(st.integers(first, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "broken.pt"
    path.write_bytes(bytes(broken))
    try:
        got, got_arrays = read_model_file(path)
    except TlmlpError as error:
        assert "\n" not in str(error)
    else:
        assert got == header
        assert all((got_arrays[name] == arrays[name]).all() for name in arrays)


@FUZZ
@given(length=st.integers(0, 400_000), junk=st.binary(max_size=200))
def test_truncated_and_extended_files_are_refused_or_the_same(model_path, tmp_path, length, junk):
    whole = model_path.read_bytes()
    path = tmp_path / "cut.pt"
    path.write_bytes(whole[: length % len(whole)] + junk)
    try:
        assert read_header(path) == read_header(model_path)
    except TlmlpError as error:
        assert "\n" not in str(error)
