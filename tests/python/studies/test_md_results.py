"""Drift and speed out of molecular-dynamics records."""

import numpy as np
import pytest

from tlmlp.errors import TlmlpError
from tlmlp.studies.md_results import nve_drift, read_nve, steps_per_second


def test_drift_is_the_fitted_slope_per_ten_ps():
    time = np.linspace(0.0, 2.0, 201)
    energy = -250.0 + 0.0032 * time + 1e-4 * np.cos(40 * np.pi * time)  # 0.0032 eV/ps on 64 atoms
    assert nve_drift(time, energy, 64) == pytest.approx(0.5, abs=2e-3)


def test_a_record_of_an_exploded_run_is_refused(tmp_path):
    (tmp_path / "thermo.txt").write_text("# header\n0.0 1200 -240 -230\n0.1 nan nan nan\n")
    with pytest.raises(TlmlpError, match="finite"):
        read_nve(tmp_path / "thermo.txt")


def test_speed_is_read_from_the_last_run():
    log = "Loop time of 1.0 on 1 procs for 10 steps with 8 atoms\nLoop time of 20.0 on 1 procs for 200 steps with 512 atoms\n"
    assert steps_per_second(log) == (512, 10.0)
    with pytest.raises(TlmlpError, match="no finished run"):
        steps_per_second("ERROR: Lost atoms")
