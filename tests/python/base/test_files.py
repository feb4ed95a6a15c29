"""Atomic writes leave either the old or the new content, and nothing beside it."""

import fcntl
import json
import os
import stat

import pytest

from tlmlp.files import (
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
    remove_parts,
    sha256_bytes,
    sha256_file,
)


def test_replaces_whole_content_and_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "deep" / "result.txt"
    atomic_write_text(path, "first, longer")
    atomic_write_text(path, "second")
    assert path.read_text() == "second"
    assert [entry.name for entry in path.parent.iterdir()] == ["result.txt"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "result.bin"
    atomic_write_bytes(path, b"old")

    def disk_full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        atomic_write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.bin"]


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        atomic_write_text(tmp_path / "a", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_json_refuses_nan_and_round_trips(tmp_path):
    atomic_write_json(tmp_path / "a.json", {"b": [1, 2.5, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic_write_json(tmp_path / "a.json", {"b": float("nan")})


def test_sha256_of_file_and_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sha256_bytes(b"abc") == sha256_file(tmp_path / "abc") == expected


def test_the_umask_is_never_touched(tmp_path, monkeypatch):
    """It belongs to the process: another thread that makes a file just then would make it with the wrong permissions."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("umask was called"))
    atomic_write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").read_text() == "x"


def test_parts_of_killed_writers_are_removed_and_those_of_others_stay(tmp_path):
    parts = {name: tmp_path / f".{name}.0123456789ab.part" for name in ("ge.pt", "ge.pt.bak", "si.pt")}
    for part in parts.values():
        part.write_bytes(b"x")
        os.utime(part, (0, 0))
    with parts["ge.pt"].open("rb") as written:
        fcntl.flock(written, fcntl.LOCK_EX)  # as a writer that is alive holds it
        remove_parts(tmp_path / "ge.pt")
        assert parts["ge.pt"].exists()
    remove_parts(tmp_path / "ge.pt")
    assert not parts["ge.pt"].exists() and parts["si.pt"].exists()
    fresh = tmp_path / ".ge.pt.ba9876543210.part"
    fresh.write_bytes(b"x")
    remove_parts(tmp_path / "ge.pt")
    assert fresh.exists()
