"""Which steps of an electronic-structure output converged: a step whose electrons did not is left out, and counted.

Codes whose outputs ASE reads step by step (VASP, Quantum ESPRESSO) are looked at step by step; of the others a line
that says "not converged" refuses the file, because nothing says which step it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from tlmlp.data.notes import Notes
from tlmlp.errors import TlmlpError

Item = TypeVar("Item")

NOT_CONVERGED = "{:.0f} of the steps did not converge electronically: left out"
CUT = "the output ends inside a step, which is left out"
MACHINE_LEARNED = (
    "{file}: this run made steps with VASP's machine-learned force field (ML_LMLFF), whose energies and forces are no "
    "ab initio ones; read its ab initio steps from ML_ABN"
)


@dataclass
class Steps:
    """The complete steps of an output, in file order."""

    #: Whether the electrons of each converged.
    converged: list[bool]
    #: Whether another step was begun.
    cut: bool


def whole_lines(text: str) -> str:
    """``text`` up to its last line break: where it is cut, a line may end inside a word or a number."""
    return text[: text.rfind("\n") + 1]


def outcar_steps(text: str, file: str) -> Steps:
    """The ionic steps of an OUTCAR that reach their energy; one with NELM electronic steps did not converge."""
    if re.search(r"ML_LMLFF\s*=\s*T", text) or re.search(r"^\s*ML FREE ENERGIE", text, re.MULTILINE):
        raise TlmlpError(MACHINE_LEARNED.format(file=file))
    found = re.search(r"NELM\s*=\s*(\d+)", text)
    most = int(found[1]) if found else None
    converged: list[bool] = []
    electronic, begun = 0, False
    for event in re.finditer(r"Iteration\s+[\d*]+\(\s*[\d*]+\)|FREE ENERGIE OF THE ION-ELECTRON SYSTEM[^\n]*((?:\n[^\n]*){4}\n)?",
                             text):  # fmt: skip
        if event[0].startswith("Iteration"):
            electronic, begun = electronic + 1, True
        elif event[1] is not None:
            converged.append(most is None or electronic < most)
            electronic, begun = 0, False
    return Steps(converged, begun)


def whole_vasprun(text: str, file: str) -> tuple[str, Steps]:
    """The text of a vasprun.xml, closed behind its last whole step, and the steps; one with NELM electronic steps did
    not converge."""
    end = text.rfind("</calculation>")
    blocks = re.findall(r"<calculation\b.*?</calculation>", text, re.DOTALL)
    cut = "</modeling>" not in text
    if cut:
        if end < 0:
            raise TlmlpError(f"{file}: the vasprun.xml ends before its first step is complete")
        text = text[: end + len("</calculation>")] + "\n</modeling>\n"
    if re.search(r'name="ML_LMLFF">\s*T', text):
        raise TlmlpError(MACHINE_LEARNED.format(file=file))
    found = re.search(r'name="NELM">\s*(\d+)', text)
    most = int(found[1]) if found else None
    counts = [block.count("<scstep>") for block in blocks]
    if 0 in counts:
        raise TlmlpError(
            f"{file}: step {counts.index(0)} of the vasprun.xml has no electronic steps (<scstep>); was it made by a "
            "machine-learned force field? Ab initio steps of such runs are in ML_ABN"
        )
    return text, Steps([most is None or count < most for count in counts], cut)


#: Lines by which ASE's reader finds results of pw.x, and those that begin a configuration.
_PW_RESULTS = re.compile(
    r"^.*(?:!    total energy|Forces acting on atoms|total   stress|Magnetic moment per site|"
    r"End of band structure calculation|End of self-consistent calculation).*$",
    re.MULTILINE,
)
_PW_CONFIGURATION = re.compile(r"^.*(?:Program PWSCF|ATOMIC_POSITIONS).*$", re.MULTILINE)


def whole_espresso(text: str, file: str) -> tuple[str, int, bool]:
    """The text of a pw.x output without the results of steps that did not converge or were cut; the number of steps
    that did not converge, and whether one was cut."""
    finished = "JOB DONE" in text
    if not finished:
        text = whole_lines(text)
    starts = [match.start() for match in _PW_CONFIGURATION.finditer(text)]
    parts = [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    natoms = re.search(r"number of atoms/cell\s*=\s*(\d+)", text)
    if natoms is None:
        raise TlmlpError(f"{file}: the pw.x output ends before its first step")
    failed, cut = 0, False
    for n, part in enumerate(parts):
        if "convergence NOT achieved" in part and "Entering Dynamics" not in part.split("convergence NOT achieved")[0]:
            parts[n], failed = _PW_RESULTS.sub("", part), failed + 1
        elif (
            not finished
            and n == len(parts) - 1
            and _PW_RESULTS.search(part)
            and not _pw_complete(part, parts, int(natoms[1]))
        ):
            parts[n], cut = _PW_RESULTS.sub("", part), True
    return "".join(parts), failed, cut or not finished


def _pw_complete(part: str, parts: list[str], natoms: int) -> bool:
    """Whether the last step has the whole tables that the others have; the first one must have its forces."""
    earlier = parts[1:-1]
    forces = re.search(r"Forces acting on atoms.*?\n((?:.*atom +\d+ type +\d+ +force.*\n|\s*\n)*)", part)
    if forces is None and (not earlier or any("Forces acting on atoms" in p for p in earlier)):
        return False
    if forces is not None and forces[1].count("force =") < natoms:
        return False
    stress = part.find("total   stress")
    if stress < 0:
        return not any("total   stress" in p for p in earlier)
    rows = part[stress:].splitlines()[1:4]
    return len(rows) == 3 and all(len(row.split()) == 6 for row in rows) and part[stress:].count("\n") >= 4


#: What other codes print when the electrons of a step did not converge.
_FAILED = re.compile(
    r"SCF run NOT converged|SCF NOT CONVERGED|SCF_NOT_CONV|SCC is NOT converged|Did not converge!|"
    r"Convergence failure -- run terminated|Convergence criterion not met|"
    r"SCF cycles performed but system has not reached the groundstate|Self-consistency cycle not converged|"
    r"was not enough SCF cycles to converge|Calculation failed to converge|SCF FAILED TO CONVERGE|"
    r"SCF failed to converge|convergence NOT achieved|The SCF is not converged|charge density convergence has not been achieved|"
    r"SCF iterations did not converge",
)


def refuse_unconverged(text: str, file: str) -> None:
    """:class:`TlmlpError` with the line, if ``text`` says that some electrons did not converge."""
    match = _FAILED.search(text)
    if match is not None:
        line = text.count("\n", 0, match.start()) + 1
        raise TlmlpError(
            f"{file}, line {line}: {match[0]!r}: the electrons of a step did not converge, and its labels cannot be "
            "told from the others; take that step out"
        )


def drop_unconverged(items: list[Item], steps: Steps, file: str, notes: Notes) -> list[Item]:
    """The ``items`` (one per complete step) that converged; the others are counted in ``notes``.

    :raises TlmlpError: where there are more or fewer items than steps in the file, and where none converged
    """
    if len(items) != len(steps.converged):
        raise TlmlpError(
            f"{file}: the output has {len(steps.converged)} complete steps, but {len(items)} could be read; is a part of it damaged?"
        )
    if steps.cut:
        notes.add(CUT, file)
    return kept_of(items, steps.converged, file, notes)


def kept_of(items: list[Item], converged: list[bool], file: str, notes: Notes) -> list[Item]:
    """The ``items`` with ``converged`` true."""
    kept = [item for item, good in zip(items, converged, strict=True) if good]
    say_unconverged(len(items) - len(kept), len(kept), file, notes)
    return kept


def say_unconverged(failed: int, kept: int, file: str, notes: Notes) -> None:
    """Count ``failed`` steps in ``notes``; refuse the file if no other step is left."""
    if failed and not kept:
        raise TlmlpError(f"{file}: none of its {failed} steps converged electronically")
    if failed:
        notes.add(NOT_CONVERGED, file, failed)
