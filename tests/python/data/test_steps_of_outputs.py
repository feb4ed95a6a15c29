"""Electronic convergence and cut files in every reader of outputs: the step is left out and counted, a table of inputs."""

from __future__ import annotations

import re

import pytest

from tlmlp.data import Notes, read_frames
from tlmlp.errors import TlmlpError

OUTCAR_HEAD = """ vasp.6.3.0 20Jan22
 executed on LinuxGNU date 2024.01.01  00:00:00
 POTCAR:    PAW_PBE Si 05Jan2001
 POTCAR:    PAW_PBE Si 05Jan2001
   k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands    NBANDS=      8
   number of ions     NIONS =      2
   ions per type =               2
   NELM   =    {nelm};   NELMIN=  6; NELMDL=-17     # of ELM steps
   ISPIN  =      1    spin polarized calculation?
{extra}
 k-points in reciprocal lattice and weights: Gamma
   0.00000000  0.00000000  0.00000000       1.000

"""
ITERATION = "---------------------------------------- Iteration {:4d}({:4d})  ---------------------------------------\n"
OUTCAR_STEP = """------------------------ aborting loop because EDIFF is reached ----------------------------------------
  in kB      10.0    20.0    30.0     1.0     2.0     3.0
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
     0.000000000  2.735000000  2.735000000    -0.182815356  0.182815356  0.182815356
     2.735000000  0.000000000  2.735000000     0.182815356 -0.182815356  0.182815356
     2.735000000  2.735000000  0.000000000     0.182815356  0.182815356 -0.182815356

 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.100000      0.000000      0.000000
      1.36750      1.36750      1.36750        -0.100000      0.000000      0.000000
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =       {free:.8f} eV

  energy  without entropy=      -10.90000000  energy(sigma->0) =      {zero:.8f}

"""


def outcar(steps=(9, 8, 7), nelm=60, extra="") -> str:
    """An OUTCAR with so many electronic steps in each ionic step; energies -10.0, -10.1, ... (TOTEN)."""
    text = OUTCAR_HEAD.format(nelm=nelm, extra=extra)
    for n, count in enumerate(steps):
        text += "".join(ITERATION.format(n + 1, k + 1) for k in range(count))
        text += OUTCAR_STEP.format(free=-10.0 - 0.1 * n, zero=-10.0 - 0.1 * n + 0.034)
    return text + " General timing and accounting informations for this job:\n"


VASPRUN_HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <incar>{incar}</incar>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <parameters><separator name="electronic"><i type="int" name="NELM">{nelm}</i></separator></parameters>
 <atominfo><array name="atoms"><set><rc><c>Si</c><c>1</c></rc><rc><c>Si</c><c>1</c></rc></set></array></atominfo>
 <structure name="initialpos">
  <crystal><varray name="basis"><v>0 2.7 2.7</v><v>2.7 0 2.7</v><v>2.7 2.7 0</v></varray></crystal>
  <varray name="positions"><v>0 0 0</v><v>0.25 0.25 0.25</v></varray>
 </structure>
"""
VASPRUN_STEP = """ <calculation>
{scf}
  <structure>
   <crystal><varray name="basis"><v>0 2.7 2.7</v><v>2.7 0 2.7</v><v>2.7 2.7 0</v></varray></crystal>
   <varray name="positions"><v>0 0 0</v><v>0.26 0.25 0.25</v></varray>
  </structure>
  <varray name="forces"><v>0.5 -0.25 0.125</v><v>-0.5 0.25 -0.125</v></varray>
  <energy><i name="e_fr_energy">{free}</i><i name="e_0_energy">{zero}</i></energy>
 </calculation>
"""
SCSTEP = '  <scstep><energy><i name="e_fr_energy">{free}</i><i name="e_0_energy">{zero}</i></energy></scstep>'


def vasprun(steps=(9, 8, 7), nelm=60, incar="") -> str:
    """The same as a vasprun.xml."""
    text = VASPRUN_HEAD.format(nelm=nelm, incar=incar)
    for n, count in enumerate(steps):
        energies = {"free": f"{-10.0 - 0.1 * n:.4f}", "zero": f"{-10.0 - 0.1 * n + 0.034:.4f}"}
        text += VASPRUN_STEP.format(scf="\n".join([SCSTEP.format(**energies)] * count), **energies)
    return text + "</modeling>\n"


PW_HEAD = """
     Program PWSCF v.6.5 starts on  1Jan2024 at 10: 0: 0

     bravais-lattice index     =            0
     lattice parameter (alat)  =      10.0000  a.u.
     number of atoms/cell      =            2
     number of atomic types    =            1
     celldm(1)=  10.000000  celldm(2)=   0.000000  celldm(3)=   0.000000
     crystal axes: (cart. coord. in units of alat)
               a(1) = (   1.000000   0.000000   0.000000 )
               a(2) = (   0.000000   1.000000   0.000000 )
               a(3) = (   0.000000   0.000000   1.000000 )
     Cartesian axes
     site n.     atom                  positions (alat units)
         1           Si  tau(   1) = (   0.0000000   0.0000000   0.0000000  )
         2           Si  tau(   2) = (   0.5000000   0.0000000   0.0000000  )

"""
PW_POSITIONS = """ATOMIC_POSITIONS (angstrom)
Si            0.0000000000        0.0000000000        0.0000000000
Si            2.6{n}00000000        0.0000000000        0.0000000000

"""
PW_FORCES = """     Forces acting on atoms (cartesian axes, Ry/au):

     atom    1 type  1   force =     0.01000000    0.02000000   -0.03000000
     atom    2 type  1   force =    -0.01000000   -0.02000000    0.03000000

"""


def pwscf(kinds=("good", "good", "good"), end="     JOB DONE.\n") -> str:
    """A relaxation of pw.x; a step is "good", "failed" (with energy) or "failed, no energy"."""
    text = PW_HEAD
    for n, kind in enumerate(kinds):
        text += PW_POSITIONS.format(n=n) if n else ""
        text += "" if kind == "failed, no energy" else f"!    total energy              =     -{15.75 + n:.8f} Ry\n"
        done = "convergence has been achieved in   9 iterations"
        failed = "convergence NOT achieved after 100 iterations: stopping"
        text += f"     {done if kind == 'good' else failed}\n\n" + PW_FORCES
    return text + end


RYDBERG = 0.5 * 27.211386245988
CUT = "ends inside a step, which is left out"
FREE = "the energy is the free energy"
ML = "ML_LMLFF.*ML_ABN"

# name of the file, text, energies that must come (or the words of the refusal), what is said
ROWS = {
    "OUTCAR": ("OUTCAR", outcar(), [-10.0, -10.1, -10.2], FREE),
    "OUTCAR by another name": ("run.out1", outcar(), [-10.0, -10.1, -10.2], FREE),
    "OUTCAR, first step at NELM": ("OUTCAR", outcar((21, 8, 7), nelm=21), [-10.1, -10.2], "1 of the steps did not converge"),
    "OUTCAR, last step at NELM": ("OUTCAR", outcar((9, 8, 21), nelm=21), [-10.0, -10.1], "1 of the steps did not converge"),
    "OUTCAR, all at NELM": ("OUTCAR", outcar((9, 9), nelm=9), "none of its 2 steps converged", None),
    "OUTCAR, cut in the forces": ("OUTCAR", outcar()[: outcar().rindex("total drift")], [-10.0, -10.1], CUT),
    "OUTCAR, cut in the iterations": ("OUTCAR", outcar()[: outcar().rindex("Iteration    3(   7)")], [-10.0, -10.1], CUT),
    "OUTCAR, cut at once": ("OUTCAR", outcar()[: outcar().index("Iteration    1(   7)")], "no complete ionic step", None),
    "OUTCAR of ML_LMLFF": ("OUTCAR", outcar(extra="   ML_LMLFF =  T"), ML, None),
    "vasprun.xml": ("vasprun.xml", vasprun(), [-10.0, -10.1, -10.2], FREE),
    "run1.xml": ("run1.xml", vasprun(), [-10.0, -10.1, -10.2], FREE),
    "vasprun, NELM": ("vasprun.xml", vasprun((21, 8, 7), nelm=21), [-10.1, -10.2], "1 of the steps did not converge"),
    "vasprun, all at NELM": ("vasprun.xml", vasprun((5, 5), nelm=5), "none of its 2 steps converged", None),
    "vasprun, cut": ("vasprun.xml", vasprun()[: vasprun().rindex("<varray")], [-10.0, -10.1], CUT),
    "vasprun, no scstep": ("vasprun.xml", vasprun((9, 0, 7)), r"step 1 .*no electronic steps \(<scstep>\)", None),
    "vasprun of ML_LMLFF": ("vasprun.xml", vasprun(incar='<i type="logical" name="ML_LMLFF"> T  </i>'), ML, None),
    "pw.x": ("si.pwo", pwscf(), [-15.75 * RYDBERG, -16.75 * RYDBERG, -17.75 * RYDBERG], None),
    "pw.x by another name": ("si.log", pwscf(), [-15.75 * RYDBERG, -16.75 * RYDBERG, -17.75 * RYDBERG], None),
    "pw.x, step with energy": (
        "si.pwo", pwscf(("good", "failed", "good")), [-15.75 * RYDBERG, -17.75 * RYDBERG], "1 of the steps did not converge",
    ),
    "pw.x, step without energy": (
        "si.pwo", pwscf(("good", "failed, no energy", "good")), [-15.75 * RYDBERG, -17.75 * RYDBERG],
        "1 of the steps did not converge",
    ),
    "pw.x, the only step": ("si.pwo", pwscf(("failed",)), "none of its 1 steps converged", None),
    "pw.x, cut in the forces": (
        "si.pwo", pwscf()[: pwscf().rindex("atom    2")], [-15.75 * RYDBERG, -16.75 * RYDBERG], CUT,
    ),
    "pw.x, cut before the forces": (
        "si.pwo", pwscf()[: pwscf().rindex("     Forces")], [-15.75 * RYDBERG, -16.75 * RYDBERG], CUT,
    ),
    "OUTCAR, counters that overflow": (
        "OUTCAR", outcar().replace("Iteration    2(", "Iteration ****("), [-10.0, -10.1, -10.2], FREE,
    ),
    "OUTCAR, more than NELM": ("OUTCAR", outcar((25, 8), nelm=21), [-10.1], "1 of the steps did not converge"),
    "OUTCAR, cut in the energy": ("OUTCAR", outcar()[: outcar().rindex("FREE ENERGIE") + 80], [-10.0, -10.1], CUT),
    "OUTCAR, two runs joined": ("OUTCAR", outcar() + outcar((9,)), [-10.0, -10.1, -10.2, -10.0], FREE),
    "OUTCAR, no steps": ("OUTCAR", OUTCAR_HEAD.format(nelm=60, extra=""), "no complete ionic step", None),
    "vasprun, cut in the second step": (
        "v.xml", vasprun()[: vasprun().index("</calculation>") + 200], [-10.0], CUT,
    ),
    "vasprun, cut at once": ("v.xml", vasprun()[:900], "ends before its first step is complete", None),
    "vasprun, no NELM": (
        "v.xml", re.sub(r'<i type="int" name="NELM">.*?</i>', "", vasprun()), [-10.0, -10.1, -10.2], FREE,
    ),
    "pw.x, first step": (
        "si.pwo", pwscf(("failed", "good", "good")), [-16.75 * RYDBERG, -17.75 * RYDBERG], "1 of the steps did not converge",
    ),
    "pw.x, two steps": (
        "si.pwo", pwscf(("failed", "good", "failed, no energy")), [-16.75 * RYDBERG], "2 of the steps did not converge",
    ),
    "pw.x, killed in a third step": (
        "si.pwo", pwscf(("good", "good"), end="") + PW_POSITIONS.format(n=2) + "     iteration #  1     ecut=    30.00 Ry\n",
        [-15.75 * RYDBERG, -16.75 * RYDBERG], CUT,
    ),
    "pw.x, cut in the head": ("si.pwo", PW_HEAD[:200], "cannot be read as espresso-out|ends before its first step", None),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_steps(name, tmp_path):
    file, text, expected, said = ROWS[name]
    (tmp_path / file).write_text(text)
    notes = Notes()
    if isinstance(expected, str):
        with pytest.raises(TlmlpError, match=expected):
            read_frames(tmp_path / file, notes=notes)
        return
    frames = read_frames(tmp_path / file, notes=notes)
    assert [frame.energy for frame in frames] == pytest.approx(expected, rel=1e-6)
    assert all(frame.forces is not None for frame in frames)
    lines = "\n".join(notes.lines())
    assert lines == "" if said is None else re.search(said, lines), lines


WHOLE = {"OUTCAR": outcar(), "vasprun.xml": vasprun(), "si.pwo": pwscf()}


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_at_any_place_leaves_whole_steps(name, tmp_path):
    """A file that ends anywhere, inside a word or a number too: its first steps as they are, or one line about it."""
    file, text = tmp_path / name, WHOLE[name]
    file.write_text(text)
    whole = read_frames(file, notes=Notes())
    counts = set()
    for end in range(200, len(text), 19):
        file.write_text(text[:end])
        notes = Notes()
        try:
            frames = read_frames(file, notes=notes)
        except TlmlpError as error:
            assert not re.search(r"could not convert|out of range|no frames", str(error)), (text[end - 60 : end], error)
            continue
        counts.add(len(frames))
        for frame, expected in zip(frames, whole, strict=False):
            assert frame.energy == expected.energy and (frame.forces == expected.forces).all(), text[end - 60 : end]
    assert counts >= {1, 2}
