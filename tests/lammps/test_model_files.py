"""Model files are read on the first rank: whatever a rank finds on its own machine, all of them do the same."""

import shutil
import subprocess

import pytest

from tlmlp.lammps import lammps_environment
from tlmlp.lammps.locate import lammps_program, mpi_launcher

DECK = """
units metal
region box block 0 11.4 0 11.4 0 22.8
lattice diamond 5.7
create_box 1 box
create_atoms 1 box
mass 1 72.63
pair_style tlmlp precision double
pair_coeff * * ge.pt Ge
thermo_style custom step pe
thermo_modify norm no format float %.15g
run 0
"""


@pytest.fixture
def machines(tmp_path, germanium):
    """Runs DECK on two ranks, each in a folder of its own; which of them have the model, and how they start."""

    def run(with_model: tuple[bool, bool], second: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        deck = tmp_path / "in.lammps"
        deck.write_text(DECK)
        command = [str(mpi_launcher())]
        for rank, has_it in enumerate(with_model):
            folder = tmp_path / f"machine{rank}"
            folder.mkdir()
            if has_it:
                shutil.copy(germanium.path, folder / "ge.pt")
            command += [":"] * rank + ["-n", "1", "-wdir", str(folder), *(second if rank else ())]
            command += [str(lammps_program()), "-log", "none", "-in", str(deck)]
        return subprocess.run(command, env=lammps_environment(), text=True, capture_output=True, timeout=60)

    return run


def errors(run: subprocess.CompletedProcess) -> list[str]:
    return [line for line in run.stdout.splitlines() if line.startswith("ERROR")]


def test_the_first_rank_alone_needs_the_file(machines, decks, germanium):
    run = machines((True, False))
    assert run.returncode == 0, run.stdout + run.stderr
    table = run.stdout.split("PotEng")[1].split()
    alone = decks.run_text(DECK.replace("ge.pt", str(germanium.path))).tables[-1]["PotEng"][0]
    assert float(table[1]) == pytest.approx(alone, rel=1e-12)


def test_without_the_file_on_the_first_rank_all_end_in_one_line(machines):
    run = machines((False, True))
    assert run.returncode != 0 and len(errors(run)) == 1
    assert "cannot read the model file ge.pt; give the path of a file that `tlmlp export` wrote" in errors(run)[0]


def test_what_fails_on_one_rank_alone_ends_all(machines):
    """An instruction level that only one machine lacks stands for whatever one machine may lack."""
    run = machines((True, False), second=("env", "TLMLP_SIMD=abacus"))
    assert run.returncode != 0 and len(errors(run)) == 1
    assert "pair_style tlmlp: on rank 1: " in errors(run)[0] and "abacus" in errors(run)[0]
