"""The same systems through every host of this machine: one table, compared with the oracle and between hosts."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the oracle needs torch")

from tlmlp.cli.conformance import show
from tlmlp.errors import TlmlpError
from tlmlp.export import export_model
from tlmlp.testing.conformance import compare, read_systems, routes
from tlmlp.testing.conformance.comparison import BETWEEN_HOSTS, FROM_ORACLE, differences, size
from tlmlp.testing.conformance.systems import SYSTEMS
from tlmlp.testing.random_models import SMALL, random_potential

#: Enough for the larger network.
FEW = ("random", "skewed", "slab", "cluster", "one atom in a small cell")
MODELS = {
    "two species, small network": {"species": ["Si", "Ge"], "scale": 20.0, **SMALL},
    "one species, default sizes": {"species": ["Ge"], "scale": 20.0},
    "two species and ZBL": {"species": ["Si", "Ge"], "scale": 20.0, "zbl": {"inner": 1.5, "outer": 3.0}, **SMALL},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conformance")
    paths = {}
    for k, (name, arguments) in enumerate(MODELS.items()):
        paths[name] = folder / f"{k}.pt"
        export_model(random_potential(cutoff=5.0, **arguments), paths[name])
    return paths


@pytest.mark.parametrize("which", MODELS)
def test_every_host_gives_the_numbers_of_the_oracle(models, which, capsys, tmp_path):
    systems = SYSTEMS
    if which == "one species, default sizes":
        systems = tmp_path / "few.json"
        systems.write_text(json.dumps([s for s in json.loads(SYSTEMS.read_text()) if s["name"] in FEW]))
    rows = compare(models[which], systems=systems)
    with capsys.disabled():
        print(f"\n{which}")
        show(rows)
        for reason in sorted({row.verdict for row in rows if row.verdict.startswith("skipped")}):
            print(reason)
    assert [f"{row.route}: {row.verdict}" for row in rows if row.verdict.startswith("failed")] == []
    done = {row.route for row in rows if row.verdict == "passed"}
    assert {"python, plain, double", "python, plain, single"} <= done and all(
        row.systems for row in rows if row.route in done
    )


def test_the_systems_hold_what_hosts_get_wrong(models):
    systems = read_systems([14, 32])
    cells = [s.cell for s in systems.values() if s.pbc.all()]
    assert any(np.linalg.det(cell) < 0 for cell in cells), "left-handed"
    assert any(np.triu(cell, 1).any() for cell in cells), "not lower triangular"
    assert any((s.pbc.any() and not s.pbc.all()) for s in systems.values()), "mixed"
    assert any(len(s) == 1 for s in systems.values()) and any(not s.pbc.any() for s in systems.values())
    outside = [s.positions @ np.linalg.inv(s.cell) for s in systems.values() if s.pbc.all()]
    assert any((np.abs(x) > 2).any() for x in outside)
    assert all(set(s.atomic_numbers.tolist()) == {32} for s in read_systems([32]).values())
    assert len({route.name for route in routes(next(iter(models.values())))}) == 29


def test_wrong_numbers_do_not_pass(models, monkeypatch, tmp_path):
    """A host that is off by a little more than allowed, or gives NaN, or raises, fails by name."""
    pair = tmp_path / "pair.json"
    entry = {
        "name": "pair",
        "species": [0, 0],
        "positions": [[0, 0, 0], [0, 0, 2.5]],
        "cell": np.zeros((3, 3)).tolist(),
    }
    pair.write_text(json.dumps([entry | {"pbc": [False] * 3}]))
    real = list(routes(models["two species, small network"]))[:2]
    e, f = size(real[0].compute(list(read_systems([14, 32], pair).values()))[0])
    assert e >= 1.0 and f >= 1.0

    def off(energy: float, force: float, precision: str = "double"):
        def compute(systems):
            return [(e + energy, f + force) for e, f in real[1].compute(systems)]

        return dataclasses.replace(real[1], compute=compute, precision=precision, host="other")

    def broken(systems):
        raise RuntimeError("two\nlines")

    wrong = [
        off(3e-8 * e, 0.0),
        off(0.0, 2e-8 * f),
        off(0.0, 3e-5 * f, "single"),
        off(np.nan, 0.0),
        off(0.0, np.nan),
        dataclasses.replace(real[1], compute=broken),
    ]
    for route, match in zip(
        wrong, ("energy differ", "forces differ", "forces differ", "nan", "nan", "two lines"), strict=True
    ):
        monkeypatch.setattr("tlmlp.testing.conformance.comparison.routes", lambda *_, r=route: iter([*real, r]))
        first, last = compare(models["two species, small network"], systems=pair)
        assert first.verdict == "passed" and last.verdict.startswith("failed") and match in last.verdict
        assert "\n" not in last.verdict
    # Two single-precision hosts 1.5 times their limit apart are both close enough to the oracle, but not to each other.
    single = [off(0.0, 0.0, "single"), off(0.0, 3e-6 * f, "single")]
    monkeypatch.setattr("tlmlp.testing.conformance.comparison.routes", lambda *_: iter([real[0], *single]))
    first, last = compare(models["two species, small network"], systems=pair)
    assert first.verdict == "passed" and "differ from the same engine elsewhere" in last.verdict


def test_bad_systems_are_one_line(models, tmp_path):
    path = tmp_path / "systems.json"
    for text in (
        "{",
        '[{"name": "x"}]',
        '[{"name": "x", "species": [0], "positions": [[0, 0]], "cell": [], "pbc": []}]',
    ):
        path.write_text(text)
        with pytest.raises(TlmlpError, match="must be a JSON list of systems") as caught:
            compare(next(iter(models.values())), systems=path)
        assert "\n" not in str(caught.value)
    with pytest.raises(TlmlpError, match="does not exist"):
        compare(next(iter(models.values())), systems=tmp_path / "none.json")


def test_limits_grow_with_the_system():
    """The same relative error passes or fails in one cell and in its copies, and at any scale of the forces."""
    rng = np.random.default_rng(1)
    forces = rng.normal(size=(8, 3))
    for copies in (1, 8, 64):
        for scale in (1.0, 30.0):
            right = copies * -43.0, np.tile(scale * forces, (copies, 1))
            for limits in (FROM_ORACLE, BETWEEN_HOSTS):
                for limit in limits.values():
                    allowed = [a * b for a, b in zip(limit, size(right), strict=True)]
                    for factor, inside in ((0.9, True), (1.1, False)):
                        n = 8 * copies
                        other = right[0] + factor * allowed[0] * n, right[1] + factor * allowed[1]
                        assert [d <= a for d, a in zip(differences(other, right), allowed, strict=True)] == [inside] * 2
