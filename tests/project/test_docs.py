"""README and docs tell the truth: their Python runs, their spaces are valid, their links lead somewhere."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from fcsearch.cli import cli
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.space import load_space, shipped_spaces

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
    assert float(accuracy[1]) > 0.85


def test_arrays_are_written_as_data_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(ROOT / "docs" / "data.md", "python")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    exec(compile(block, "data.md", "exec"), {"numpy": np, "X": rng.normal(size=(60, 3)), "y": rng.integers(0, 2, 60)})
    assert load_dataset(DatasetSpec("rows.npz")).input_dim == 3


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "space.md"], ids=lambda page: page.name)
def test_the_space_is_valid(page: Path, tmp_path: Path) -> None:
    (space,) = [block for block in blocks(page, "yaml") if block.startswith("name:")]
    (tmp_path / "space.yaml").write_text(space)
    found = load_space(tmp_path / "space.yaml")
    assert found.trials == 60
    assert found.name not in shipped_spaces()


def test_every_space_that_ships_is_listed() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(../search_spaces/", (ROOT / "docs" / "space.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(shipped_spaces())


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


def test_the_commands_shown_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed, and each search is planned: on files that are there, without a GPU and a bucket."""
    helps = "".join(CliRunner().invoke(cli, [command, "--help"]).output for command in cli.list_commands(None))
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.splitlines()]
    spaces = "".join(path.read_text() for path in (ROOT / "search_spaces").glob("*.yaml"))
    shown = [line[2:] for line in lines if line.startswith("$ fcsearch ")]
    shown += re.findall(r"^[ #]+(fcsearch .+)", helps + spaces, re.MULTILINE)
    assert len(shown) >= 100
    monkeypatch.chdir(tmp_path)
    # The files that are there have no rows.
    rows = load_dataset(DatasetSpec("digits", num_train=100))
    monkeypatch.setattr("fcsearch.data.load_dataset", lambda *_: rows)
    monkeypatch.setattr("fcsearch.search.api.plan_for_data", lambda plan, _: (plan, rows))
    columns = ("customer_id", "income", "day", "churn", "label")
    (tmp_path / "customers.csv").write_text(",".join(columns) + "\n")
    for data in ("adult-train.parquet", "adult-test.parquet"):
        pq.write_table(pa.table({name: ["a"] for name in ("income", "class")}), tmp_path / data)
    for kind in ("cat", "dog"):
        (tmp_path / "pics" / kind).mkdir(parents=True)
        (tmp_path / "pics" / kind / "001.png").touch()
    space = (ROOT / "search_spaces" / "full.yaml").read_text()
    for path in (tmp_path / "my_space.yaml", tmp_path / "runs" / "full" / "next_space.yaml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(space)
    searched = load_space(path).to_json()
    (tmp_path / "runs" / "full" / "run.json").write_text(json.dumps({"format": 2, "space": searched}))
    for line in dict.fromkeys(shown):
        plain = re.sub(r" --tf32| --gpus-per-worker 0\.\d+| --workers \d+|[|>].*", "", line)
        _, name, *words = shlex.split(plain.replace("s3://bucket", f"{(tmp_path / 'bucket').as_uri()}"), comments=True)
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, line
        if name == "run":
            done = CliRunner().invoke(cli, [name, *words, *([] if "--dry-run" in words else ["--dry-run"])])
            assert done.exit_code == 0, (line, done.output, done.exception)
        else:
            command.make_context(name, words)


def test_help_lists_every_command_without_importing_it() -> None:
    code = "import sys; from fcsearch.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "resume" in done.stdout
    assert not {"torch", "ray", "optuna", "pyarrow", "sklearn", "rich"} & set(done.stdout.splitlines()[-1].split())


def test_the_tests_that_the_page_on_reliability_names_are_run_by_its_command() -> None:
    listed = re.search(r"^FAULTS := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    run = [ROOT / path for path in listed[1].replace("\\\n", " ").split()]
    assert [path for path in run if not path.exists()] == []
    files = {file for path in run for file in ([path] if path.is_file() else path.rglob("test_*.py"))}
    page = (ROOT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(test_\w+\.py|tests/\w+(?:/\w+)*)`", page)
    assert len(named) > 20
    for name in named:
        found = {file for file in files if file.name == name or file.is_relative_to(ROOT / name)}
        assert found, f"{name} is not among FAULTS of the Makefile"
