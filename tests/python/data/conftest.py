"""Helpers of the data tests: small random frames, and the ``tlmlp data`` command in this process."""

import numpy as np
import pytest
from typer.testing import CliRunner

from tlmlp.cli.data import app
from tlmlp.data import Frame
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
