"""``tlmlp data mlearn``: counts of the published splits, provenance, surfaces, and the way through a local server."""

import functools
import http.server
import json
import shutil
import threading

import pytest

from tlmlp.data import read_frames
from tlmlp.data.mlearn import PINS, fetch_element, write_mlearn
from tlmlp.errors import TlmlpError
from tlmlp.files import sha256_file


def test_the_copy_is_the_pinned_one(mlearn_dir):
    for element in ("Si", "Ge"):
        for name in ("training.json", "test.json"):
            assert PINS[f"{element}/{name}"].matches(mlearn_dir / element / name)


@pytest.mark.parametrize(
    ("element", "options", "counts"),
    [
        ("Si", (), {"train": 182, "val": 20, "test": 23}),
        ("Ge", (), {"pool": 217, "test": 24}),
        ("Ge", ("--no-pool",), {"train": 195, "val": 22, "test": 24}),
        ("Si", ("--with-surfaces", "--pool"), {"pool": 214, "test": 25}),
    ],
)
def test_counts(mlearn_dir, tmp_path, invoke, element, options, counts):
    output = invoke("mlearn", "--element", element, "--source", mlearn_dir, "--out", tmp_path, *options)
    split = json.loads((tmp_path / "split.json").read_text())
    assert {p.stem for p in tmp_path.glob("*.extxyz")} == set(counts)
    sources = []
    for name, count in counts.items():
        frames = read_frames(tmp_path / f"{name}.extxyz", require=("energy", "forces", "stress"))
        entry = split["files"][f"{name}.extxyz"]
        assert len(frames) == entry["frames"] == count and f"{name}.extxyz {count} frames" in output
        assert entry["sha256"] == sha256_file(tmp_path / f"{name}.extxyz")
        assert any(f.group == "Surface" for f in frames) == ("--with-surfaces" in options)
        sources += entry["sources"]
    assert len(set(sources)) == sum(counts.values())  # no frame in two files
    assert split["inputs"] == {
        f"{element}/{n}": sha256_file(mlearn_dir / element / n) for n in ("training.json", "test.json")
    }


def test_test_frames_are_those_of_the_shipped_test_file(mlearn_dir, tmp_path):
    write_mlearn("Si", tmp_path, source=mlearn_dir)
    shipped = [f.sha256() for f in read_frames(mlearn_dir / "Si" / "test.json") if f.group != "Surface"]
    assert [f.sha256() for f in read_frames(tmp_path / "test.extxyz")] == shipped


def test_the_draw_depends_on_the_seed_alone(mlearn_dir, tmp_path):
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_mlearn("Si", tmp_path / out, source=mlearn_dir, seed=seed)
    hashes = {out: sha256_file(tmp_path / out / "val.extxyz") for out in "abc"}
    assert hashes["a"] == hashes["b"] != hashes["c"]
    assert (tmp_path / "a" / "split.json").read_bytes() == (tmp_path / "b" / "split.json").read_bytes()


@pytest.fixture
def mirror(mlearn_dir, tmp_path):
    """A local server with the germanium files below /data."""
    folder = tmp_path / "mirror"
    shutil.copytree(mlearn_dir / "Ge", folder / "data" / "Ge", copy_function=shutil.copyfile)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder / "data" / "Ge", f"http://127.0.0.1:{server.server_port}/data"
    server.shutdown()
    server.server_close()


def test_download_by_digest_gives_the_same_as_a_local_copy(mlearn_dir, mirror, tmp_path, invoke, monkeypatch):
    folder, url = mirror
    monkeypatch.setenv("TLMLP_MLEARN_URL", url)
    invoke("mlearn", "--element", "Ge", "--out", tmp_path / "a")
    write_mlearn("Ge", tmp_path / "b", source=mlearn_dir)
    for name in ("pool.extxyz", "test.extxyz", "split.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    shutil.rmtree(folder)
    invoke("mlearn", "--element", "Ge", "--out", tmp_path / "a")  # the verified files are not fetched again


def test_a_changed_file_on_the_server_is_refused(mirror, tmp_path):
    folder, url = mirror
    content = (folder / "test.json").read_bytes()
    (folder / "test.json").write_bytes(content.replace(b"Elastic", b"Plastic", 1))
    with pytest.raises(TlmlpError, match=r"Ge/test.json: the content has sha256 .* expected 737ea6159c9d"):
        fetch_element("Ge", tmp_path / "raw", base_url=url, wait_s=0.0)
    assert [p.name for p in (tmp_path / "raw" / "Ge").iterdir()] == ["training.json"]


def test_bad_requests_give_one_line(mlearn_dir, tmp_path, invoke):
    with pytest.raises(TlmlpError, match="the mlearn data has Si, Ge, Cu, Ni, Li, Mo; got 'Xx'"):
        invoke("mlearn", "--element", "Xx", "--source", mlearn_dir, "--out", tmp_path)
    with pytest.raises(TlmlpError, match=r"Cu/training.json: no such file"):
        invoke("mlearn", "--element", "Cu", "--source", mlearn_dir, "--out", tmp_path)
    with pytest.raises(TlmlpError, match="seed must not be negative"):
        invoke("mlearn", "--element", "Ge", "--source", mlearn_dir, "--out", tmp_path, "--seed", -1)
    assert not (tmp_path / "split.json").exists()


def test_another_version_of_a_local_copy_is_used_with_a_warning(mlearn_dir, tmp_path, capsys):
    (tmp_path / "copy" / "Ge").mkdir(parents=True)
    for name in ("training.json", "test.json"):
        records = json.loads((mlearn_dir / "Ge" / name).read_text())[:7]
        (tmp_path / "copy" / "Ge" / name).write_text(json.dumps(records))
    write_mlearn("Ge", tmp_path / "out", source=tmp_path / "copy")
    assert capsys.readouterr().err.count("differs from the file of commit 10c427a5480c") == 2
