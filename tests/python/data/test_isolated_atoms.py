"""Isolated atoms in the forms in which files have them: what is recognised, the energies they give, and what is refused.

A row is an input, how many of its frames are isolated atoms, and their energies in eV; or the words of a refusal.
"""

import json

import pytest

from tlmlp.data import Notes, read_frames
from tlmlp.data.isolated import is_isolated, isolated_energies
from tlmlp.errors import TlmlpError

BOX, SMALL = 'Lattice="20 0 0 0 20 0 0 0 20"', 'Lattice="5.5 0 0 0 5.5 0 0 0 5.5"'
BARE = "Properties=species:S:1:pos:R:3"
FORCES, REF = f"{BARE}:forces:R:3", f"{BARE}:REF_forces:R:3"


def atom(header, symbol="Si", columns=" 0 0 0"):
    """A frame of one atom."""
    return f"1\n{header}\n{symbol} 10 10 10{columns}\n"


OUTCAR = """ vasp.6.3.0 20Jan22
 executed on LinuxGNU date 2024.01.01  00:00:00
 POTCAR:    PAW_PBE Si 05Jan2001
 POTCAR:    PAW_PBE Si 05Jan2001
   k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands    NBANDS=      8
   number of ions     NIONS =      1
   ions per type =               1
   NELM   =    60;   NELMIN=  6; NELMDL=-17     # of ELM steps
   ISPIN  =      1    spin polarized calculation?
 k-points in reciprocal lattice and weights: Gamma
   0.00000000  0.00000000  0.00000000       1.000

---------------------------------------- Iteration    1(   1)  ---------------------------------------
------------------------ aborting loop because EDIFF is reached ----------------------------------------
  in kB       0.0     0.0     0.0     0.0     0.0     0.0
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
    15.000000000  0.000000000  0.000000000     0.066666667  0.000000000  0.000000000
     0.000000000 15.000000000  0.000000000     0.000000000  0.066666667  0.000000000
     0.000000000  0.000000000 15.000000000     0.000000000  0.000000000  0.066666667

 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.000000      0.000000      0.000000
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =       -0.81000000 eV

  energy  without entropy=       -0.70000000  energy(sigma->0) =      -0.76000000

 General timing and accounting informations for this job:
"""
RUNNER = """begin
lattice 40 0 0
lattice 0 40 0
lattice 0 0 40
atom 0 0 0 Si 0 0 0 0 0
energy -0.0297669512
charge 0
end
"""
MTP = """BEGIN_CFG
 Size
    1
 Supercell
    20 0 0
    0 20 0
    0 0 20
 AtomData:  id type       cartes_x      cartes_y      cartes_z           fx          fy          fz
             1    0       0 0 0    0 0 0
 Energy
    -0.81
END_CFG

"""
SI = {"Si": -0.81}
FORMS = {
    "IsolatedAtom, open": (atom(f'{BOX} {REF} REF_energy=-0.81 config_type=IsolatedAtom pbc="F F F"'), 1, SI),
    "isolated_atom, periodic": (atom(f"{BOX} {FORCES} energy=-0.81 config_type=isolated_atom"), 1, SI),
    "isolated-atom in quotes": (atom(f'{SMALL} {FORCES} energy=-0.81 config_type="isolated-atom"'), 1, SI),
    "isolated": (atom(f"{SMALL} {FORCES} energy=-0.81 config_type=isolated"), 1, SI),
    "isolated_atom_Si": (atom(f"{SMALL} {FORCES} energy=-0.81 config_type=isolated_atom_Si"), 1, SI),
    "single_atom_1": (atom(f"{SMALL} {FORCES} energy=-0.81 config_type=single_atom_1"), 1, SI),
    "Config_Type=ISOLATED_ATOM": (atom(f"{SMALL} {FORCES} energy=-0.81 Config_Type=ISOLATED_ATOM"), 1, SI),
    "group=E0": (atom(f"{SMALL} {FORCES} energy=-0.81 group=E0"), 1, SI),
    "no config_type": (atom(f"{BOX} {FORCES} energy=-0.81"), 1, SI),
    "several elements": (
        "".join(
            atom(f"{BOX} {FORCES} energy={e} config_type=IsolatedAtom", symbol)
            for symbol, e in (("Si", -0.81), ("H", -0.5), ("O", -1.9))
        ),
        3,
        {"Si": -0.81, "H": -0.5, "O": -1.9},
    ),
    "MACE, without forces": (atom(f'{BARE} REF_energy=-0.81 config_type=IsolatedAtom pbc="F F F"', columns=""), 1, SI),
    "MACE, with a head": (
        atom(f'{REF}:REF_charges:R:1 REF_energy=-0.81 config_type=IsolatedAtom head=pbe pbc="F F F"', columns=" 0 0 0 0"),
        1,
        SI,
    ),
    "GAP": (
        atom(
            f"cutoff=-1.0 nneightol=1.2 {BOX} {BARE}:Z:I:1:dft_force:R:3 dft_energy=-0.81 config_type=isolated_atom "
            "energy_sigma=0.0001",
            columns=" 14 0 0 0",
        ),
        1,
        SI,
    ),
    "E0 beside the energy": (atom(f"{BARE} energy=-0.81 E0=-0.81 config_type=IsolatedAtom", columns=""), 1, SI),
    "E0 alone": (atom(f"{BARE} E0=-0.81 config_type=IsolatedAtom", columns=""), "no energy under a known name, but 'E0'", None),
    "a plain XYZ file": ("1\nenergy=-0.81\nSi 0 0 0\n", 1, SI),
    "a cell of zeros": (atom(f'Lattice="0 0 0 0 0 0 0 0 0" pbc="F F F" {FORCES} energy=-0.81'), 1, SI),
    "with a stress of zero": (atom(f'{BOX} {FORCES} energy=-0.81 stress="0 0 0 0 0 0 0 0 0"'), 1, SI),
    "a slab-like box": (atom(f'{BOX} pbc="T T F" {FORCES} energy=-0.81'), 1, SI),
    "two energies of one element": (
        atom(f"{BOX} {FORCES} energy=-0.81") + atom(f"{BOX} {FORCES} energy=-0.1"),
        "isolated atoms of Si have energies from -0.81 eV .* to -0.1 eV .*; leave one",
        None,
    ),
    "two energies to rounding": (atom(f"{BOX} {FORCES} energy=-0.81") + atom(f"{BOX} {FORCES} energy=-0.81"), 2, SI),
    "OUTCAR": (OUTCAR, 1, SI),
    "input.data": (RUNNER, 1, SI),
    "a primitive cell of a crystal": (atom(f'Lattice="0 2.7 2.7 2.7 0 2.7 2.7 2.7 0" {FORCES} energy=-4.8'), 0, {}),
    "single_crystal": (atom(f'Lattice="-1.4 1.4 1.4 1.4 -1.4 1.4 1.4 1.4 -1.4" {FORCES} energy=-4.8 config_type=single_crystal'), 0, {}),
    "a cell of one atom without forces": (atom(f"{SMALL} {BARE} energy=-4.8 config_type=bulk", columns=""), "no forces", None),
}  # fmt: skip
NAMES = {"OUTCAR": "OUTCAR", "input.data": "input.data"}


@pytest.mark.parametrize("name", FORMS)
def test_isolated_atoms_as_files_have_them(name, tmp_path):
    text, count, expected = FORMS[name]
    path = tmp_path / NAMES.get(name, "a.extxyz")
    path.write_text(text)

    def read():
        frames = read_frames(path, require=("energy", "forces"), notes=Notes())
        return sum(map(is_isolated, frames)), isolated_energies(frames)

    if isinstance(count, str):
        with pytest.raises(TlmlpError, match=count) as caught:
            read()
        assert "\n" not in str(caught.value)
    else:
        assert read() == (count, pytest.approx(expected, abs=1e-8))


def test_isolated_atoms_through_other_formats(tmp_path):
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.db import connect
    from ase.io import write

    atoms = Atoms("Si", cell=[15.0] * 3, pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-0.81)  # no forces
    write(tmp_path / "a.traj", atoms)
    connect(tmp_path / "a.db").write(atoms)
    (tmp_path / "a.cfg").write_text(MTP)
    for name, types in (("a.traj", None), ("a.db", None), ("a.cfg", ["Si"])):
        frames = read_frames(tmp_path / name, require=("energy", "forces"), types=types, notes=Notes())
        assert isolated_energies(frames) == {"Si": pytest.approx(-0.81)}, name


def test_a_file_of_isolated_atoms_alone(tmp_path, invoke):
    """The check says what such a file is, and does not miss forces that such atoms have not."""
    (tmp_path / "a.extxyz").write_text(
        "".join(atom(f"{BARE} energy=-0.81 config_type=IsolatedAtom", s, "") for s in ("Si", "Ge"))
    )
    output = " ".join(invoke("check", tmp_path / "a.extxyz", "--json", tmp_path / "r.json").split())
    assert (
        "all frames are isolated atoms, of Ge, Si: they give the energy shift (loss.energy_shift: isolated)" in output
    )
    assert "have no" not in output and "Nothing suspicious" not in output
    report = json.loads((tmp_path / "r.json").read_text())["files"][0]
    assert report["isolated_atoms"]["frames"] == 2 and report["energy_ev_per_atom"] is None
