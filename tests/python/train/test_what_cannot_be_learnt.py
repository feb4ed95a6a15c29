"""Isolated atoms, the rank of the energy shift, and trainings in which nothing can be learnt: tables of inputs."""

import dataclasses
import errno
import re

import numpy as np
import pytest

from tlmlp.data import write_frames
from tlmlp.errors import TlmlpError
from tlmlp.models import build_potential
from tlmlp.train import evaluate, fit, weights_sha256
from tlmlp.train.evaluation.comparison import ERROR_KEYS
from tlmlp.train.evaluation.energy_shift import find_energy_shift, what_is_determined
from tlmlp.train.model.modelfile import model_payload, save_model
from tlmlp.train.report.evaluated_files import evaluate_files


def atom(energy=-0.81, element=14, cell=20.0, group="IsolatedAtom"):
    """A frame of one atom in a large box."""
    from tlmlp.data import Frame

    return Frame(
        positions=[[cell / 2] * 3],
        cell=cell * np.eye(3),
        pbc=False,
        atomic_numbers=[element],
        energy=energy,
        forces=np.zeros((1, 3)),
        group=group,
        source=f"atom-{element}",
    )


@pytest.fixture(scope="module")
def potential():
    return build_potential(
        ["Si"], 4.0, seed=3, route="plain", energy_shift=[-2.9], embed_size=8, n_blocks=1, num_spherical=3, num_radial=3
    )


# --- isolated atoms --------------------------------------------------------------------------------------------------


def test_the_errors_of_an_isolated_atom_stand_on_a_line_of_their_own(lj, potential, tmp_path, capsys):
    without, with_atom = evaluate(potential, lj(4, 0)), evaluate(potential, [*lj(4, 0), atom()])
    assert [with_atom[key] for key in ERROR_KEYS] == [without[key] for key in ERROR_KEYS]
    assert with_atom["groups"] == without["groups"] and with_atom["frames"] == 4
    alone = with_atom["isolated_atoms"]
    network = evaluate(potential, [atom(energy=0.0)])["isolated_atoms"]["energy_mae_mev_per_atom"]
    assert alone["frames"] == 1 and alone["energy_mae_mev_per_atom"] == pytest.approx(abs(network - 810.0), rel=1e-6)
    write_frames(tmp_path / "t.extxyz", [*lj(4, 0), atom()])
    save_model(tmp_path / "m.pt", model_payload(potential), {})
    evaluate_files(tmp_path / "m.pt", [tmp_path / "t.extxyz"], route="plain", figure=tmp_path / "f.png")
    assert re.search(r"isolated atoms\s+│\s+1 │", capsys.readouterr().out)


def test_training_with_isolated_atoms_is_training_without(config, tmp_path, lj, capfd):
    content = config(updates=6)
    content["loss"] = {"energy": 1.0}
    plain = fit(content, tmp_path / "plain")
    write_frames(tmp_path / "t.extxyz", [*lj(12, 0), atom()])
    content["data"]["train"] = str(tmp_path / "t.extxyz")
    mixed = fit(content, tmp_path / "mixed")
    assert weights_sha256(mixed.potential) == weights_sha256(plain.potential) and mixed.errors == plain.errors
    assert mixed.potential.energy_shift.tolist() == plain.potential.energy_shift.tolist()
    assert "1 frame of isolated atoms is left out" in " ".join(capfd.readouterr().err.split())
    content["loss"] = {"energy_shift": "isolated"}
    assert fit(content, tmp_path / "isolated").potential.energy_shift.tolist() == [-0.81]
    content["data"]["train"] = config()["data"]["train"]
    with pytest.raises(TlmlpError, match="isolated atom is needed for each of Si; Si missing: give it"):
        fit(content, tmp_path / "missing")


def test_isolated_atoms_that_disagree_are_refused():
    from tlmlp.data.isolated import isolated_energies

    assert isolated_energies([atom(), atom(-0.82), atom(-2.0, 32)]) == {"Si": pytest.approx(-0.815), "Ge": -2.0}
    with pytest.raises(TlmlpError, match=r"isolated atoms of Si have energies from -5 eV .* to -0.81 eV"):
        isolated_energies([atom(), atom(-5.0)])


# --- the rank of the shift -------------------------------------------------------------------------------------------

S2, S3 = ["Si", "Ge"], ["Si", "Ge", "Sn"]
ONE = [[4.0, 4.0]] * 3
#: Counts of the species in each frame; the shifts before; what comes out for energies of -3 n1 - 7 n2 (- 9 n3); words.
RANKS = {
    "two elements": (S2, [[4.0, 0.0], [2.0, 2.0], [1.0, 3.0]], [-3.0, -7.0], "rank 2 of 2$"),
    "no Ge": (S2, [[4.0, 0.0], [8.0, 0.0]], [-3.0, -3.924], "Ge: no frame with an energy holds it, so it stays"),
    "one composition": (S2, ONE, [-5.0, -5.0], "rank 1 of 2; 1 combination of shifts cannot be told"),
    "two compositions of three": (S3, [[4.0, 4.0, 0.0], [4.0, 0.0, 4.0]], None, "rank 2 of 3; 1 combination"),
    "Sn absent, one composition": (S3, [[4.0, 4.0, 0.0]] * 2, [-5.0, -5.0, -3.924], "rank 1 of 2.*Sn: no frame"),
    "alike": (S2, [[500.0, 500.0], [495.0, 505.0], [505.0, 495.0]], [-3.0, -7.0], "counts 1.. ?-fold|counts 122-fold"),
    "nearly singular": (S2, [[5000.0, 5000.0], [4999.0, 5001.0]], None, None),
    "one frame of one": (S2, [[4.0, 0.0]], [-3.0, -3.924], "rank 1 of 1"),
    "all pure": (S2, [[4.0, 0.0], [0.0, 2.0]], [-3.0, -7.0], "rank 2 of 2$"),
    "a vacancy": (S2, [[32.0, 32.0], [31.0, 32.0], [32.0, 31.0]], [-3.0, -7.0], "rank 2 of 2"),
}


@pytest.mark.parametrize("name", RANKS)
def test_a_fit_of_the_shift_says_its_rank(name, lj):
    species, counts, expected, words = RANKS[name]
    counts = np.array(counts)
    frames = [dataclasses.replace(lj(1, 0)[0], energy=float(e)) for e in counts @ [-3.0, -7.0, -9.0][: len(species)]]
    bound, network = np.ones(len(frames), dtype=bool), np.zeros(len(frames))
    if words is None:
        with pytest.raises(TlmlpError, match="hardly tell the energy shifts of Si, Ge apart: an error of 1 meV/atom"):
            what_is_determined("least-squares", species, counts, frames, bound)
        return
    assert re.search(words, "; ".join(what_is_determined("least-squares", species, counts, frames, bound)))
    before = np.full(len(species), -3.924)
    shift = find_energy_shift("least-squares", species, counts, network, frames, bound=bound, before=before)
    if expected is not None:
        np.testing.assert_allclose(shift, expected, atol=1e-9)
    energies = np.array([f.energy for f in frames])
    np.testing.assert_allclose(counts @ shift, energies, rtol=1e-9)  # whatever is open, the frames are met
    mean = find_energy_shift("mean", species, counts, network, frames, bound=bound, before=before)
    held = counts.sum(axis=0) > 0
    assert len(set(mean[held].tolist())) == 1 and (mean[~held] == -3.924).all()


def test_frames_of_isolated_atoms_are_left_out_of_the_fit(lj):
    frames = [dataclasses.replace(f, energy=-20.0) for f in lj(3, 0)] + [atom()]
    counts, network = np.array([[4.0], [4.0], [4.0], [1.0]]), np.zeros(4)
    bound = np.array([True, True, True, False])
    for mode in ("least-squares", "mean"):
        assert find_energy_shift(mode, ["Si"], counts, network, frames, bound=bound).tolist() == [-5.0]
    assert what_is_determined("least-squares", ["Si"], counts, frames, bound)[0].startswith(
        "energy shift of Si: 3 frames"
    )


# --- nothing to learn ------------------------------------------------------------------------------------------------


def one_atom_cells(lj_of):
    """Four fcc cells of one atom, of different lattice constants."""
    fcc = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return [lj_of(np.zeros((1, 3)), a * fcc, np.array([14])) for a in (4.0, 4.1, 4.2, 4.3)]


def change(content, **sections):
    for name, values in sections.items():
        before = content.get(name, {})
        content[name] = {**(before if isinstance(before, dict) else {"energy": 0.0, "stress": 0.0}), **values}
    return content


def test_cells_of_one_atom_teach_no_forces(config, tmp_path, lj_of):
    write_frames(tmp_path / "t.extxyz", one_atom_cells(lj_of))
    content = change(config(updates=2), data={"train": str(tmp_path / "t.extxyz"), "val": str(tmp_path / "t.extxyz")})
    change(content, loss={"energy": 0.0, "stress": 0.0})
    with pytest.raises(
        TlmlpError, match=r"nothing can be learnt: .* cell of one atom, whose force is zero by symmetry"
    ):
        fit(content, tmp_path / "run")
    assert fit(change(content, loss={"energy": 1.0}), tmp_path / "energy").finished


@pytest.mark.parametrize("copies", [1, 3])
def test_one_energy_is_taken_up_by_the_shift(config, tmp_path, lj, copies):
    write_frames(tmp_path / "t.extxyz", lj(1, 0) * copies)
    content = change(
        config(), data={"train": str(tmp_path / "t.extxyz")}, loss={"energy": 1.0, "forces": 0.0, "stress": 0.0}
    )
    with pytest.raises(TlmlpError, match="nothing can be learnt: the loss fits energies alone, 1 geometry among"):
        fit(content, tmp_path / "run")


@pytest.mark.parametrize(
    ("section", "refused"),
    [
        ({"frozen": ["embedding", "interaction", "output", "frequencies"]}, True),
        ({"frozen": ["embedding", "interaction", "frequencies"]}, False),
        ({"learning_rates": {"embedding": 0, "interaction": 0, "output": 0, "frequencies": 0}}, True),
        ({"frozen": ["embedding", "interaction", "output", "frequencies"], "unfreeze": {"output": 3}}, False),
        ({"frozen": ["embedding", "interaction", "output", "frequencies"], "unfreeze": {"output": 8}}, True),
    ],
)
def test_a_transfer_with_everything_frozen(section, refused, potential):
    from tlmlp.train.config.sections import TransferSection
    from tlmlp.train.loop.learnable import refuse_all_frozen
    from tlmlp.train.optimise.parameter_groups import RateFactors

    factors = RateFactors(potential, TransferSection(**section))
    if refused:
        with pytest.raises(TlmlpError, match="nothing can be learnt: the section transfer freezes every parameter"):
            refuse_all_frozen(factors(8 - 1))
    else:
        refuse_all_frozen(factors(8 - 1))


SAID = {
    "a short cutoff": (
        {"model": {"cutoff": 2.6}},
        r"model.cutoff is 2.6 Å, and the nearest neighbour .* usually 2\.\d+ Å",
    ),
    "an element that no frame holds": (
        {"model": {"species": ["Si", "Ge"]}},
        "names Ge, but no training frame holds it",
    ),
    "the shift of that element": (
        {"model": {"species": ["Si", "Ge"]}},
        "shift of Ge: no frame with an energy holds it",
    ),
    "the rank": ({}, r"energy shift of Si: 12 frames with energies, rank 1 of 1"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_when_a_training_begins(name, config, tmp_path, capfd):
    changes, words = SAID[name]
    fit(change(config(updates=1), **changes), tmp_path / "run")
    assert re.search(words, " ".join(capfd.readouterr().err.split()))


def test_forces_of_a_perfect_crystal_teach_nothing_else(config, tmp_path, lj_of, capfd):
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    frames = [lj_of(a * base, a * np.eye(3), np.full(4, 14)) for a in (4.1, 4.2, 4.3)]
    frames = [dataclasses.replace(f, forces=np.round(f.forces, 8)) for f in frames]
    write_frames(tmp_path / "t.extxyz", frames)
    fit(change(config(updates=1), data={"train": str(tmp_path / "t.extxyz")}), tmp_path / "run")
    assert "all reference forces are zero" in " ".join(capfd.readouterr().err.split())


def test_isolated_atoms_alone_are_no_training_set(config, tmp_path):
    write_frames(tmp_path / "t.extxyz", [atom(), atom()])
    with pytest.raises(TlmlpError, match=r"t.extxyz: none of the 2 frames has forces and atoms with neighbours"):
        fit(change(config(), data={"train": str(tmp_path / "t.extxyz")}), tmp_path / "run")


def test_two_zeros_of_the_energy_are_said(config, tmp_path, lj, capfd):
    frames = lj(12, 0)
    frames = [*frames[:8], *(dataclasses.replace(f, energy=f.energy + 300.0 * len(f)) for f in frames[8:])]
    write_frames(tmp_path / "t.extxyz", frames)
    fit(change(config(updates=1), data={"train": str(tmp_path / "t.extxyz")}), tmp_path / "run")
    assert "the energies fall into two clumps, 8 frames at" in " ".join(capfd.readouterr().err.split())


def test_labels_that_are_declared_absent_are_not_fitted(config):
    from tlmlp.train import as_config

    with pytest.raises(TlmlpError, match=r"`loss.forces` fits what `data.absent` says is not there"):
        as_config(change(config(), data={"absent": ["forces"]}))
    with pytest.raises(TlmlpError, match=r"data\.absent"):
        as_config(change(config(), data={"absent": ["charges"]}))


def test_a_frame_that_the_file_does_not_count_is_left_out(config, tmp_path, lj, capfd):
    write_frames(tmp_path / "t.extxyz", lj(6, 0))
    lines = (tmp_path / "t.extxyz").read_text().replace("Lattice", "config_forces_weight=0 Lattice", 2)
    (tmp_path / "t.extxyz").write_text(lines)
    fit(change(config(updates=1), data={"train": str(tmp_path / "t.extxyz")}), tmp_path / "run")
    err = " ".join(capfd.readouterr().err.split())
    assert "2 frames without forces are left out" in err and "4 training" in err


# --- where figures go ------------------------------------------------------------------------------------------------


def test_figures_never_go_to_the_current_folder_unasked(lj, potential, tmp_path, monkeypatch, capfd):
    (tmp_path / "here").mkdir()
    write_frames(tmp_path / "test.extxyz", lj(2, 0))
    save_model(tmp_path / "m.pt", model_payload(potential), {})
    monkeypatch.chdir(tmp_path / "here")
    evaluate_files(tmp_path / "m.pt", [tmp_path / "test.extxyz"], route="plain")
    assert not list((tmp_path / "here").iterdir()) and (tmp_path / "m-parity-test.png").is_file()

    def read_only(path, text):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tlmlp.train.report.parity.atomic_write_text", read_only)
    capfd.readouterr()
    evaluate_files(tmp_path / "m.pt", [tmp_path / "test.extxyz"], route="plain")  # the table is there, and a word
    out, err = capfd.readouterr()
    assert "force MAE" in out and "name a place with --figure FILE.png" in " ".join(err.split())
    with pytest.raises(TlmlpError, match=r"cannot be written there .Read-only file system.; name another place"):
        evaluate_files(tmp_path / "m.pt", [tmp_path / "test.extxyz"], route="plain", figure=tmp_path / "f.png")
