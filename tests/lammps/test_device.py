"""``pair_style tlmlp device ...``: the GPU's kernels, on the CPU here, give what the engine gives."""

import numpy as np
import pytest

from tlmlp import _core
from tlmlp.cuda import why_no_gpu
from tlmlp.testing.random_models import SMALL, random_potential

GPU = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(bool(why_no_gpu()), reason=str(why_no_gpu()))])
SCRIPT = """
units metal
atom_modify map yes
lattice diamond 5.43
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
displace_atoms all random 0.2 0.2 0.2 77
pair_style tlmlp precision double device {device}
pair_coeff * * {model} Si
velocity all create 600.0 4711
fix move all nve
timestep 0.0005
thermo 5
thermo_style custom step pe ke pxx pyz
thermo_modify format float %.14g
run 20
"""


@pytest.mark.parametrize("device", ["cuda-on-cpu", GPU])
def test_dynamics_on_a_device_agrees_with_the_cpu(device, tmp_path):
    from tlmlp.export import export_model
    from tlmlp.lammps import run_lammps

    export_model(random_potential(("Si",), 4.3, **SMALL), tmp_path / "si.pt", {}, portable=True)
    tables = []
    for where in ("cpu", device):
        text = SCRIPT.format(device=where, model=tmp_path / "si.pt")
        run = run_lammps(text, cwd=tmp_path, timeout=120.0)
        tables.append(np.array(list(run.tables[-1].values())))
    assert tables[0].shape == (5, 5)  # step and four quantities, five times
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-9, atol=1e-7)


def test_a_device_that_cannot_be_used_is_one_line(tmp_path):
    from tlmlp.errors import TlmlpError
    from tlmlp.export import export_model
    from tlmlp.lammps import run_lammps

    if _core.built_with_cuda():
        pytest.skip("this build has CUDA")
    export_model(random_potential(("Si",), 4.3, **SMALL), tmp_path / "si.pt", {}, portable=True)
    with pytest.raises(TlmlpError, match="no CUDA"):
        run_lammps(SCRIPT.format(device="cuda", model=tmp_path / "si.pt"), cwd=tmp_path, timeout=60.0)
