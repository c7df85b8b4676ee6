"""README and docs tell the truth: their Python runs, their spaces are valid, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fcsearch.cli import cli
from fcsearch.space import load_space

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = (ROOT / "docs" / "commands.md").read_text()


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def test_the_readme_searches_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(README, "python")
    exec(compile(block, "README.md", "exec"), {})
    assert re.search(r"^0\.\d+ \[\d+ ", capsys.readouterr().out)


def test_the_network_trains_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(ROOT / "docs" / "networks.md", "python")
    exec(compile(block, "networks.md", "exec"), {})
    accuracy = re.search(r"validation accuracy (0\.\d+)", capsys.readouterr().out)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.85


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "space.md"], ids=lambda page: page.name)
def test_the_space_is_valid(page: Path, tmp_path: Path) -> None:
    (space,) = [block for block in blocks(page, "yaml") if block.startswith("name:")]
    (tmp_path / "space.yaml").write_text(space)
    assert load_space(tmp_path / "space.yaml").trials == 60


def test_the_datasets_of_a_space_are_valid(tmp_path: Path) -> None:
    lines = "".join(blocks(ROOT / "docs" / "data.md", "yaml")).splitlines()
    (space,) = blocks(README, "yaml")
    labels = []
    for dataset in lines:
        (tmp_path / "table.yaml").write_text(re.sub(r"dataset: digits.*", dataset, space))
        labels.append(load_space(tmp_path / "table.yaml").dataset.label)
    assert labels == ["species", "churn", "sold"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_lead_somewhere(page: Path) -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text())]
    inside = [link for link in links if link and not link.startswith("http")]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme() -> None:
    assert [page.name for page in PAGES[1:] if f"](docs/{page.name})" not in README.read_text()] == []


@pytest.mark.parametrize("command", sorted(cli.list_commands(None)))
def test_every_command_has_help_with_an_example_and_a_line_in_the_docs(command: str) -> None:
    shown = CliRunner().invoke(cli, [command, "--help"])
    assert shown.exit_code == 0, shown.output
    assert re.search(rf"Example:\n\s+fcsearch {command}", shown.output)
    assert f"| `fcsearch {command}" in COMMANDS


def test_the_commands_shown_are_accepted() -> None:
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.splitlines()]
    shown = [line.split("#")[0].split()[2:] for line in lines if line.startswith("$ fcsearch ")]
    assert len(shown) >= 10
    helps = {command: CliRunner().invoke(cli, [command, "--help"]).output for command in cli.list_commands(None)}
    for command, *words in shown:
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z0-9-]+", helps[command])), (command, options)


def test_help_lists_every_command_without_importing_it() -> None:
    code = "import sys; from fcsearch.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "resume" in done.stdout
    assert not {"torch", "ray", "optuna", "pyarrow", "sklearn", "rich"} & set(done.stdout.splitlines()[-1].split())
