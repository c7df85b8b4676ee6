"""The README tells the truth: its Python runs, its space is valid, its links lead somewhere, its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from synthetic_run import make_run

from fcsearch.cli import cli
from fcsearch.results import EPOCHS, TRIALS
from fcsearch.space import load_space

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs" / "dropout")
    monkeypatch.chdir(tmp_path)
    found = blocks("python")
    assert len(found) == 6
    names: dict[str, object] = {}
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    accuracy = re.search(r"validation accuracy (0\.\d+)", capsys.readouterr().out)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.85
    assert names["curve"]["trial_id"].unique().to_list() == [names["run"].best["trial_id"]]


def test_the_space_is_valid(tmp_path: Path) -> None:
    dataset, space = blocks("yaml")
    (tmp_path / "space.yaml").write_text(space)
    assert load_space(tmp_path / "space.yaml").trials == 60
    (tmp_path / "table.yaml").write_text(space.replace("dataset: digits", dataset.strip()))
    assert load_space(tmp_path / "table.yaml").dataset.label == "species"


def test_the_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_columns_are_those_of_the_tables() -> None:
    columns = README[README.index("Columns of `trials`") : README.index("Types, units and meanings")]
    named = set(re.findall(r"`(\w+)`", columns)) - {"trials", "epochs", "complete", "stopped", "diverged", "failed"}
    assert named <= {*TRIALS.names, *EPOCHS.names}
    assert set(EPOCHS.names) <= named


@pytest.mark.parametrize("command", sorted(cli.list_commands(None)))
def test_every_command_has_help_with_an_example_and_a_line_here(command: str) -> None:
    shown = CliRunner().invoke(cli, [command, "--help"])
    assert shown.exit_code == 0, shown.output
    assert re.search(rf"Example:\n\s+fcsearch {command}", shown.output)
    assert f"`fcsearch {command}" in README


def test_the_commands_shown_are_accepted() -> None:
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ fcsearch run")]
    assert len(lines) >= 4
    for line in lines:
        options = set(re.findall(r"--[a-z-]+", line.split("#")[0]))
        assert options <= set(re.findall(r"--[a-z-]+", CliRunner().invoke(cli, ["run", "--help"]).output))


def test_help_lists_every_command_without_importing_it() -> None:
    code = "import sys; from fcsearch.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "resume" in done.stdout
    assert not {"torch", "ray", "optuna", "pyarrow", "sklearn", "rich"} & set(done.stdout.splitlines()[-1].split())
