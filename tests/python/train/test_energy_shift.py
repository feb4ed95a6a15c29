"""Energy shifts: each mode from its definition, printed, and `tlmlp shift` on an existing model."""

import numpy as np
import pytest

from tlmlp.errors import TlmlpError
from tlmlp.train import fit, load_run
from tlmlp.train.evaluation.energy_shift import find_energy_shift

COUNTS = np.array([[4.0, 0.0], [2.0, 2.0], [1.0, 3.0]])


def test_each_mode_from_its_definition(lj):
    import dataclasses

    network = np.array([0.3, -0.2, 0.7])
    energies = network + COUNTS @ [-3.0, -7.0]
    frames = [dataclasses.replace(f, energy=e) for f, e in zip(lj(3, 0), energies, strict=True)]

    def shift(mode, **kwargs):
        return find_energy_shift(mode, ["Si", "Ge"], COUNTS, network, frames, **kwargs)

    np.testing.assert_allclose(shift("least-squares"), [-3.0, -7.0], atol=1e-12)
    mean = np.mean((energies - network) / 4)
    np.testing.assert_allclose(shift("mean"), [mean, mean], atol=1e-12)
    np.testing.assert_array_equal(shift("none"), [0.0, 0.0])
    np.testing.assert_array_equal(shift("isolated", isolated={"Ge": -2.0, "Si": -1.0}), [-1.0, -2.0])
    with pytest.raises(TlmlpError, match="isolated atom is needed for each of Si, Ge; Ge missing"):
        shift("isolated", isolated={"Si": -1.0})


@pytest.mark.parametrize("mode", ["isolated", "none"])
def test_a_fixed_shift_holds_through_the_training_and_is_printed(config, tmp_path, mode, capfd):
    settings = config()
    given = {"isolated_energies": {"Si": -2.5}} if mode == "isolated" else {}
    settings["loss"] = {"energy_shift": mode, "energy": 0.1, **given}
    run = fit(settings, tmp_path / "run").run
    expected = -2.5 if mode == "isolated" else 0.0
    assert load_run(run, route="plain")[0].energy_shift.tolist() == [expected]
    assert f"energy shift of Si: {expected:.6f} eV/atom ({mode}" in " ".join(capfd.readouterr().err.split())


def test_the_command_shifts_a_model_and_leaves_the_rest(config, data_dir, tmp_path, environment):
    import subprocess
    import sys

    from tlmlp.train import evaluate, open_model, weights_sha256

    run = fit(config(route="ops"), tmp_path / "run").run

    def call(*arguments):
        command = [sys.executable, "-m", "tlmlp", "shift", str(run), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    data = data_dir / "si-val.extxyz"
    done = call(data, "--out", tmp_path / "new.pt")
    assert done.returncode == 0, done.stderr
    before, after = load_run(run)[0], open_model(tmp_path / "new.pt")[0]
    assert weights_sha256(before) == weights_sha256(after)
    assert f"{before.energy_shift[0]:.6f}" in done.stdout and f"{after.energy_shift[0]:.6f}" in done.stdout
    assert evaluate(after, data)["energy_rmse_mev_per_atom"] < evaluate(before, data)["energy_rmse_mev_per_atom"]
    assert call("--mode", "isolated", "--isolated", "Si=-1.5", "--out", tmp_path / "i.pt").returncode == 0
    assert open_model(tmp_path / "i.pt")[0].energy_shift.tolist() == [-1.5]
    refused = call("--out", tmp_path / "x.pt")
    assert refused.returncode == 2 and "needs frames with energies" in refused.stderr


def test_a_shift_of_energies_with_two_zeros_is_warned_of(lj, tmp_path, capfd):
    from dataclasses import replace

    from tlmlp.data import write_frames
    from tlmlp.shipped import model_path
    from tlmlp.train.evaluation.refit_shift import shift_model

    frames = lj(6, 3)
    write_frames(tmp_path / "t.extxyz", [replace(f, energy=(-5.4, -0.3)[n % 2] * len(f)) for n, f in enumerate(frames)])
    shift_model(model_path("si-dft"), [tmp_path / "t.extxyz"], tmp_path / "new.pt")
    assert "the energies fall into two clumps" in " ".join(capfd.readouterr().err.split())
