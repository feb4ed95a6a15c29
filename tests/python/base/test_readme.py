"""The README's Python runs as it stands, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, flags=re.S))
def test_python_block_runs_verbatim(block, tmp_path, monkeypatch, capsys):
    import torch

    from tlmlp.export import export_model
    from tlmlp.models import build_potential

    (tmp_path / "quickstart-out").mkdir()
    potential = build_potential(["Ge"], cutoff=5.0, seed=0, dtype=torch.float32)
    export_model(potential, tmp_path / "quickstart-out" / "ge.pt", {})
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.count("eV") == 3


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
)
def test_relative_links_exist(page):
    text = re.sub(r"```.*?```|`[^`]*`|^    .*?$", "", (ROOT / page).read_text(), flags=re.S | re.M)  # prose only
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_command_in_the_readme_exists():
    from typer.testing import CliRunner

    from tlmlp.cli.main import app

    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", README, flags=re.S))
    for command in set(re.findall(r"^tlmlp ([a-z]+)(?: ([a-z]+))?", blocks, flags=re.M)):
        words = [word for word in command if word]
        if words[0] == "data":
            words = words[:2]
        else:
            words = words[:1]
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0, command
