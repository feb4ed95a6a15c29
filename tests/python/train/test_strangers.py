"""Run directories of strangers, and of disks that fail: one line, nothing outside them touched, no memory beyond the file's."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
import torch

from tlmlp.errors import TlmlpError
from tlmlp.lock import run_lock
from tlmlp.train import fit, load_run, open_model, resume
from tlmlp.train.loop.metrics import Metrics


@pytest.fixture(scope="module")
def stopped(config, tmp_path_factory) -> Path:
    """A training of 40 updates with its checkpoint of update 20, as if it had been stopped there."""
    run = tmp_path_factory.mktemp("strangers") / "run"
    fit(config(updates=40, validate_every=20), run)
    (run / "checkpoints" / "00000040.pt").unlink()
    return run


@pytest.fixture
def run(stopped, tmp_path) -> Path:
    """A copy of it."""
    import shutil

    return Path(shutil.copytree(stopped, tmp_path / "run"))


def altered(path: Path, change) -> None:
    content = torch.load(path, weights_only=True)
    torch.save(change(content) or content, path)


def put(*keys: str, to: object):
    """Sets the entry with the ``keys`` one below the other; the ellipsis takes it out."""

    def change(content: dict) -> None:
        *parents, last = keys
        for key in parents:
            content = content[key]
        if to is ...:
            del content[last]
        else:
            content[last] = to

    return change


def filled(*keys: str, value: float):
    """Sets every number of a tensor."""

    def change(content: dict) -> None:
        for key in keys:
            content = content[key]
        content.fill_(value)

    return change


NETWORK = ("state", "network.embedding.dense.weight")

MODELS = {
    "no sizes": (put("config", to=...), "config"),
    "sizes a list": (put("config", to=[1, 2]), "config"),
    "a size missing": (put("config", "n_blocks", to=...), "n_blocks"),
    "a size as text": (put("config", "n_blocks", to="2"), "n_blocks"),
    "an unknown size": (put("config", "hidden", to=2), "unknown model size 'hidden'"),
    "a width of 20000": (put("config", "embed_size", to=20000), "embed_size"),
    "a hundred million blocks": (put("config", "n_blocks", to=10**8), "n_blocks"),
    "another width": (put("config", "embed_size", to=64), "shape"),
    "negative cutoff": (put("config", "cutoff", to=-1.0), "cutoff"),
    "no species": (put("species", to=...), "species"),
    "an unknown element": (put("species", to=["Xx"]), "'Xx'"),
    "a number as species": (put("species", to=[14]), "species"),
    "two species too many": (put("species", to=["Si", "Ge", "C"]), "species"),
    "no word on repulsion": (put("zbl", to=...), "zbl"),
    "repulsion from outside in": (put("zbl", to={"inner": 2.0, "outer": 1.0}), "zbl"),
    "no tensors": (put("state", to={}), "missing"),
    "a tensor missing": (put(*NETWORK, to=...), "missing"),
    "an unknown tensor": (put("state", "network.x", to=torch.zeros(3)), "unknown"),
    "a number for a tensor": (put(*NETWORK, to=1.0), "dense.weight"),
    "a tensor of another shape": (put(*NETWORK, to=torch.zeros(3)), "shape"),
    "a tensor in half precision": (put(*NETWORK, to=torch.zeros(8, 16, dtype=torch.float16)), "dense.weight"),
    "one number for all of a tensor": (put(*NETWORK, to=torch.zeros(1, 1).expand(4096, 4096)), "dense"),
    "whole numbers": (put(*NETWORK, to=torch.zeros(8, 16, dtype=torch.int64)), "real numbers"),
    "a sparse tensor": (put(*NETWORK, to=torch.zeros(8, 16).to_sparse()), "dense"),
    "NaN weights": (filled(*NETWORK, value=float("nan")), "NaN"),
    "infinite shift": (filled("state", "energy_shift", value=float("inf")), "NaN, infinity"),
    "frequencies of 1e6": (filled("state", "network.frequencies", value=1e6), "beyond 500"),
    "no metadata": (put("metadata", to=...), "metadata"),
    "metadata a list": (put("metadata", to=[]), "metadata"),
    "errors a word": (put("metadata", "errors", to="small"), "errors"),
    "of another format": (put("format", to="\x1b[31mother"), "expected the format"),
}

CHECKPOINTS = {
    "no update": (put("update", to=...), "update"),
    "update a word": (put("update", to="twenty"), "update"),
    "update of 10^12": (put("update", to=10**12), "of a training of 40"),
    "no model": (put("model", to=...), "model"),
    "model with NaN": (filled("model", *NETWORK, value=float("nan")), "NaN"),
    "a huge model": (put("model", "config", "embed_size", to=20000), "embed_size"),
    "no optimiser": (put("optimizer", to=None), "optimizer"),
    "no moments": (put("optimizer", "square", to=...), "square"),
    "short moments": (put("optimizer", "mean", to=torch.zeros(3)), "optimizer.mean"),
    "no batches": (put("batches", to=[]), "batches"),
    "a batch of nothing": (put("batches", 0, "n", to=0), "batches.0.n"),
    "no best model": (put("best", to={}), "best"),
    "a best model more": (put("best", "x", to=1), "best"),
    "short sums": (put("loss_sum", to=[1.0]), "loss_sum"),
    "no config": (put("config", to={}), "of a training of None"),
    "an unknown setting": (put("config", "training", "speed", to=1), "unknown key `training.speed`"),
    "no origin": (put("metadata", "provenance", to=...), "provenance"),
    "versions a word": (put("metadata", "provenance", "versions", to="all"), "versions"),
}


@pytest.mark.parametrize("case", MODELS)
def test_altered_models_are_refused_in_one_line(run, case):
    change, words = MODELS[case]
    altered(run / "best.pt", change)
    with pytest.raises(TlmlpError) as caught:
        load_run(run, route="plain")
    assert words in str(caught.value) and "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_altered_checkpoints_are_refused_in_one_line(run, case, capfd):
    change, words = CHECKPOINTS[case]
    for checkpoint in (run / "checkpoints").iterdir():
        altered(checkpoint, change)
    with pytest.raises(TlmlpError) as caught:
        resume(run)
    said = str(caught.value) + capfd.readouterr().err
    assert words in " ".join(said.split())


def test_compressed_entries_are_refused(run):
    """An archive of 400 kB would unfold to a gigabyte."""
    path = run / "best.pt"
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(TlmlpError, match="is compressed"):
        load_run(run, route="plain")


def test_a_pickle_with_code_is_refused_without_advice_to_run_it(run):
    class Harm:
        def __reduce__(self):
            return os.system, ("touch harm",)

    torch.save({"format": "tlmlp-run-model/2", "x": Harm()}, run / "best.pt")
    with pytest.raises(TlmlpError, match="nothing of it was run") as caught:
        load_run(run, route="plain")
    assert "weights_only" not in str(caught.value)
    assert not Path("harm").exists()


def test_a_pipe_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "model.pt")
    with pytest.raises(TlmlpError, match="ordinary file"):
        open_model(tmp_path / "model.pt", route="plain")


LINKS = {
    "lock": (".lock", "is a link"),
    "checkpoints": ("checkpoints", "are a link"),
}


@pytest.mark.parametrize("case", LINKS)
def test_links_out_of_a_run_are_not_followed(tmp_path, case):
    name, words = LINKS[case]
    outside = tmp_path / "outside"
    if name == ".lock":
        outside.write_text("notes\n")
    else:
        outside.mkdir()
        (outside / ".x.part").write_text("notes\n")
        (outside / "7.pt").write_text("notes\n")
    run = tmp_path / "run"
    run.mkdir()
    (run / name).symlink_to(outside)
    with pytest.raises(TlmlpError, match=words), run_lock(run):
        pass
    kept = [outside] if name == ".lock" else sorted(outside.iterdir())
    assert len(kept) == (1 if name == ".lock" else 2) and all(path.read_text() == "notes\n" for path in kept)


def test_a_hard_link_or_a_pipe_as_lock_is_refused(tmp_path):
    (tmp_path / "notes").write_text("notes\n")
    for name, make in {"linked": lambda p: os.link(tmp_path / "notes", p), "pipe": os.mkfifo}.items():
        run = tmp_path / name
        run.mkdir()
        make(run / ".lock")
        with pytest.raises(TlmlpError, match="no file of its own"), run_lock(run):
            pass
    assert (tmp_path / "notes").read_text() == "notes\n"


ROW = {"update": 0, "seconds": 1.0, "learning_rate": 0.1, "val_force_rmse_ev_per_ang": None}
LINE = json.dumps(ROW).encode()

TAILS = {
    "cut off": LINE[:20],
    "zeros": b"\0" * 100,
    "not UTF-8": b"\xff\xfe\xe9",
    "a list": b"[1, 2]",
    "a number": b"7",
    "another object": b'{"a": 1}',
    "words for numbers": json.dumps({**ROW, "update": "20"}).encode(),
    "a list for a number": json.dumps({**ROW, "train_loss": [1]}).encode(),
    "100,000 brackets": b"[" * 100_000,
    "5,000 brackets": b"[" * 5_000,
}


@pytest.mark.parametrize("newline", [b"", b"\n"])
@pytest.mark.parametrize("case", TAILS)
def test_metrics_with_a_damaged_end_or_middle(tmp_path, capfd, case, newline):
    (tmp_path / "metrics.jsonl").write_bytes(LINE + b"\n" + TAILS[case] + newline)
    assert Metrics(tmp_path).rows() == [ROW]
    assert capfd.readouterr().err == ""
    (tmp_path / "metrics.jsonl").write_bytes(
        LINE + b"\n" + TAILS[case] + b"\n" + LINE.replace(b": 0,", b": 20,") + b"\n"
    )
    assert [row["update"] for row in Metrics(tmp_path).rows()] == [0, 20]
    assert "line 2" in " ".join(capfd.readouterr().err.split())
    assert [row["update"] for row in Metrics(tmp_path).rewind(20)] == [0, 20]
    assert len((tmp_path / "metrics.jsonl").read_bytes().splitlines()) == 2
