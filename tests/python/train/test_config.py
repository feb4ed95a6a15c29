"""The config: every mistake is one line that says what to do."""

import pytest
import yaml

from tlmlp.errors import TlmlpError
from tlmlp.models import DimeNetPPConfig
from tlmlp.train import as_config

MINIMAL = {"model": {"cutoff": 4.3}, "data": {"train": "t.xyz", "val": "v.xyz"}}


def changed(**sections):
    return {name: {**MINIMAL.get(name, {}), **sections.get(name, {})} for name in {*MINIMAL, *sections}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            changed(training={"lerning_rate": 1e-3}),
            "unknown key `training.lerning_rate`; did you mean `learning_rate`?",
        ),
        (changed(model={"batch_size": 3}), "unknown key `model.batch_size`; did you mean `training.batch_size`?"),
        ({**MINIMAL, "trainig": {}}, "unknown key `trainig`; did you mean `training`?"),
        ({**MINIMAL, "updates": 3}, "unknown key `updates`; did you mean `training.updates`?"),
        ({"model": {"cutoff": 4.3}}, "`data` is missing"),
        (changed(model={"cutoff": -1.0}), "`model.cutoff`: input should be greater than 0, got -1.0"),
        (changed(model={"cutoff": 500.0}), "`model.cutoff`: input should be less than or equal to 20, got 500.0"),
        (changed(training={"updates": "many"}), "`training.updates`: input should be a valid integer"),
        (
            changed(training={"dtype": "float16"}),
            "`training.dtype`: input should be 'float32' or 'float64', got 'float16'",
        ),
        (changed(data={"pool": "p.xyz", "n_train": 3}), "`data`: give either `train` or `pool`"),
        ({"data": {"train": "t.xyz"}}, "`data`: give either `val`, or `pool` with `n_val`"),
        ({"data": {"pool": "p.xyz", "n_val": 3}}, "`pool` needs `n_train`"),
    ],
)
def test_mistakes_are_explained(content, message):
    with pytest.raises(TlmlpError) as caught:
        as_config(content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_configs_that_contain_themselves_or_explode_are_refused():
    cyclic: list = []
    cyclic.append(cyclic)
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    for value, words in ((cyclic, "containing itself"), (deep, "more than 50 deep"), ([0] * 200_000, "values")):
        with pytest.raises(TlmlpError, match=words):
            as_config(changed(data={"val": value}))


def test_files_are_relative_to_the_config_and_overrides_to_the_current_folder(tmp_path, monkeypatch):
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "c.yaml").write_text(yaml.safe_dump(changed(data={"val": ["../v.xyz@:10"]})))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    config = as_config("../configs/c.yaml", ["data.train=w.xyz", "training.updates=7", "training.learning_rate=1e-4"])
    assert config.data.val == [str(tmp_path / "v.xyz@:10")]
    assert config.data.train == [str(tmp_path / "here" / "w.xyz")]
    assert (config.training.updates, config.training.learning_rate) == (7, 1e-4)


def test_defaults_that_follow_other_entries_are_written_out():
    training = as_config(changed(training={"seed": 5, "validate_every": 30})).training
    assert (training.shuffle_seed, training.checkpoint_every) == (5, 30)


def test_a_preset_gives_sizes_and_those_beside_it_win():
    small = as_config(changed(model={"preset": "small", "n_blocks": 2})).model.sizes()
    assert small == {"embed_size": 16, "n_blocks": 2}
    # The default sizes by their name.
    named = DimeNetPPConfig(1, 5.0, **as_config(changed(model={"preset": "quarter"})).model.sizes())
    assert named == DimeNetPPConfig(1, 5.0)
    # The widths of the publication (arXiv 2011.14115).
    full = DimeNetPPConfig(1, 5.0, **as_config(changed(model={"preset": "full"})).model.sizes())
    assert (full.embed_size, full.out_size, full.int_emb_size, full.basis_emb_size, full.n_blocks) == (
        128,
        256,
        64,
        8,
        4,
    )
    with pytest.raises(TlmlpError, match=r"model\.preset.*'small', 'quarter' or 'full'"):
        as_config(changed(model={"preset": "tiny"}))


def test_the_resolved_config_gives_itself_back():
    config = as_config(changed(training={"seed": 5}))
    assert as_config(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config


@pytest.mark.parametrize(
    "override",
    [
        "training.updates",
        "=3",
        "training..updates=3",
        "training.updates.x=3",
        "training.updates=[",
        "training.updates=x",
    ],
)
def test_bad_overrides_are_refused(override):
    with pytest.raises(TlmlpError):
        as_config(changed(training={"updates": 3}), [override])


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\x00"])
def test_files_that_are_no_config_are_refused(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(TlmlpError, match=r"c\.yaml"):
        as_config(tmp_path / "c.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TlmlpError, match=r"none\.yaml: cannot be read"):
        as_config(tmp_path / "none.yaml")


def test_the_example_configs_are_valid():
    from pathlib import Path

    for file in (Path(__file__).parents[3] / "examples").glob("*.yaml"):
        assert as_config(file).training.updates >= 500
