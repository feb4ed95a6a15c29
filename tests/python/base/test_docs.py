"""The code on the pages: every block runs as it stands in an empty folder, or the table says where it runs or why not.

Blocks of one page share a folder, in which the files that the page speaks of lie ready. YAML is read as a config.
Blocks of ``text`` are formulas, output and lines of LAMMPS; the decks of tests/lammps hold those.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import tlmlp

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in ROOT.glob("docs/*/*.md"))

#: Modules without which a block is left out.
NEEDS = {
    "openmm": "openmm",
    "openmmml": "openmmml",
    "torch_sim": "torch_sim",
    "dftd3": "dftd3",
    "lammps": "lammps",
}
#: Page, a phrase of its block, and why the block does not run here.
ELSEWHERE = [
    ("start/install", "scripts/setup.sh", "scripts/test.sh begins with it"),
    ("start/install", "scripts/quickstart.sh", "continuous integration runs it"),
    ("reference/cpp", "cmake --install", "tests/install/check.cmake does the same"),
    (
        "start/first-model",
        "tlmlp data mlearn",
        "downloads data and trains for ten minutes; the quickstart does the same",
    ),
    ("start/tutorial", "tlmlp phonons si-dft --out", "tests/python/analysis/test_docs.py, at small size"),
    ("start/tutorial", "tlmlp md si-dft", "tests/python/analysis/test_docs.py, at small size"),
    ("start/tutorial", "tlmlp stability si-dft", "tests/python/analysis/test_docs.py, at small size"),
    ("start/tutorial", "from tlmlp.analysis.stability", "tests/python/analysis/test_docs.py, at small size"),
    ("howto/cluster", "torchrun", "tests/python/train/test_processes.py"),
    ("howto/cluster", "--profile examples/slurm", "needs Slurm: scripts/slurm-test.sh"),
    ("howto/committees", "tlmlp train", "tests/python/train/test_commands.py; the models that it makes stand ready"),
    ("howto/conformance", "tlmlp conformance", "tests/conformance"),
    ("howto/gpu", "cmake.define.TLMLP_CUDA", "needs nvcc: tests/cuda/test_compile.py"),
    ("howto/ase", "i-pi ", "i-PI is not installed; tests/python/calculators/test_examples.py runs the client"),
    ("howto/many-ranks", "mpirun", "tests/lammps/test_ranks.py"),
    ("howto/lammps", "run_lammps(", "its deck is three dots; tests/lammps"),
    ("howto/lammps", "open_mpi()", "tests/lammps/test_autoload.py"),
    ("howto/make-data", "Cu_mishin1", "tests/python/data/test_lammps_data.py"),
    ("howto/new-element", "tlmlp transfer", "tests/python/train/test_few_frames.py"),
    ("howto/new-element", "transfer_frames", "tests/python/train/test_few_frames.py"),
    ("howto/openmm", "tlmlp openmm build", "tests/python/openmm/test_build.py"),
    ("howto/openmm", "torchforce", "tests/torchforce"),
    ("howto/phonons", "tlmlp phonons", "tests/python/analysis"),
    ("howto/phonons", "from tlmlp.analysis", "tests/python/analysis/test_documented.py, with its values"),
    ("howto/properties", "tlmlp elastic", "tests/python/analysis"),
    ("howto/properties", "from tlmlp.analysis", "tests/python/analysis/test_documented.py, with its values"),
    ("howto/properties", "from matcalc", "tests/python/analysis/test_documented.py, with its values"),
    ("howto/stability", "tlmlp stability", "tests/python/analysis/test_stability.py"),
    ("howto/stability", "run_stability", "tests/python/analysis/test_docs.py, at small size"),
    ("howto/structure", "tlmlp structure", "tests/python/analysis/test_structure.py"),
    ("howto/structure", "from tlmlp.analysis", "tests/python/analysis/test_docs.py, at small size"),
    ("howto/studies", "tlmlp study", "tests/python/studies"),
    ("howto/studies", "pip install", "tests/python/studies"),
    ("howto/studies", "Cu_mishin1", "tests/python/studies"),
    ("howto/transfer", "tlmlp transfer", "tests/python/train"),
    ("howto/training", "tlmlp train", "tests/python/train"),
    (
        "reference/command-line",
        "--install-completion",
        "changes the files of a shell; tests/python/base/test_import_and_help.py",
    ),
    ("developer/tests", "ctest --preset core", "scripts/test.sh runs it"),
    ("background/results", "tlmlp study", "hours; tests/python/studies"),
    ("background/few-frames", "benchmarks/few_frames.py", "hours, a benchmark"),
    ("background/few-frames", "benchmarks/rescaling.py", "a minute on downloaded data, a benchmark"),
    ("background/tested-dynamics", "benchmarks/", "a benchmark of an hour"),
]
#: What makes a block small; the text must be in the page.
SMALLER = {
    "start/transfer": {
        "--out RUN": "--out RUN --set training.updates=3 --set training.batch_size=1",
        "--out phonons": "--mesh 10 --out phonons",
    },
    "howto/gpu": {"* 100": "* 2", "20_000": "2", '"cuda"': '"cuda-on-cpu"'},
}


def blocks(*languages: str) -> list:
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for number, (language, block) in enumerate(re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.S | re.M), 1):
            if language in languages:
                found.append(pytest.param(page, block, id=f"{page}, block {number}"))
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """The files that the pages speak of."""
    import ase.io
    from ase.build import bulk

    from tlmlp.calculators import TlmlpCalculator
    from tlmlp.train import fit

    folder = tmp_path_factory.mktemp("template")
    for k in range(3):
        shutil.copy(tlmlp.pretrained("si-dft"), folder / f"si-{k}.pt")
    shutil.copy(tlmlp.pretrained("ge-dft"), folder / "ge.pt")

    def labelled(name: str, model: str, element: str, a: float, count: int) -> None:
        calculator = TlmlpCalculator(model)
        for seed in range(count):
            atoms = bulk(element, "diamond", a * (0.98 + 0.01 * seed), cubic=True)
            atoms.rattle(0.08, seed=seed)
            atoms.arrays["REF_forces"] = calculator.get_forces(atoms)
            atoms.info["REF_energy"] = calculator.get_potential_energy(atoms)
            ase.io.write(folder / name, atoms, append=seed > 0)

    labelled("my_ten_frames.extxyz", "ge-dft", "Ge", 5.7, 5)
    labelled("labelled.extxyz", "si-dft", "Si", 5.4, 2)
    shutil.copy(folder / "labelled.extxyz", folder / "dynamics.extxyz")
    data = {"train": str(folder / "labelled.extxyz"), "val": str(folder / "labelled.extxyz")}
    fit({"model": {"cutoff": 4.0}, "data": data, "training": {"updates": 2, "batch_size": 1}}, folder / "runs" / "si")
    return folder


@pytest.fixture
def folder(template, tmp_path, monkeypatch) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    (tmp_path / "RUN").mkdir()
    shutil.copy(template / "ge.pt", tmp_path / "RUN" / "model.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_small(page: str, block: str) -> str:
    for large, small in SMALLER.get(page, {}).items():
        block = block.replace(large, small)
    return block


def skip_what_runs_elsewhere(page: str, block: str) -> None:
    for its_page, phrase, reason in ELSEWHERE:
        if page == its_page and phrase in block:
            pytest.skip(reason)


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_python_runs_verbatim(page, block, folder):
    skip_what_runs_elsewhere(page, block)
    for module in re.findall(r"^(?:import|from) (\w+)", block, flags=re.M):
        if module in NEEDS and find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "tlmlp.openmm" in block:
        from tlmlp.openmm import available_routes

        if reason := available_routes()["native"]:
            pytest.skip(reason)
    # A process of its own: no block lives on what another one imported.
    environment = os.environ | {"PYTHONPATH": str(Path(tlmlp.__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-"]
    text = made_small(page, block)
    done = subprocess.run(command, input=text, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "block"), blocks("bash"))
def test_bash_runs_verbatim(page, block, folder):
    skip_what_runs_elsewhere(page, block)
    if "--engine lammps" in block:
        from tlmlp.md.simulation import engine_missing

        if reason := engine_missing("lammps"):
            pytest.skip(reason)
    if "tlmlp phonons" in block and find_spec("phonopy") is None:
        pytest.skip("the extra analysis is not installed")
    if "OUTCAR-*" in block:
        block = block.replace("OUTCAR-* ", "").replace("--sizes 10,40 --val 22", "--sizes 1 --val 1")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-ec", made_small(page, block)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_yaml_is_a_config(page, block):
    from tlmlp.train import as_config

    as_config({"data": {"train": "a.xyz", "val": "b.xyz"}, **yaml.safe_load(block)})


def test_no_line_of_the_tables_is_dead():
    texts = {page: (ROOT / "docs" / f"{page}.md").read_text() for page in PAGES}
    for page, phrase, _ in ELSEWHERE:
        assert phrase in texts[page], (page, phrase)
    for page, changes in SMALLER.items():
        for large in changes:
            assert large in texts[page], (page, large)
    for _, _, reason in ELSEWHERE:
        for place in re.findall(r"(?:tests|scripts)/[\w./-]+", reason):
            assert (ROOT / place.rstrip(".,")).exists(), place


def test_every_block_names_its_language():
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for language in re.findall(r"^```([^\n]*)\n.*?^```", text, flags=re.S | re.M):
            assert language.startswith("{") or language in ("python", "bash", "yaml", "text", "cpp", "cmake", "html"), (
                page,
                language,
            )
