"""The downloader against a local server that cuts, refuses, fails and lies."""

import hashlib
import http.server
import threading

import pytest

from tlmlp.data.download import Pin, download
from tlmlp.data.mlearn import PINS
from tlmlp.errors import TlmlpError

CONTENT = bytes(range(256)) * 2000
PIN = Pin(hashlib.sha256(CONTENT).hexdigest())


class Server:
    """Serves CONTENT at /file; ``plan`` holds what happens to the next requests, ``seen`` their Range headers."""

    def __init__(self, ranges: bool = True):
        self.plan: list[str] = []
        self.seen: list[str | None] = []
        self.content = CONTENT
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                outer.seen.append(wanted)
                action = outer.plan.pop(0) if outer.plan else "serve"
                if self.path != "/file" or action in ("404", "500", "503"):
                    self.send_error(404 if self.path != "/file" else int(action))
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and ranges else 0
                body = outer.content[start:]
                if start and not body:
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(outer.content) - 1}/{len(outer.content)}")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:200_000] if action == "cut" else body)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture(params=[True, False], ids=["ranges", "no-ranges"])
def any_server(request):
    server = Server(request.param)
    yield server
    server.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def get(server, path, **changes):
    download(server.url, path, **{"pin": PIN, "wait_s": 0.0, "timeout_s": 5.0, **changes})


def test_download_and_no_second_request_for_the_right_file(any_server, tmp_path):
    path = tmp_path / "deep" / "file"
    arrived = []
    get(any_server, path, advance=arrived.append)
    assert path.read_bytes() == CONTENT and sum(arrived) == len(CONTENT)
    get(any_server, path)
    assert len(any_server.seen) == 1 and [p.name for p in path.parent.iterdir()] == ["file"]


def test_truncated_answers_are_continued(any_server, tmp_path):
    any_server.plan = ["cut", "serve"]
    get(any_server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert any_server.seen == [None, "bytes=200000-"]


def test_a_later_call_goes_on_from_the_part(server, tmp_path):
    server.plan = ["cut", "cut"]
    with pytest.raises(TlmlpError, match=r"gave up after 1 attempts .*200000 of 512000 bytes.*run the command again"):
        get(server, tmp_path / "file", attempts=1)
    assert not (tmp_path / "file").exists()  # never a half file under its name
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.seen == [None, "bytes=200000-", "bytes=400000-"]


def test_wrong_content_is_thrown_away(server, tmp_path):
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(TlmlpError, match=f"the content has sha256 .*, expected {PIN.digest}; it was thrown away"):
        get(server, tmp_path / "file")
    assert list(tmp_path.iterdir()) == [] and len(server.seen) == 1


def test_a_spoilt_part_is_fetched_again(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"something else")
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT and server.seen == ["bytes=14-", None]


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"too much"], ids=["complete", "too long"])
def test_a_part_at_or_past_the_end(server, tmp_path, part):
    (tmp_path / "file.part").write_bytes(part)
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_damaged_file_is_replaced(server, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT[:-1])
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_missing_address_fails_at_once(server, tmp_path):
    with pytest.raises(TlmlpError, match="the server answers 404 Not Found; check the address"):
        download(server.url + "-not", tmp_path / "file", PIN, wait_s=0.0)
    assert len(server.seen) == 1


def test_server_errors_are_tried_again(server, tmp_path):
    server.plan = ["503", "500", "serve"]
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    server.plan = ["503"] * 4
    with pytest.raises(TlmlpError, match=r"gave up after 4 attempts .*503"):
        get(server, tmp_path / "other")


def test_no_server(tmp_path):
    silent = Server()
    silent.close()
    with pytest.raises(TlmlpError, match=r"gave up after 2 attempts .*refused.*local copy with --source"):
        get(silent, tmp_path / "file", attempts=2)


def test_git_blob_digest(tmp_path):
    """The name git gives to a file with the bytes "hello" and a line end, a well-known number."""
    (tmp_path / "file").write_bytes(b"hello\n")
    assert Pin("ce013625030ba8dba906f756967f9e9ca394464a", "git blob sha1").matches(tmp_path / "file")


def test_every_file_of_the_collection_is_pinned():
    assert len(PINS) == 12 and len({pin.digest for pin in PINS.values()}) == 12
    assert {len(pin.digest) for pin in PINS.values()} == {64, 40}
