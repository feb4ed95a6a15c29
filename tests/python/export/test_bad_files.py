"""Files that are no models, or no longer: one line each, never another exception, and the same verdict by the engine
(C++) and the package (Python)."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlmlp._core import Engine
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
    with pytest.raises(RuntimeError) as by_engine:
        Engine(str(path))
    assert "\n" not in str(by_engine.value) and "\x1b" not in str(by_engine.value) + message
    return message


def described(whole: bytes, change) -> bytes:
    """The archive with ``change`` applied to the text of its description."""
    entries = entries_of(whole)
    name = next(name for name in entries if name.endswith("tlmlp.json"))
    return packed({**entries, name: change(entries[name])})


def with_weights(whole: bytes, change) -> bytes:
    """The archive with ``change`` applied to the table (a dictionary) and the data of its weights; a checksum that fits."""
    entries = entries_of(whole)
    weights, description = sorted(entries, key=lambda name: name.endswith("tlmlp.json"))
    size = int.from_bytes(entries[weights][:8], "little")
    table, data = change(json.loads(entries[weights][8 : 8 + size]), entries[weights][8 + size :])
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    content = len(text).to_bytes(8, "little") + text + data
    header = json.loads(entries[description])
    header["weights"]["sha256"] = sha256_bytes(content)
    return packed({weights: content, description: json.dumps(header).encode()})


def extra_key(text: bytes, value: bytes) -> bytes:
    return b'{"unknown": ' + value + b"," + text[text.index(b"{") + 1 :]


def golden(**changes) -> list[dict]:
    n = changes.pop("n", 1)
    return [
        {
            "name": "x",
            "species": [0] * n,
            "positions": [[0.0, 0.0, 3.0 * k] for k in range(n)],
            "forces": [[0.0] * 3] * n,
            "energy": 0.0,
            "cell": [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]],
            "virial": [[0.0] * 3] * 3,
            "pbc": [False] * 3,
            **changes,
        }
    ]


def shifted(table: dict, by: int) -> dict:
    """The tensor that ends the data begins and ends ``by`` bytes later."""
    last = max((name for name in table if name != "__metadata__"), key=lambda name: table[name]["data_offsets"])
    begin, end = table[last]["data_offsets"]
    return {**table, last: {**table[last], "data_offsets": [begin + by, end + by]}}


def overlapping(table: dict, data: bytes) -> tuple[dict, bytes]:
    """Two tensors of one shape on the same bytes; what is left over is cut off."""
    names = sorted((n for n in table if n != "__metadata__"), key=lambda n: table[n]["data_offsets"])
    same = next(n for n in names if n != names[-1] and table[n]["shape"] == table[names[-1]]["shape"])
    begin = table[names[-1]]["data_offsets"][0]
    return {**table, names[-1]: {**table[names[-1]], "data_offsets": table[same]["data_offsets"]}}, data[:begin]


def flagged(whole: bytes) -> bytes:
    """The description marked as encrypted in the table of contents."""
    content = bytearray(packed(entries_of(whole)))
    at = content.rindex(b"tlmlp.json")
    begin = content.rindex(b"PK\x01\x02", 0, at)
    content[begin + 8] |= 1
    return bytes(content)


def end_moved(whole: bytes, field: str, by: int) -> bytes:
    """A number of the end record changed."""
    content = bytearray(packed(entries_of(whole)))
    place, form = {"entries": (10, "<H"), "size": (12, "<I"), "offset": (16, "<I")}[field]
    at = len(content) - 22 + place
    struct.pack_into(form, content, at, struct.unpack_from(form, content, at)[0] + by)
    return bytes(content)


def two_archives(whole: bytes) -> bytes:
    """A model, and another one with an energy shift of 5 eV before it."""
    return changed_header(whole, energy_shift={"Si": 5.0, "Ge": 5.0}) + packed(entries_of(whole))


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
    "another activation": (
        lambda w: changed_header(w, model__activation="gelu"),
        "activation is 'gelu' and this tlmlp computes with 'swish' alone",
    ),
    "another envelope": (lambda w: changed_header(w, model__envelope="cosine"), "envelope is 'cosine' and this"),
    "activation that is no word": (lambda w: changed_header(w, model__activation=1), "activation is '1'"),
    "envelope that is a list": (lambda w: changed_header(w, model__envelope=[]), "envelope is"),
    "no cutoff": (lambda w: changed_header(w, cutoff=None), "invalid at cutoff"),
    "negative cutoff": (lambda w: changed_header(w, cutoff=-1.0), "invalid at cutoff"),
    "cutoffs differ": (lambda w: changed_header(w, cutoff=4.0), "differ"),
    "huge size": (lambda w: changed_header(w, model__embed_size=10**9), "invalid at model.embed_size"),
    "wrong size": (lambda w: changed_header(w, model__embed_size=64), "the sizes ask for"),
    "size as text": (lambda w: changed_header(w, model__n_blocks="4"), "invalid at model.n_blocks"),
    "species twice": (lambda w: changed_header(w, species=["Ge", "Ge"]), "twice"),
    "species missing": (lambda w: changed_header(w, species=["Ge"]), "differ in number"),
    "wrong hash": (lambda w: changed_header(w, weights__sha256="0" * 64), "checksum"),
    "wrong dtype": (lambda w: changed_header(w, dtype="float64"), "is F32"),
    "two archives end to end": (two_archives, "more than one archive"),
    "bytes before the archive": (lambda w: b"#!/bin/sh\n" + packed(entries_of(w)), "more than one archive"),
    "bytes behind the archive": (lambda w: packed(entries_of(w)) + b"\0", "no model, or damaged"),
    "comment": (lambda w: packed(entries_of(w))[:-2] + b"\x03\0abc", "no model, or damaged"),
    "an entry less": (lambda w: end_moved(w, "entries", -1), "another length"),
    "an entry more": (lambda w: end_moved(w, "entries", 1), "points beyond its end"),
    "table shorter": (lambda w: end_moved(w, "size", -1), "does not end at the end record"),
    "table elsewhere": (lambda w: end_moved(w, "offset", -1), "does not end at the end record"),
    "encrypted": (flagged, "compressed or encrypted"),
    "not UTF-8": (lambda w: described(w, lambda t: extra_key(t, b'"\xe9"')), "no JSON"),
    "overlong UTF-8": (lambda w: described(w, lambda t: extra_key(t, b'"\xc0\xaf"')), "no JSON"),
    "half a surrogate pair": (lambda w: described(w, lambda t: extra_key(t, b'"\\ud800"')), "no JSON"),
    "key twice": (lambda w: described(w, lambda t: extra_key(t, b'{"a": 1, "a": 2}')), "given twice"),
    "33 brackets": (lambda w: described(w, lambda t: extra_key(t, b"[" * 32 + b"]" * 32)), "nested too deeply"),
    "1e400": (lambda w: described(w, lambda t: extra_key(t, b"1e400")), "out of range"),
    "1e-400": (lambda w: described(w, lambda t: extra_key(t, b"1e-400")), "out of range"),
    "400 digits": (lambda w: described(w, lambda t: extra_key(t, b"1" * 400)), "out of range"),
    "NaN": (lambda w: described(w, lambda t: extra_key(t, b"NaN")), "no JSON"),
    "leading zero": (lambda w: described(w, lambda t: extra_key(t, b"01")), "no JSON"),
    "point without digits": (lambda w: described(w, lambda t: extra_key(t, b"1.")), "no JSON"),
    "text behind": (lambda w: described(w, lambda t: t + b"{}"), "no JSON"),
    "byte order mark": (lambda w: described(w, lambda t: b"\xef\xbb\xbf" + t), "no JSON"),
    "5 MB of spaces": (lambda w: described(w, lambda t: t + b" " * 5_000_000), "more than the 4194304 allowed"),
    "300,000 zeros": (
        lambda w: described(w, lambda t: extra_key(t, b"[" + b"0," * 299_999 + b"0]")),
        "more than 250000 values",
    ),
    "version 1": (lambda w: changed_header(w, format_version="1"), "format_version"),
    "version 1.x": (lambda w: changed_header(w, format_version="1.x"), "format_version"),
    "unknown dtype": (lambda w: changed_header(w, dtype="bfloat16"), "dtype"),
    "negative smallest distance": (lambda w: changed_header(w, min_distance=-1.0), "min_distance"),
    "no provenance": (lambda w: changed_header(w, provenance=None), "provenance"),
    "provenance a list": (lambda w: changed_header(w, provenance=[]), "provenance"),
    "size with a point": (lambda w: changed_header(w, model__n_blocks=2.0), "n_blocks"),
    "size as truth value": (lambda w: changed_header(w, model__n_residual_before=True), "n_residual_before"),
    "cutoff as text": (lambda w: changed_header(w, cutoff="4.0"), "invalid at cutoff"),
    "cutoff as truth value": (lambda w: changed_header(w, cutoff=True, model__cutoff=True), "cutoff"),
    "cutoff of a light year": (lambda w: changed_header(w, cutoff=1e26, model__cutoff=1e26), "cutoff"),
    "width of one": (lambda w: changed_header(w, model__embed_size=1), "embed_size"),
    "escape sequence as species": (lambda w: changed_header(w, species=["\x1b[31m", "Ge"]), "species"),
    "element 119": (lambda w: changed_header(w, atomic_numbers=[14, 119]), "atomic_numbers"),
    "shift of a third element": (
        lambda w: changed_header(w, energy_shift={"Si": 0.0, "Ge": 0.0, "C": 0.0}),
        "differ in number",
    ),
    "shift as text": (lambda w: changed_header(w, energy_shift={"Si": "0", "Ge": 0.0}), "energy_shift"),
    "other file of weights": (lambda w: changed_header(w, weights__file="../weights.safetensors"), "weights.file"),
    "one parameter more": (lambda w: changed_header(w, weights__parameters=1), "parameters"),
    "zbl beyond the cutoff": (lambda w: changed_header(w, zbl={"inner": 1.0, "outer": 99.0}), "zbl"),
    "17 golden systems": (lambda w: changed_header(w, golden=golden() * 17), "golden"),
    "1001 golden atoms": (lambda w: changed_header(w, golden=golden(n=1001)), "golden"),
    "golden cell flat": (lambda w: changed_header(w, golden=golden(cell=[0.0] * 9)), "cell"),
    "golden positions flat": (lambda w: changed_header(w, golden=golden(positions=[0.0, 0.0, 0.0])), "positions"),
    "golden cell of nine in one row": (lambda w: changed_header(w, golden=golden(cell=[[0.0] * 9])), "cell"),
    "golden cell without volume": (
        lambda w: changed_header(w, golden=golden(cell=[[0.0] * 3] * 3, pbc=[True] * 3)),
        "no volume",
    ),
    "golden cell of 0.01": (
        lambda w: changed_header(w, golden=golden(cell=[[0.011, 0, 0], [0, 0.011, 0], [0, 0, 0.011]], pbc=[True] * 3)),
        "too thin",
    ),
    "golden atoms far apart": (
        lambda w: changed_header(w, golden=golden(n=2, positions=[[0, 0, 0], [1e300, 0, 0]], pbc=[True] * 3)),
        "too far apart",
    ),
    "pbc as numbers": (lambda w: changed_header(w, golden=golden(pbc=[0, 0, 0])), "pbc"),
    "tensors that overlap": (lambda w: with_weights(w, overlapping), "overlap"),
    "a gap between tensors": (lambda w: with_weights(w, lambda t, d: (shifted(t, 4), d + b"\0" * 4)), "gap"),
    "bytes behind the tensors": (lambda w: with_weights(w, lambda t, d: (t, d + b"\0" * 4)), "belong to none"),
    "tensor beyond the data": (lambda w: with_weights(w, lambda t, d: (shifted(t, 4), d)), "offsets"),
    "tensor key twice": (
        lambda w: with_weights(w, lambda t, d: (json.dumps(t).encode()[:-1] + b', "frequencies": {}}', d)),
        "given twice",
    ),
    "tensor of half precision": (
        lambda w: with_weights(w, lambda t, d: (t | {"frequencies": t["frequencies"] | {"dtype": "F16"}}, d)),
        "is F16",
    ),
    "metadata a list": (lambda w: with_weights(w, lambda t, d: (t | {"__metadata__": []}, d)), "metadata"),
    "a key of 100,000 letters over 100,000 zeros": (
        lambda w: with_weights(w, lambda t, d: (t | {"x" * 100_000: [0] * 100_000}, d)),
        "values",
    ),
    "table a list": (lambda w: with_weights(w, lambda t, d: (b"[]", d)), "no object"),
    "frequency of 501": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.array([1, 2, 3, 501], np.float32)}),
        "beyond 500",
    ),
    "frequency of -1e30": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.array([1, 2, 3, -1e30], np.float32)}),
        "beyond 500",
    ),
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
    "parameter missing": (lambda w: changed_weights(w, lambda a: without(a, "frequencies")), "lack frequencies"),
    "parameter unknown": (
        lambda w: changed_weights(w, lambda a: a | {"x": np.zeros(3, np.float32)}),
        "unknown entry 'x'",
    ),
    "parameter NaN": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.full(4, np.nan, np.float32)}),
        "NaN or infinity",
    ),
    "parameter shape": (
        lambda w: changed_weights(w, lambda a: a | {"frequencies": np.zeros(5, np.float32)}),
        "frequencies has the shape [5]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_file(model_path, tmp_path, case):
    make, message = CASES[case]
    assert message in refused(tmp_path / "model.pt", make(model_path.read_bytes()))


ACCEPTED = {
    "as written": lambda w: w,
    "the two entries alone": lambda w: packed(entries_of(w)),
    "deep but not too deep": lambda w: described(w, lambda t: extra_key(t, b"[" * 31 + b"]" * 31)),
    "smallest number": lambda w: described(w, lambda t: extra_key(t, b"[5e-324, 0e-400, -0.0, -0, 1E+3]")),
    "escapes": lambda w: described(w, lambda t: extra_key(t, b'"\\ud83d\\ude00 \\u00e9 \xc3\xa9 \\b\\/"')),
    "brackets in words": lambda w: described(w, lambda t: extra_key(t, b'"\\"' + b"[{" * 100 + b'"')),
    "240,000 unknown zeros": lambda w: described(w, lambda t: extra_key(t, b"[" + b"0," * 239_999 + b"0]")),
    "1000 golden atoms": lambda w: changed_header(w, golden=golden(n=1000)),
    "whole numbers where lengths stand": lambda w: changed_header(w, golden=golden(energy=0, cell=[[0] * 3] * 3)),
    "frequency of -500": lambda w: changed_weights(
        w, lambda a: a | {"frequencies": np.array([1, 2, 3, -500], np.float32)}
    ),
    "metadata": lambda w: with_weights(w, lambda t, d: (t | {"__metadata__": {"a": "b"}}, d)),
    "later minor version": lambda w: changed_header(w, format_version="1.70", later={"x": None}),
    "version 1.0, which names no formulas": lambda w: changed_header(
        w, format_version="1.0", model__activation=None, model__envelope=None
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_by_both_readers(model_path, tmp_path, case):
    path = tmp_path / "model.pt"
    path.write_bytes(ACCEPTED[case](model_path.read_bytes()))
    header, _ = read_model_file(path)
    engine = Engine(str(path))
    assert engine.species == header["species"] and engine.cutoff == header["cutoff"]


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(TlmlpError, match=r"none\.pt does not exist"):
        read_header(tmp_path / "none.pt")
    with pytest.raises(TlmlpError, match=r"cannot be read: Is a directory; of a run, tlmlp export .* writes it"):
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
        with pytest.raises(RuntimeError):
            Engine(str(path))
    else:
        Engine(str(path))
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
