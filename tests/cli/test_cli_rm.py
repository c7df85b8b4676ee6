"""`fcsearch rm`: removes runs, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from synthetic_run import add_trials, manifest

from fcsearch.cli import cli
from fcsearch.results import RunDirectory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        add_trials(RunDirectory.create(tmp_path / "runs" / name, manifest(name)), range(8))
    return tmp_path / "runs"


def invoke(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["rm", *arguments], input=answer)


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_asks_and_removes(root: Path) -> None:
    result = invoke("a", answer="y\n")
    assert result.exit_code == 0
    assert "runs/a  " in result.output
    assert "Remove it? [y/N]" in result.output
    assert "removed runs/a" in result.output
    assert names(root) == ["b"]


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_without_a_yes_nothing_is_removed(root: Path, answer: str) -> None:
    result = invoke("a", "b", answer=answer)
    assert "Remove these 2 runs?" in result.output
    assert "nothing was removed" in result.output
    assert result.exit_code == 1
    assert names(root) == ["a", "b"]


def test_yes_removes_without_asking(root: Path) -> None:
    assert invoke("a", "runs/b", "--yes").exit_code == 0
    assert names(root) == []


def test_a_damaged_run_can_be_removed(root: Path) -> None:
    (root / "a" / "run.json").write_text("{")
    assert invoke("a", "--yes").exit_code == 0
    assert names(root) == ["b"]


def test_where_nobody_can_answer_it_says_how(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = invoke("a", answer="")
    assert "add --yes" in str(result.exception)
    assert names(root) == ["a", "b"]
    assert capsys.readouterr().err == ""


def test_a_run_in_progress_is_refused_and_so_are_all_with_it(root: Path, refused: Callable[..., str]) -> None:
    with RunDirectory.open(root / "b").writing():
        assert "found a process that is writing it" in refused("rm", "a", "b", "--yes")
    assert names(root) == ["a", "b"]
    assert len(RunDirectory.open(root / "a").trials()) == 8


@pytest.mark.parametrize("name", [".", ".."])
def test_a_folder_is_called_by_the_name_that_the_user_gave_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str], name: str
) -> None:
    inside = root / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert f"fcsearch: {name} must be a run directory" in refused("rm", name)


def test_what_is_no_run_is_refused(root: Path, refused: Callable[..., str]) -> None:
    folder = root.parent / "work"
    (folder / "inside").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (root / "link").symlink_to(root / "a")
    for path, found in (
        (folder, "found a folder that is not a run"),
        (folder / "run.json", "found a file"),
        (root, "found a folder without run.json"),
        (root / "c", "found nothing there"),
        (root / "link", "found a link to"),
    ):
        assert found in refused("rm", path, "--yes")
    assert names(root) == ["a", "b", "link"]
    assert (folder / "inside").is_dir()
