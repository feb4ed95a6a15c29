"""Helpers of the data tests: small random frames, and the ``tlmlp data`` command in this process."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from tlmlp.cli.data import app
from tlmlp.data import Frame, Notes, read_frames
from tlmlp.errors import TlmlpError


@pytest.fixture
def make_frame():
    """Factory of labelled silicon frames: perturbed diamond, 8 atoms, random labels."""

    def make(seed: int = 0, **changes) -> Frame:
        random = np.random.default_rng(seed)
        base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        positions = 5.43 * np.vstack([base, base + 0.25]) + 0.1 * random.standard_normal((8, 3))
        stress = 0.01 * random.standard_normal((3, 3))
        values = {
            "positions": positions,
            "cell": 5.43 * np.eye(3),
            "pbc": True,
            "atomic_numbers": np.full(8, 14),
            "energy": float(random.normal(-40.0)),
            "forces": random.standard_normal((8, 3)),
            "stress": stress + stress.T,
            "group": "bulk",
            "source": f"made#{seed}",
        }
        return Frame(**{**values, **changes})

    return make


@pytest.fixture
def invoke():
    """Call ``tlmlp data ARGUMENTS``; a :class:`TlmlpError` is raised as it reaches the main program."""

    def call(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if isinstance(result.exception, TlmlpError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    return call


@pytest.fixture
def outcome(tmp_path):
    """Read a file of ``text`` and compare: with the words of a refusal, or with values of the first frame, the number of
    frames, and the words of what is said (nothing, unless given)."""

    def compare(name, text, *, refused=None, values=(), frames=None, said=None, file="a.extxyz", options=(), index=""):
        path = tmp_path / file
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        notes = Notes()
        if refused is not None:
            with pytest.raises(TlmlpError, match=refused) as caught:
                read_frames(f"{path}{index}", notes=notes, **dict(options))
            assert "\n" not in str(caught.value) and str(path) in str(caught.value)
            return
        read = read_frames(f"{path}{index}", notes=notes, **dict(options))
        assert frames is None or len(read) == frames
        first = read[0]
        special = {"forces0": lambda: first.forces[0], "pressure": lambda: np.diag(first.stress)}
        for key, expected in dict(values).items():
            got = special[key]() if key in special else getattr(first, key)
            if expected is None:
                assert got is None, (key, got)
            else:
                np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=1e-7, err_msg=key)
        lines = "\n".join(notes.lines())
        assert lines == "" if said is None else re.search(said, lines), lines

    return compare
