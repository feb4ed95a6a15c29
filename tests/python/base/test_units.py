"""Conversion factors against ASE's independent table."""

import ase.units as ase_units
import pytest

from tlmlp import units


def test_conversions_agree_with_ase():
    codata = ase_units.create_units("2018")
    assert units.EV_IN_KJ_PER_MOL == pytest.approx(1.0 / (codata["kJ"] / codata["mol"]), rel=1e-12)
    assert units.EV_PER_ANG3_IN_GPA == pytest.approx(1.0 / codata["GPa"], rel=1e-12)
    assert units.KB_EV == pytest.approx(codata["kB"], rel=1e-12)
    assert units.AMU_ANG2_PER_FS2_IN_EV == pytest.approx(1.0 / codata["fs"] ** 2, rel=1e-12)
