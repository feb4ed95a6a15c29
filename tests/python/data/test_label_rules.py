"""The rules of docs/reference/data-rules.md about labels: absent ones, contradictions, units that a file states, flags and settings.

A row is an input and its right outcome: the values read, or the words of the refusal, or what is said. New findings
become rows here.
"""

import pytest

HARTREE, BOHR, KCAL = 27.211386245988, 0.529177210903, 4.184 / 96.48533212331
CELL = "0 2.735 2.735 2.735 0 2.735 2.735 2.735 0"
LATTICE = f'Lattice="{CELL}"'
VOLUME = 2.0 * 2.735**3
P = "Properties=species:S:1:pos:R:3:forces:R:3"
REF = "Properties=species:S:1:pos:R:3:REF_forces:R:3"
ATOMS = "Si 0 0 0 0.1 0 0\nSi 1.3675 1.3675 1.3675 -0.1 0 0\n"


def frame(header: str, atoms: str = ATOMS) -> str:
    """A frame of two atoms with ``header``."""
    return f"{len(atoms.splitlines())}\n{header}\n{atoms}"


GOOD = frame(f"{LATTICE} {P} energy=-10.8")
LABELS = {"energy": -10.8, "forces0": [0.1, 0, 0], "volume": VOLUME, "pbc": [1, 1, 1]}


def Row(name, text, **outcome):
    """An input and its outcome, see the fixture ``outcome``."""
    return {"name": name, "text": text, **outcome}


def table(rows):
    """Parametrise a test over ``rows``."""
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


ZERO_FORCES = "Si 0 0 0 0 0 0\nSi 1.3675 1.3675 1.3675 0 0 0\n"
ABSENT = [
    Row(
        "energy weight 0",
        frame(f"{LATTICE} {REF} REF_energy=0.0 config_energy_weight=0.0 config_forces_weight=1.0"),
        values={"energy": None, "forces0": [0.1, 0, 0]},
        said="config_energy_weight is 0: taken as absent: energy$",
    ),
    Row(
        "forces weight 0",
        frame(f"{LATTICE} {REF} REF_energy=-10.8 config_forces_weight=0.0", ZERO_FORCES),
        values={"energy": -10.8, "forces": None},
        said="config_forces_weight is 0: taken as absent: forces$",
    ),
    Row(
        "config weight 0",
        frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=0"),
        values={"energy": None, "forces": None},
        said="config_weight is 0",
    ),
    Row(
        "energy -1e6",
        frame(f"{LATTICE} {REF} REF_energy=-1e6"),
        values={"energy": None},
        said="REF_energy = -1e.06 stands for",
    ),
    Row(
        "virial -1e6",
        frame(f'{LATTICE} {REF} REF_energy=-10.8 virial="-1e6 0 0 0 -1e6 0 0 0 -1e6"'),
        values={"energy": -10.8, "stress": None},
        said="virial = -1e.06 stands for",
    ),
]
ABSENT += [
    Row("force weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 force_weight=0"), values={"forces":None},
        said="force_weight is 0"),
    Row("energy_weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 energy_weight=0"), values={"energy":None},
        said="energy_weight is 0"),
    Row("weight=0", frame(f"{LATTICE} {REF} REF_energy=-10.8 weight=0"), values={"energy":None,"forces":None},
        said="weight is 0"),
    Row("config_virials_weight", frame(f'{LATTICE} {REF} REF_energy=-10.8 config_virials_weight=0 REF_virials="1 0 0 0 1 0 0 0 1"'),
        values={"stress":None,"energy":-10.8}, said="config_virials_weight"),
    Row("per atom zeros", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:force_weights:R:1 energy=-10.8","Si 0 0 0 0.1 0 0 0\nSi 1 1 1 -0.1 0 0 0\n"),
        values={"forces":None}, said="force_weights is 0"),
    Row("per atom some", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:force_weights:R:1 energy=-10.8","Si 0 0 0 0.1 0 0 0\nSi 1 1 1 -0.1 0 0 1\n"),
        refused="'force_weights' is 0 for some atoms"),
    Row("energy 999999", frame(f"{LATTICE} {REF} REF_energy=999999"), values={"energy":None}, said="stands for"),
    Row("energy 1e10", frame(f"{LATTICE} {REF} REF_energy=1e10"), values={"energy":None}, said="stands for"),
    Row("energy -99999.0", frame(f"{LATTICE} {REF} REF_energy=-99999.0"), values={"energy":None}, said="stands for"),
    Row("energy nan", frame(f"{LATTICE} {REF} REF_energy=nan"), refused="finite"),
    Row("energy none", frame(f"{LATTICE} {REF} REF_energy=None"), refused="'REF_energy' must be numbers"),
    Row("forces placeholder", frame(f"{LATTICE} {REF} REF_energy=-1","Si 0 0 0 1e6 1e6 1e6\nSi 1 1 1 1e6 1e6 1e6\n"),
        values={"forces":None,"energy":-1}, said="REF_forces"),
    Row("forces partly", frame(f"{LATTICE} {REF} REF_energy=-1","Si 0 0 0 0.1 0 0\nSi 1 1 1 1e6 1e6 1e6\n"),
        refused="holds 1e.06 beside other"),
    Row("a real energy of many", frame(f"{LATTICE} {REF} REF_energy=-100231.5"), values={"energy":-100231.5}),
    Row("weight 0.5", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=0.5"), values={"energy":-10.8},
        said="neither 0 nor 1"),
    Row("weight 1", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_weight=1.0"), values={"energy":-10.8}),
    Row("weight 0 word F", frame(f"{LATTICE} {REF} REF_energy=-10.8 config_energy_weight=F"), values={"energy":None},
        said="config_energy_weight"),
    Row("stress weight with energy", frame(f'{LATTICE} {REF} REF_energy=-10.8 stress_weight=0 REF_stress="1 0 0 0 1 0 0 0 1"'),
        values={"stress":None}, said="stress_weight"),
    Row("a setting with weights in its name", frame(f"{LATTICE} {P} energy=-10.8 pdos_calculate_weights=F"), values=LABELS),
    Row("molecular weight", frame(f"{LATTICE} {REF} REF_energy=-10.8 molecular_weight=0"), values={"energy":-10.8}),
    Row("use_energy=F", frame(f"{LATTICE} {REF} REF_energy=0.0 energy_mask=0"), values={"energy":None},
        said="energy_mask"),
    Row("energy_valid=F", frame(f"{LATTICE} {REF} REF_energy=0.0 has_energy=F"), values={"energy":None},
        said="has_energy"),
]  # fmt: skip


NOT_THERE = {"energy": None, "forces": None}
ABSENT += [
    Row(
        f"{flag}",
        frame(f"{LATTICE} {P} energy=-10.8 {flag}"),
        values=NOT_THERE,
        said=f"{flag.split('=')[0]} is F: taken as absent: energy, forces$",
    )
    for flag in ("converged=F", "scf_converged=False", "electronic_converged=no", "is_converged=0")
]
ABSENT += [
    Row(f"{flag}", frame(f"{LATTICE} {P} energy=-10.8 {flag}"), values=LABELS)
    for flag in ("converged=T", "converged=yes", "relax_converged=F", "ionic_converged=F")
]


NOT_USED = "is an uncertainty: those in files are not used"
ABSENT += [
    Row(
        f"{key}",
        frame(f"{LATTICE} {REF} REF_energy=-10.8 {key}={value}"),
        values={"energy": -10.8, "forces0": [0.1, 0, 0]},
        said=f"{key} {NOT_USED}",
    )
    for key, value in (
        ("energy_sigma", "0.001"),
        ("force_sigma", "0.05"),
        ("virial_sigma", "0.02"),
        ("hessian_energy_sigma", "0.1"),
        ("force_component_sigma", '"0.1 0.1 0.1"'),
        ("config_sigma", "1.0"),
        ("energy-sigma", "0.001"),
        ("energySigma", "0.1"),
        ("REF_energy_std", "0.1"),
        ("dft_forces_uncertainty", "0.1"),
        ("stress_err", "0.1"),
        ("energy_variance", "0.1"),
    )
]
ABSENT += [
    Row("a sigma per atom", frame(f"{LATTICE} {REF}:force_atom_sigma:R:1 REF_energy=-10.8",
        "Si 0 0 0 0.1 0 0 0.05\nSi 1.3675 1.3675 1.3675 -0.1 0 0 0.1\n"), values={"energy": -10.8}, said=f"force_atom_sigma {NOT_USED}"),
    Row("GAP's three", frame(f"{LATTICE} {P} energy=-10.8 energy_sigma=0.001 force_sigma=0.05 virial_sigma=0.02"),
        values=LABELS, said="energy_sigma .*\n.*force_sigma .*\n.*virial_sigma "),
    Row("a smearing width", frame(f"{LATTICE} {P} energy=-10.8 sigma=0.05 smearing_sigma=0.05 SIGMA=0.2"), values=LABELS),
    Row("an error message", frame(f'{LATTICE} {P} energy=-10.8 error_energy="none" scf_error=1e-6'), values=LABELS),
]  # fmt: skip


@table(ABSENT)
def test_what_the_file_marks_as_not_computed_is_absent(row, outcome):
    outcome(**row)


CONTRADICTIONS = [
    Row(
        "stress and virial of the same sign",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="0.0409 0 0 0 0.0409 0 0 0 0.0409"'
        ),
        refused=r"ambiguous, 'stress', 'virial' differ \(0.001 and -0.00099",
    ),
    Row(
        "stress and virial that agree to 1 %",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409"'
        ),
        values={"pressure": [1e-3] * 3},
    ),
    Row(
        "stress in kbar beside a virial",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1.602 0 0 0 1.602 0 0 0 1.602" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409"'
        ),
        refused="ambiguous, 'stress', 'virial' differ",
    ),
    Row(
        "stress and REF_virials",
        frame(
            f'{LATTICE} {P} energy=-10.8 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" REF_virials="0.0409 0 0 0 0.0409 0 0 0 0.0409"'
        ),
        refused="ambiguous, 'stress', 'REF_virials' differ",
    ),
    Row(
        "energy and free energy",
        frame(f"{LATTICE} {P} energy=-10.0 free_energy=-10.3"),
        values={"energy": -10.3},
        said="the energy is the free energy, .* 'energy' differs by up to 150 meV/atom",
    ),
    Row(
        "the free energy alone",
        frame(f"{LATTICE} {P} free_energy=-10.3"),
        values={"energy": -10.3},
        said="the energy is read from 'free_energy'",
    ),
    Row(
        "a key twice", frame(f"{LATTICE} {P} energy=-10 energy=-11"), refused="line 2: the key 'energy' is there twice"
    ),
]
CONTRADICTIONS += [
    Row("energies", frame(f"{LATTICE} {P} energy=-10 REF_energy=-11"), refused="ambiguous"),
    Row("case", frame(f"{LATTICE} {P} energy=-10 Energy=-11"), refused="ambiguous"),
    Row("equal", frame(f"{LATTICE} {P} energy=-10 Energy=-10.0"), values={"energy":-10}),
    Row("forces two cols", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:dft_forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.2 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        refused="forces is ambiguous.*0.1 and 0.2"),
    Row("forces rounding", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:dft_forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.1000001 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        values={"energy":-1}),
    Row("column twice", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3:forces:R:3 energy=-1","Si 0 0 0 0.1 0 0 0.2 0 0\nSi 1 1 1 0 0 0 0 0 0\n"),
        refused="names 'forces' twice"),
    Row("forces as key and col", frame(f'{LATTICE} {P} forces="0 0 0 0 0 0" energy=-1'),
        refused="both a key and a column"),
    Row("energy per atom", frame(f"{LATTICE} {P} energy_per_atom=-5.4"), values={"energy":-10.8},
        said="energy per atom"),
    Row("energy + per atom contradict", frame(f"{LATTICE} {P} energy=-10.8 energy_per_atom=-6"),
        refused="energy_per_atom"),
    Row("virial asym", frame(f'{LATTICE} {P} energy=-1 virial="1 5 0 0 1 0 0 0 1"'), refused="symmetric"),
    Row("virial+virials", frame(f'{LATTICE} {P} energy=-1 virial="1 0 0 0 1 0 0 0 1" virials="2 0 0 0 2 0 0 0 2"'),
        refused="ambiguous"),
    Row("REF free vs free", frame(f'{LATTICE} {P} REF_free_energy=-1 free_energy=-2'), refused="ambiguous"),
    Row("stress named", frame(f'{LATTICE} {P} energy=-1 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="0.0409 0 0 0 0.0409 0 0 0 0.0409"'),
        options={"stress_key":"virial"}, values={"pressure":[-0.0409/VOLUME]*3}),
    Row("lattice twice", frame(f'{LATTICE} {LATTICE} {P} energy=-1'), refused="there twice"),
    Row("group twice", frame(f'{LATTICE} {P} energy=-1 group=a group=b'), refused="there twice"),
    Row("stress vs pressure", frame(f'{LATTICE} {P} energy=-1 stress="1e-3 0 0 0 1e-3 0 0 0 1e-3" virial="-0.0409 0 0 0 -0.0409 0 0 0 -0.0409" dft_stress="2e-3 0 0 0 2e-3 0 0 0 2e-3"'),
        refused="ambiguous"),
    Row("free equal", frame(f"{LATTICE} {P} energy=-10.0 free_energy=-10.0"), values={"energy":-10}),
]  # fmt: skip


@table(CONTRADICTIONS)
def test_two_labels_for_one_quantity_agree_or_are_refused(row, outcome):
    outcome(**row)


STATED_UNITS = [
    Row(
        "hartree, hartree/bohr",
        frame(f"{LATTICE} {P} energy=-0.5 energy-unit=hartree force-unit=hartree/bohr"),
        values={"energy": -0.5 * HARTREE, "forces0": [0.1 * HARTREE / BOHR, 0, 0]},
        said="(is|are) converted",
    ),
    Row(
        "stress in kbar",
        frame(f'{LATTICE} {P} energy=-3.0 stress="10 0 0 0 10 0 0 0 10" stress-unit=kbar'),
        values={"pressure": [1.0 / 160.2176634] * 3},
        said="(is|are) converted",
    ),
    Row(
        "energy_unit=Hartree",
        frame(f"{LATTICE} {P} energy=-0.4 energy_unit=Hartree"),
        values={"energy": -0.4 * HARTREE},
        said="(is|are) converted",
    ),
    Row(
        "an unknown unit", frame(f"{LATTICE} {P} energy=-10.8 energy-unit=foo"), refused="energy-unit=foo states a unit"
    ),
]
STATED_UNITS += [
    Row("units=metal", frame(f"{LATTICE} {P} energy=-10.8 units=metal"), values=LABELS),
    Row("units=real", frame(f"{LATTICE} {P} energy=-10.8 units=real"), refused="units=real states"),
    Row("kcal/mol", frame(f'{LATTICE} {P} energy=-10 energy_units=kcal/mol forces_units=kcal/mol/Å'),
        values={"energy":-10*KCAL,"forces0":[.1*KCAL,0,0]}, said="(is|are) converted"),
    Row("kJ/mol nm", frame(f'{LATTICE} {P} energy=-10 energy-unit=kJ/mol force-unit=kJ/mol/nm'),
        values={"energy":-10/96.48533212331,"forces0":[.1/964.8533212331,0,0]}, said="(is|are) converted"),
    Row("bohr lengths", frame(f'{LATTICE} {P} energy=-10 length_unit=bohr'), values={"volume":VOLUME*BOHR**3}, said="(is|are) converted"),
    Row("Ry/bohr", frame(f'{LATTICE} {P} energy=-1 force_unit=Ry/bohr energy_unit=Ry'),
        values={"energy":-HARTREE/2,"forces0":[.1*HARTREE/2/BOHR,0,0]}, said="(is|are) converted"),
    Row("GPa stress", frame(f'{LATTICE} {P} energy=-1 stress="1 0 0 0 1 0 0 0 1" stress_unit=GPa'),
        values={"pressure":[1/160.2176634]*3}, said="(is|are) converted"),
    Row("eV/A", frame(f'{LATTICE} {P} energy=-10.8 energy_unit=eV force_unit=eV/A stress_unit=eV/A^3'),
        values=LABELS),
    Row("eV/Angstrom", frame(f'{LATTICE} {P} energy=-10.8 energy_unit=eV force_unit="eV/Angstrom" stress_unit="eV/Angstrom^3"'),
        values=LABELS),
    Row("dipole_unit", frame(f'{LATTICE} {P} energy=-10.8 dipole_unit=Debye'), values=LABELS),
    Row("formula_units=4", frame(f'{LATTICE} {P} energy=-10.8 formula_units=4'), values=LABELS),
    Row("unit_energy", frame(f'{LATTICE} {P} energy=-1 unit_energy=Hartree'), values={"energy":-HARTREE}, said="(is|are) converted"),
    Row("units_forces", frame(f'{LATTICE} {P} energy=-1 units_forces=Hartree/Bohr'),
        values={"forces0":[.1*HARTREE/BOHR,0,0]}, said="(is|are) converted"),
    Row("unit=Ha", frame(f'{LATTICE} {P} energy=-1 unit=Ha'), refused="unit=Ha"),
    Row("eV/atom", frame(f'{LATTICE} {P} energy=-5.4 energy_unit=eV/atom'), refused="eV/atom"),
    Row("virial kbar*", frame(f'{LATTICE} {P} energy=-5.4 virial="1 0 0 0 1 0 0 0 1" virial_unit=kbar'),
        refused="virial_unit=kbar"),
    Row("dft_energy_unit", frame(f'{LATTICE} {P} dft_energy=-1 dft_energy_unit=Hartree'), values={"energy":-HARTREE}, said="(is|are) converted"),
    Row("unit_cell=conventional", frame(f"{LATTICE} {P} energy=-10.8 unit_cell=conventional"), values=LABELS),
    Row("in key", frame(f'{LATTICE} {P} energy_Ha=-1'), refused="energy_Ha"),
    Row("in key bracket", frame(f'{LATTICE} {P} "energy(Hartree)"=-1'), refused="energy"),
]  # fmt: skip
STATED_UNITS += [
    Row("empty energy", frame(f'{LATTICE} {P} energy=""'), refused="'energy' must be numbers"),
    Row("energy no value", frame(f'{LATTICE} {P} energy'), refused="'energy' must be numbers"),
    Row("energy two", frame(f'{LATTICE} {P} energy="-1 -2"'), refused="must be one number"),
    Row("energy inf", frame(f'{LATTICE} {P} energy=inf'), refused="finite"),
    Row("force nan", GOOD.replace("0.1 0 0","nan 0 0"), refused="finite"),
    Row("pos_unit only", frame(f'{LATTICE} {P} energy=-10 pos_unit=bohr'), refused="pos_unit"),
    Row("pos/lattice units differ", frame(f'{LATTICE} {P} energy=-10 pos_unit=bohr lattice_unit=angstrom'),
        refused="pos_unit|lattice_unit"),
    Row("pos/lattice bohr", frame(f'{LATTICE} {P} energy=-10 pos_unit=bohr lattice_unit=bohr'),
        values={"volume":VOLUME*BOHR**3}, said="converted"),
    Row("two energy units", frame(f'{LATTICE} {P} energy=-10 energy_unit=eV energy-units=Hartree'),
        refused="energy_unit.*|energy-units"),
    Row("eV caps", frame(f'{LATTICE} {P} energy=-10.8 energy_unit=EV force_unit=EV/ANG'), values=LABELS),
    Row("Å unicode", frame(f'{LATTICE} {P} energy=-10.8 force_unit="eV/Å"'), values=LABELS),
    Row("force eV A^-1", frame(f'{LATTICE} {P} energy=-10.8 force_unit="eV A^-1"'), refused="force_unit"),
    Row("energy_U", frame(f'{LATTICE} {P} energy=-10.8 energy_U=-3.0'), values=LABELS),
    Row("forces R 2", frame(f'{LATTICE} Properties=species:S:1:pos:R:3:forces:R:2 energy=-1',"Si 0 0 0 1 0\nSi 1 1 1 -1 0\n"),
        refused="shape"),
    Row("forces in header", frame(f'{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 forces="0.1 0 0 -0.1 0 0"',"Si 0 0 0\nSi 1 1 1\n"),
        refused="shape"),
    Row("stress 3 numbers", frame(f'{LATTICE} {P} energy=-1 stress="1 2 3"'), refused="6 or 9"),
    Row("stress scalar", frame(f'{LATTICE} {P} energy=-1 stress=1.0'), refused="6 or 9"),
    Row("virial no cell", frame(f'{P} energy=-1 virial="1 0 0 0 1 0 0 0 1"'), refused="needs a cell"),
]  # fmt: skip


@table(STATED_UNITS)
def test_units_that_the_file_states_are_converted_or_refused(row, outcome):
    outcome(**row)


NO_LABEL = [
    Row(
        "calculate_stress=F", frame(f"{LATTICE} {P} energy=-10.8 calculate_stress=F"), values={**LABELS, "stress": None}
    ),
    Row(
        "energy_cutoff=500",
        frame(f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:3 energy_cutoff=500"),
        values={"energy": None, "forces0": [0.1, 0, 0]},
    ),
    Row(
        "--no-energy",
        frame(f"{LATTICE} {P} my_energy=3"),
        values={"energy": None},
        options={"without": ["energy"]},
    ),
    Row(
        "a misspelt energy",
        frame(f"{LATTICE} {P} my_energy=3"),
        refused="'my_energy'; if that is it, name it with energy_key",
    ),
]
NO_LABEL += [
    Row("forces_computed=T", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-10.8 forces_computed=T","Si 0 0 0\nSi 1 1 1\n"),
        values={"energy":-10.8,"forces":None}),
    Row("stress_tol", frame(f"{LATTICE} {P} energy=-10.8 stress_tolerance=0.1"), values=LABELS),
    Row("energy_method=PBE", frame(f"{LATTICE} {P} energy_method=PBE"), values={"energy":None}),
    Row("energy-cutoff", frame(f"{LATTICE} {P} energy-cutoff=500"), values={"energy":None}),
    Row("cutoff_energy", frame(f"{LATTICE} {P} cutoff_energy=500"), values={"energy":None}),
    Row("max_force", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 max_force=0.1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("force_rms", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 force_rms=0.1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("fermi_energy", frame(f"{LATTICE} {P} fermi_energy=5.1"), values={"energy":None}),
    Row("kinetic_energy", frame(f"{LATTICE} {P} kinetic_energy=0.1"), values={"energy":None}),
    Row("formation_energy", frame(f"{LATTICE} {P} formation_energy=0.1"), values={"energy":None}),
    Row("energy_id int", frame(f"{LATTICE} {P} energy=-10.8 energy_id=17"), values=LABELS),
    Row("forcs", frame(f"{LATTICE} Properties=species:S:1:pos:R:3:ref_forcs:R:3 energy=-1"), refused="ref_forcs"),
    Row("mystress", frame(f'{LATTICE} {P} energy=-1 mystress="1 0 0 0 1 0 0 0 1"'), refused="mystress"),
    Row("stress none", frame(f'{LATTICE} {P} energy=-1 mystress="1 0 0 0 1 0 0 0 1"'), options={"without":["stress"]},
        values={"stress":None}),
    Row("need_forces=1", frame(f"{LATTICE} Properties=species:S:1:pos:R:3 energy=-1 need_forces=1","Si 0 0 0\nSi 1 1 1\n"),
        values={"forces":None}),
    Row("energy_smearing=0.1", frame(f"{LATTICE} {P} energy_smearing=0.1"), values={"energy":None}),
    Row("virial_pressure", frame(f"{LATTICE} {P} energy=-10.8 virial_pressure=3.0"), values=LABELS),
    Row("E_energy_convergence", frame(f"{LATTICE} {P} energy_convergence=1e-5"), values={"energy":None}),
    Row("energy_above_hull", frame(f"{LATTICE} {P} energy_above_hull=0.02"), values={"energy":None}),
]  # fmt: skip


NO_LABEL += [
    Row(
        f"{key} for the energy",
        frame(f"{LATTICE} {P} {key}=-10.8"),
        refused=f"no energy under a known name, but '{key}'.*--no-energy",
    )
    for key in ("enegry", "engery", "E", "U0", "Etot_DFT", "DFT_E")
]
NO_LABEL += [
    Row(f"{key} beside the energy", frame(f"{LATTICE} {P} energy=-10.8 {key}=3.0"), values=LABELS)
    for key in ("E", "e0", "entropy", "synergy")
]
NO_LABEL += [
    Row("entropy alone", frame(f"{LATTICE} {P} entropy=-10.8"), values={"energy": None}),
    Row("f", frame(f"{LATTICE} {P.replace('forces', 'f')} energy=-1"), refused="no forces under a known name, but 'f'"),
    Row("focres", frame(f"{LATTICE} {P.replace('forces', 'focres')} energy=-1"), refused="but 'focres'"),
    Row("velo", frame(f"{LATTICE} {P.replace('forces', 'velo')} energy=-1"), values={"energy": -1, "forces": None}),
    Row("strss", frame(f'{LATTICE} {P} energy=-10.8 strss="1 2 3 4 5 6"'), refused="but 'strss'"),
    Row("gradient", frame(f"{LATTICE} {P.replace('forces', 'gradient')} energy=-1"), refused="minus the gradient"),
    Row(
        "dft_gradients",
        frame(f"{LATTICE} {P.replace('forces', 'dft_gradients')} energy=-1"),
        refused="minus the gradient",
    ),
    Row("forces and gradient", frame(f"{LATTICE} {P} energy=-10.8 gradient=3"), values=LABELS),
]


@table(NO_LABEL)
def test_a_flag_or_a_setting_is_no_misspelt_label(row, outcome):
    outcome(**row)
