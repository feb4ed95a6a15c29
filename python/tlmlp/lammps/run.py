"""LAMMPS as a program: an input script goes in, its output comes back, an ERROR becomes an exception."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlmlp.errors import TlmlpError
from tlmlp.lammps.locate import lammps_program, mpi_launcher, mpi_lib_dir, plugin_dir, torch_lib_dir

#: For more ranks than processors: who waits for a message sleeps instead of keeping a processor busy.
_PATIENT = {"MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1", "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "16"}


@dataclass(frozen=True)
class LammpsRun:
    """What a run printed, and the tables of thermodynamic output in it."""

    output: str
    tables: list[dict[str, list[float]]]

    @property
    def steps_per_second(self) -> float:
        """Speed of the last ``run``, from LAMMPS' own "Loop time" line."""
        loops = re.findall(r"^Loop time of (\S+) on .* for (\d+) steps", self.output, re.MULTILINE)
        if not loops:
            raise TlmlpError("the LAMMPS output has no `Loop time` line: it needs a `run` command")
        seconds, steps = loops[-1]
        return int(steps) / max(float(seconds), 1e-12)


def lammps_environment(threads: int = 1, torch: bool = False) -> dict[str, str]:
    """Environment for the pip-installed ``lmp``: its MPI, the plugin, the number of threads.

    :param torch: with ``pair_style tlmlp/torch`` too
    """
    folders = [plugin_dir(), plugin_dir(torch=True)] if torch else [plugin_dir()]
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), LAMMPS_PLUGIN_PATH=os.pathsep.join(map(str, folders)))
    libtorch, mpi = torch_lib_dir(), mpi_lib_dir()
    if torch and libtorch is not None:
        environment["TLMLP_TORCH_LIB"] = str(libtorch)
    if mpi is not None:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(mpi), os.environ.get("LD_LIBRARY_PATH")]))
    return environment


def run_lammps(
    script: str,
    cwd: str | os.PathLike[str] | None = None,
    *,
    variables: Mapping[str, object] | None = None,
    ranks: int = 1,
    threads: int = 1,
    torch: bool = False,
    timeout: float | None = None,
    arguments: Sequence[str] = (),
    on_line: Callable[[str], None] | None = None,
) -> LammpsRun:
    """Run the text of an input script with ``pair_style tlmlp`` available.

    :param script: the input script itself (not its path)
    :param cwd: working folder; a temporary one, removed afterwards, by default
    :param variables: index-style variables of the script (``-var``)
    :param ranks: MPI processes, started by the ``mpiexec`` of the pip-installed MPI
    :param threads: OpenMP threads of each process
    :param torch: load ``pair_style tlmlp/torch`` too
    :param timeout: seconds after which the run is ended
    :param arguments: further command line arguments of ``lmp``
    :param on_line: called with every line of output as it appears
    :raises TlmlpError: when LAMMPS is missing, stops with an error (the message is its ERROR line) or takes too long
    """
    launcher = [str(mpi_launcher()), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, str(lammps_program()), "-log", "none", "-nocite", *arguments]
    environment = lammps_environment(threads, torch)
    for name, value in (variables or {}).items():
        command += ["-var", name, str(value)]
    with tempfile.TemporaryDirectory(prefix="tlmlp-lammps-") as scratch:
        deck = Path(scratch) / "in.lammps"
        deck.write_text(script)
        process = subprocess.Popen(
            [*command, "-in", str(deck)],
            cwd=cwd or scratch,
            text=True,
            errors="replace",
            env=_PATIENT | environment if ranks > len(os.sched_getaffinity(0)) else environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output = _follow(process, on_line, timeout)
        finally:
            _end(process)
    if process.returncode != 0:
        raise TlmlpError(f"LAMMPS stopped: {_reason(output, process.returncode)}")
    return LammpsRun(output, thermo_tables(output))


def _end(process: subprocess.Popen[str]) -> None:
    """End what still runs; ``mpiexec`` ends its processes when it is asked to, but not when it is killed."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None] | None, timeout: float | None) -> str:
    if on_line is None:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            raise TlmlpError(f"LAMMPS was ended after {timeout:g} s without finishing") from None
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        on_line(line.rstrip("\n"))
    process.wait(timeout=timeout)
    return "".join(lines)


def _reason(output: str, status: int) -> str:
    errors = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    if errors:
        return errors[0]
    if status < 0:
        return f"killed by signal {-status}"
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return f"status {status}: {last[-1] if last else 'no output'}"


def thermo_tables(output: str) -> list[dict[str, list[float]]]:
    """The tables of thermodynamic output, one per ``run`` or ``minimize``, as columns by name."""
    tables: list[dict[str, list[float]]] = []
    columns: list[str] | None = None
    for line in output.splitlines():
        words = line.split()
        if words[:1] == ["Step"]:
            columns = words
            tables.append({name: [] for name in columns})
        elif line.startswith("Loop time"):
            columns = None
        elif columns is not None and len(words) == len(columns):
            try:
                row = [float(word) for word in words]
            except ValueError:
                continue
            for name, value in zip(columns, row, strict=True):
                tables[-1][name].append(value)
    return tables
