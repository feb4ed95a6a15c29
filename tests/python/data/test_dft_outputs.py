"""Outputs of VASP, Quantum ESPRESSO and CP2K, small ones written here: units, signs, constraints."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tlmlp.data import read_frames
from tlmlp.errors import TlmlpError

HARTREE, BOHR, GPA = 27.211386245988, 0.529177210903, 1.0 / 160.2176634

VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <parameters></parameters>
 <atominfo><array name="atoms"><set><rc><c>Ge</c><c>1</c></rc><rc><c>Ge</c><c>1</c></rc></set></array></atominfo>
 <structure name="initialpos">
  <crystal><varray name="basis"><v>0 2.9 2.9</v><v>2.9 0 2.9</v><v>2.9 2.9 0</v></varray></crystal>
  <varray name="positions"><v>0 0 0</v><v>0.25 0.25 0.25</v></varray>
  <varray name="selective"><v>F F F</v><v>T T T</v></varray>
 </structure>
 <calculation>
  <scstep><energy><i name="e_fr_energy">-8.5</i><i name="e_0_energy">-8.4</i></energy></scstep>
  <structure>
   <crystal><varray name="basis"><v>0 2.9 2.9</v><v>2.9 0 2.9</v><v>2.9 2.9 0</v></varray></crystal>
   <varray name="positions"><v>0 0 0</v><v>0.26 0.25 0.25</v></varray>
  </structure>
  <varray name="forces"><v>0.5 -0.25 0.125</v><v>-0.5 0.25 -0.125</v></varray>
  <varray name="stress"><v>10 1 2</v><v>1 20 3</v><v>2 3 30</v></varray>
  <energy><i name="e_fr_energy">-8.5</i><i name="e_0_energy">-8.4</i></energy>
 </calculation>
</modeling>
"""

ESPRESSO = """
     Program PWSCF v.6.5 starts on  1Jan2024 at 10: 0: 0

     bravais-lattice index     =            0
     lattice parameter (alat)  =      10.0000  a.u.
     number of atoms/cell      =            1
     number of atomic types    =            1
     celldm(1)=  10.000000  celldm(2)=   0.000000  celldm(3)=   0.000000
     crystal axes: (cart. coord. in units of alat)
               a(1) = (   1.000000   0.000000   0.000000 )
               a(2) = (   0.000000   1.000000   0.000000 )
               a(3) = (   0.000000   0.000000   1.000000 )
     Cartesian axes
     site n.     atom                  positions (alat units)
         1           Si  tau(   1) = (   0.5000000   0.0000000   0.0000000  )

!    total energy              =     -15.75000000 Ry
     Forces acting on atoms (cartesian axes, Ry/au):

     atom    1 type  1   force =     0.01000000    0.02000000   -0.03000000

     Computing stress (Cartesian axis) and pressure
          total   stress  (Ry/bohr**3)                   (kbar)     P=   20.00
   0.00006800   0.00000000   0.00000000           10.00        0.00        0.00
   0.00000000   0.00013600   0.00000000            0.00       20.00        0.00
   0.00000000   0.00000000   0.00020400            0.00        0.00       30.00
"""

CP2K_HEAD = """ CP2K| version string:                                          CP2K version {version}
 CELL| Volume [angstrom^3]:                                                 160.000
 CELL| Vector a [angstrom]:       5.431     0.000     0.000   |a| =       5.431000
 CELL| Vector b [angstrom]:       0.100     5.431     0.000   |b| =       5.431921
 CELL| Vector c [angstrom]:       0.000     0.000     5.431   |c| =       5.431000
 POISSON| Periodicity                                                        XYZ

 MODULE QUICKSTEP: ATOMIC COORDINATES IN {angstrom}

  Atom Kind Element         X             Y             Z       Z(eff)     Mass

     1    1 Si   14      0.000000      0.000000      0.000000     4.0000  28.0855
     2    1 Si   14      1.357750      1.357750     -1.400000     4.0000  28.0855

 SCF PARAMETERS         Density guess:                                    ATOMIC
"""
CP2K_OLD = (
    CP2K_HEAD.format(version="8.2", angstrom="angstrom")
    + """
 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:               -7.750000000000000

 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X              Y              Z
      1      1      Si          0.01000000     0.02000000     0.03000000
      2      1      Si         -0.01000000    -0.02000000    -0.03000000
 SUM OF ATOMIC FORCES           0.00000000     0.00000000     0.00000000     0.00000000

 STRESS| Analytical stress tensor [GPa]
 STRESS|                        x                   y                   z
 STRESS|      x        1.00000000000E+00   4.00000000000E-01   0.00000000000E+00
 STRESS|      y        4.00000000000E-01   2.00000000000E+00   0.00000000000E+00
 STRESS|      z        0.00000000000E+00   0.00000000000E+00   3.00000000000E+00
"""
)
CP2K_NEW = (
    CP2K_HEAD.format(version="2025.1", angstrom="ANGSTROM")
    + """
 ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]             -7.750000000000000

 FORCES| Atomic forces [hartree/bohr]
 FORCES|   Atom     x               y               z               |f|
 FORCES|      1  1.00000000E-02  2.00000000E-02  3.00000000E-02   3.74165739E-02
 FORCES|      2 -1.00000000E-02 -2.00000000E-02 -3.00000000E-02   3.74165739E-02
 FORCES| Sum     0.00000000E+00  0.00000000E+00  0.00000000E+00

 STRESS| Analytical stress tensor [bar]
 STRESS|                        x                   y                   z
 STRESS|      x        1.00000000000E+04   4.00000000000E+03   0.00000000000E+00
 STRESS|      y        4.00000000000E+03   2.00000000000E+04   0.00000000000E+00
 STRESS|      z        0.00000000000E+00   0.00000000000E+00   3.00000000000E+04
"""
)


def test_vasprun_with_selective_dynamics(tmp_path):
    (tmp_path / "vasprun.xml").write_text(VASPRUN)
    (frame,) = read_frames(tmp_path / "vasprun.xml")
    assert frame.energy == pytest.approx(-8.5)  # the free energy, which the forces belong to
    assert frame.forces.tolist() == [[0.5, -0.25, 0.125], [-0.5, 0.25, -0.125]]  # the fixed atom's force is kept
    assert np.allclose(frame.stress, -0.1 * GPA * np.array([[10, 1, 2], [1, 20, 3], [2, 3, 30]]))
    assert frame.atomic_numbers.tolist() == [32, 32] and frame.pbc.all()


def test_outcar():
    sample = Path(pytest.importorskip("ase.test").__file__).parent / "testdata" / "vasp" / "OUTCAR_example_1"
    if not sample.is_file():
        pytest.skip("this ASE comes without its sample OUTCAR")
    frame = read_frames(sample)[-1]
    assert frame.energy == pytest.approx(-68.22868532)  # TOTEN; energy(sigma->0) is -68.23102426
    assert frame.forces.shape == frame.positions.shape and frame.stress is not None


def test_quantum_espresso(tmp_path):
    (tmp_path / "si.pwo").write_text(ESPRESSO)
    (frame,) = read_frames(tmp_path / "si.pwo")
    rydberg = 0.5 * HARTREE
    assert frame.energy == pytest.approx(-15.75 * rydberg, rel=1e-7)
    assert np.allclose(frame.forces, np.array([[0.01, 0.02, -0.03]]) * rydberg / BOHR, rtol=1e-6)
    assert np.allclose(frame.positions, [[5.0 * BOHR, 0, 0]], rtol=1e-6)
    # Printed positive under compression, like P.
    assert np.allclose(np.diag(frame.stress), -np.array([1.0, 2.0, 3.0]) * GPA, rtol=2e-3)


@pytest.mark.parametrize("text", [CP2K_OLD, CP2K_NEW], ids=["8.2", "2025.1"])
def test_cp2k(tmp_path, text):
    (tmp_path / "cp2k.out").write_text(text)
    (frame,) = read_frames(tmp_path / "cp2k.out")
    assert frame.energy == pytest.approx(-7.75 * HARTREE)
    assert np.allclose(frame.forces, np.array([[1, 2, 3], [-1, -2, -3]]) * 0.01 * HARTREE / BOHR)
    assert frame.cell.tolist() == [[5.431, 0, 0], [0.1, 5.431, 0], [0, 0, 5.431]] and frame.pbc.all()
    assert frame.positions[1].tolist() == [1.35775, 1.35775, -1.4] and frame.atomic_numbers.tolist() == [14, 14]
    assert np.allclose(frame.stress, -GPA * np.array([[1, 0.4, 0], [0.4, 2, 0], [0, 0, 3]]))


def test_cp2k_outputs_that_hold_no_single_point(tmp_path):
    path = tmp_path / "cp2k.out"
    path.write_text(CP2K_OLD + CP2K_OLD[CP2K_OLD.index(" ENERGY|") :])
    with pytest.raises(TlmlpError, match="has 2 energies"):
        read_frames(path)
    path.write_text(CP2K_OLD + "\n *** WARNING: SCF run NOT converged ***\n")
    with pytest.raises(TlmlpError, match="did not converge"):
        read_frames(path)
    path.write_text(CP2K_OLD[: CP2K_OLD.index(" MODULE")] + CP2K_OLD[CP2K_OLD.index(" ENERGY|") :])
    with pytest.raises(TlmlpError, match="no atomic coordinates"):
        read_frames(path)
    path.write_text(CP2K_NEW[: CP2K_NEW.index(" FORCES|      2")])
    with pytest.raises(TlmlpError, match="2 rows were expected here, got 1; is the output truncated"):
        read_frames(path)
    path.write_bytes(gzip.compress(CP2K_NEW.encode()))
    assert read_frames(path)[0].forces is not None
