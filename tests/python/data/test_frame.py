"""Frames refuse what is not a structure, and their hash sees every number."""

from dataclasses import replace

import numpy as np
import pytest

from tlmlp.data import Frame
from tlmlp.errors import TlmlpError


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("positions", np.full((8, 3), np.nan), "`positions` must be finite, got nan"),
        ("positions", np.full((8, 3), np.inf), "`positions` must be finite, got inf"),
        ("positions", np.zeros((8, 2)), r"`positions` must have shape \(8, 3\), got \(8, 2\)"),
        ("cell", np.zeros((3, 3)), "zero volume"),
        ("cell", np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1]]), "zero volume"),
        ("cell", np.zeros(3), r"`cell` must have shape \(3, 3\), got \(3,\)"),
        ("pbc", [True, False], r"`pbc` must have shape \(3,\)"),
        ("atomic_numbers", np.zeros(8), "between 1 and 118"),
        ("atomic_numbers", np.full(7, 14), r"`atomic_numbers` must have shape \(8,\)"),
        ("forces", np.full((8, 3), np.nan), "`forces` must be finite"),
        ("forces", np.zeros((7, 3)), "`forces` must have shape"),
        ("stress", np.zeros(6), "`stress` must have shape"),
        ("energy", np.inf, "`energy` must be finite"),
    ],
)
def test_bad_frames_give_one_line_with_their_source(make_frame, field, value, message):
    with pytest.raises(TlmlpError, match=message) as caught:
        make_frame(**{field: value})
    assert str(caught.value).startswith("made#0: ") and "\n" not in str(caught.value)


def test_frame_without_atoms_is_refused():
    with pytest.raises(TlmlpError, match="no atoms"):
        Frame(np.zeros((0, 3)), np.eye(3), True, np.zeros(0))


def test_open_and_partly_periodic_frames_need_no_full_cell(make_frame):
    make_frame(pbc=False, cell=np.zeros((3, 3)))
    make_frame(pbc=[True, False, False], cell=np.diag([5.0, 0, 0]))
    with pytest.raises(TlmlpError, match="zero volume"):
        make_frame(pbc=[False, True, False], cell=np.diag([5.0, 0, 0]))


def test_frames_keep_their_own_copy(make_frame):
    frame = make_frame()
    mine = frame.positions.copy()
    copy = make_frame(positions=mine)
    mine += 1.0
    assert np.array_equal(copy.positions, frame.positions)


def test_atoms_round_trip(make_frame):
    frame = make_frame()
    atoms = frame.to_atoms()
    back = Frame.from_atoms(
        atoms,
        energy=atoms.info["REF_energy"],
        forces=atoms.arrays["REF_forces"],
        stress=atoms.info["REF_stress"],
        group=atoms.info["group"],
    )
    assert back.sha256() == frame.sha256() and back.group == frame.group


@pytest.mark.parametrize("field", ["positions", "cell", "forces", "stress"])
def test_hash_sees_the_last_bit_of_every_array(make_frame, field):
    frame = make_frame()
    changed = getattr(frame, field).copy()
    changed[-1, -1] = np.nextafter(changed[-1, -1], np.inf)
    assert replace(frame, **{field: changed}).sha256() != frame.sha256()
    assert replace(frame, **{field: getattr(frame, field).copy()}).sha256() == frame.sha256()


def test_hash_sees_labels_and_not_the_origin(make_frame):
    frame = make_frame()
    others = [
        replace(frame, energy=frame.energy + 1e-12),
        replace(frame, energy=None),
        replace(frame, stress=None),
        replace(frame, pbc=[True, True, False]),
        replace(frame, atomic_numbers=np.full(8, 32)),
    ]
    assert len({f.sha256() for f in [frame, *others]}) == 6
    assert replace(frame, source="elsewhere", group="x").sha256() == frame.sha256()
    assert len(frame) == 8 and frame.volume == pytest.approx(5.43**3)
