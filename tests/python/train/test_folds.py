"""Cross-validation within the training frames: every frame is predicted once by a model that did not see it."""

import json
import math

import pytest
import torch

from tlmlp.data import read_frames, write_frames
from tlmlp.errors import TlmlpError
from tlmlp.train import as_config, fit
from tlmlp.train.data.selection import load_data
from tlmlp.train.loop.folds import score


def folded(config, **training):
    content = config(updates=4, keep="last", **training)
    del content["data"]["val"]
    return content


def test_a_fold_is_every_k_th_frame(config):
    content = folded(config)
    everything = [frame.source for frame in read_frames(content["data"]["train"])]
    seen = []
    for part in range(3):
        content["data"]["fold"] = [part, 3]
        data = load_data(as_config(content).data, as_config(content).loss)
        assert [f.source for f in data.val] == everything[part::3]
        assert sorted(f.source for f in (*data.train, *data.val)) == sorted(everything)
        seen += [f.source for f in data.val]
    assert sorted(seen) == sorted(everything)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.fold=[3, 3]"], "`fold` is a number from 0 and how many there are"),
        (["data.fold=[0, 3]", "data.val=x"], "leave out `val`"),
        (["data.validation=folds", "data.val=x"], "leave out `val`"),
        (["data.validation=folds", "training.keep=best"], "set training.keep to last or average"),
        (["folds.choices={training.seed: []}"], "needs values to try"),
    ],
)
def test_mistakes_are_explained(config, changes, message):
    with pytest.raises(TlmlpError) as caught:
        as_config(folded(config), changes)
    assert message in str(caught.value)


def test_more_folds_than_frames_are_refused(config, tmp_path):
    content = folded(config)
    content["data"].update(n_train=2, validation="folds")
    with pytest.raises(TlmlpError, match="3 folds need as many training frames, but there are 2"):
        fit(content, tmp_path / "run")


def test_copies_do_not_count_for_folds(lj, tmp_path):
    """Three frames of one geometry are one frame, and the refusal says why."""
    from tlmlp.train import transfer_frames

    write_frames(tmp_path / "same.extxyz", lj(1, 3) * 3)
    with pytest.raises(TlmlpError, match=r"but there is 1 \(2 more are left out as copies\)"):
        transfer_frames("si-dft", tmp_path / "same.extxyz", "Si:Si", tmp_path / "run")


def test_the_score_is_the_geometric_mean_in_units_of_the_scales():
    errors = {"force_rmse_ev_per_ang": 0.1, "energy_rmse_mev_per_atom": 4.0, "stress_rmse_gpa": None}
    assert score(errors, {"forces": 0.5, "energy": 0.2, "stress": 2.0}) == pytest.approx(math.sqrt(0.2 * 0.02))
    assert score(errors, {"forces": 0.5, "energy": None, "stress": None}) == pytest.approx(0.2)
    with pytest.raises(TlmlpError, match="nothing to choose by"):
        score(errors, {"forces": None, "energy": 0.0, "stress": 2.0})


def test_settings_are_chosen_by_the_folds_and_the_model_has_all_frames(config, tmp_path):
    content = folded(config)
    content["data"]["validation"] = "folds"
    content["folds"] = {"number": 3, "choices": {"training.learning_rate": [1e-9, 4e-3]}}
    result = fit(content, tmp_path / "run")
    found = json.loads((tmp_path / "run" / "folds.json").read_text())
    assert found["chosen"] == 1 and found["settings"][1]["score"] < found["settings"][0]["score"]
    about = result.metadata["provenance"]
    assert about["training"]["learning_rate"] == 4e-3
    assert about["data"]["train"]["frames"] == 12 and about["data"]["val"]["frames"] == 0
    again = fit(content, tmp_path / "run")  # finished: nothing is trained again
    assert all(
        torch.equal(a, b) for a, b in zip(result.potential.parameters(), again.potential.parameters(), strict=True)
    )
