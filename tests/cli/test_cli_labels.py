"""`fcsearch note` and `fcsearch tag`, and where they show."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import output_of
from synthetic_run import add_trials, manifest

from fcsearch.results import Labels, RunDirectory, read_labels
from fcsearch.search import api
from fcsearch.search.api import start_search


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    run = RunDirectory.create(tmp_path / "runs" / "a", manifest("a"))
    add_trials(run, range(8))
    return run


def test_a_note_is_written_shown_and_removed(made: RunDirectory) -> None:
    assert output_of("note", "a") == "runs/a has no note\n"
    output_of("note", "a", "rows  of\nMay")
    assert output_of("note", "a") == "rows of May\n"
    assert "rows of May" in output_of("runs")
    assert "note: rows of May" in output_of("report", "a", "--no-write")
    output_of("note", "a", "")
    assert read_labels(made.path) == Labels()


@pytest.mark.usefixtures("made")
def test_tags_come_and_go() -> None:
    assert output_of("tag", "a") == "runs/a has no tags\n"
    assert output_of("tag", "a", "baseline", "may", "baseline") == "baseline may\n"
    assert "#baseline #may" in output_of("runs")
    assert "tags: baseline, may" in output_of("report", "a", "--no-write")
    assert output_of("tag", "a", "may", "--remove") == "baseline\n"


def test_runs_can_be_found_by_their_tags(made: RunDirectory) -> None:
    RunDirectory.create(made.path.parent / "b", manifest("b"))
    output_of("tag", "a", "baseline", "may")
    assert "runs/b" not in output_of("runs", "--tag", "baseline")
    assert "runs/a" in output_of("runs", "--tag", "baseline", "--tag", "may")
    assert "no runs with june in runs" in output_of("runs", "--tag", "june")


def test_a_run_that_is_being_written_can_be_labelled(made: RunDirectory) -> None:
    with made.writing():
        output_of("tag", "a", "slow")
        output_of("note", "a", "still running")
    assert read_labels(made.path) == Labels(note="still running", tags=("slow",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tag", "a", "two words"], "a tag must have at most 40 characters"),
        (["tag", "a", "none", "--remove"], "a tag to remove must be one of the run's (none); found 'none'"),
        (["note", "a", "x" * 3000], "a note must have at most 2,000 characters; found 3,000"),
        (["note", "nowhere", "x"], "runs/nowhere must be a run directory"),
    ],
)
@pytest.mark.usefixtures("made")
def test_what_cannot_be_is_refused(
    arguments: list[str],
    message: str,
    refused: Callable[..., str],
) -> None:
    assert message in refused(*arguments)


def test_damaged_labels_say_what_to_do(made: RunDirectory, refused: Callable[..., str]) -> None:
    (made.path / "labels.json").write_text('{"tags": 3}')
    assert "must hold a note and tags; found 3 for tags; remove the file" in refused("tag", "a")


def test_a_search_starts_with_its_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from search_helpers import make_space

    monkeypatch.setattr(api, "train", lambda run, *_, **__: run)
    labels = Labels(note="first", tags=("baseline",))
    start_search(make_space(tmp_path), api.SearchOptions(), path=tmp_path / "new", command=["fcsearch"], labels=labels)
    assert read_labels(tmp_path / "new") == labels
