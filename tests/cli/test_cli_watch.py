"""`fcsearch watch`: a run that another process writes, from its files."""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from synthetic_run import SPACE, add_trials, manifest

from fcsearch.cli.watch import Patience
from fcsearch.cli.watch import watch as command
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory, TrialRecord, remote, write_status
from fcsearch.results.records import row_config
from fcsearch.search.loop.from_files import Watched
from fcsearch.space import SearchSpace


def watch(patience: Patience) -> click.Command:
    """The command, of another patience."""
    assert command.callback is not None
    return click.Command(
        "watch", callback=functools.partial(command.callback, patience=patience), params=command.params
    )


@pytest.fixture
def going(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    run = RunDirectory.create(tmp_path / "runs" / "a", manifest("a", space=space(), state="running", finished_at=None))
    add_trials(run, range(8))
    return run


def space() -> object:
    return SearchSpace.from_mapping({**SPACE, "early_stopping": "asha"}).to_json()


def followed(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object], session: float = 0.0) -> Result:
    """Watch, and let the search do its next step whenever the watcher waits; `session`: for so long for another one."""
    left = iter(steps)
    monkeypatch.setattr(time, "sleep", lambda _: next(left)())
    result = CliRunner().invoke(watch(Patience(session=session)), ["--verbose"], catch_exceptions=False)
    assert next(left, None) is None
    return result


def test_it_shows_each_trial_once_and_ends_with_the_search(
    going: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = followed(
        monkeypatch,
        lambda: None,
        lambda: add_trials(going, range(8, 16)),
        lambda: add_trials(going, range(16, 24)),
        lambda: going.update_manifest({"state": "complete"}),
    )
    assert result.exit_code == 0
    lines = [line.split()[1] for line in result.stderr.splitlines() if line.startswith("trial ")]
    assert lines == [str(number) for number in range(24)]
    assert "24/48 trials" in result.stderr.splitlines()[-1]
    assert result.stdout == "runs/a: complete, 24 of 48 trials; `fcsearch report runs/a` shows what it found\n"


def test_ctrl_c_leaves_it(going: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    result = followed(monkeypatch, lambda: add_trials(going, range(8, 16)), interrupt)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == "stopped watching; the search of runs/a continues"
    assert going.manifest().state == "running"


def test_a_search_that_died_ends_it_too(going: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def die() -> None:
        with going.writing():
            pass

    result = followed(monkeypatch, die)
    assert "runs/a: interrupted, 8 of 48 trials" in result.stdout


def test_a_run_that_its_time_budget_ended_is_not_called_complete(
    going: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    going.update_manifest({"state": "complete", "ended_by": "time_budget"})
    # Nor is a session waited for, which would be done by sleeping.
    result = followed(monkeypatch, session=math.inf)
    assert result.stderr == ""
    assert "runs/a: ended by its time budget, 8 of 48 trials; " in result.stdout


def test_a_run_that_has_ended_and_that_no_session_continues_is_not_waited_for(
    going: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    going.update_manifest({"state": "interrupted"})
    assert "8/48 trials" in followed(monkeypatch).stderr


def test_a_run_that_is_complete_is_not_waited_for_at_all(going: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    going.update_manifest({"state": "complete", "ended_by": "trials", "options": {"trials": 8}})
    # It would wait by sleeping.
    result = followed(monkeypatch, session=math.inf)
    assert result.stderr == ""
    assert result.stdout == "runs/a: complete, 8 trials; `fcsearch report runs/a` shows what it found\n"


def test_a_session_that_begins_is_waited_for_and_shows_its_own_total(
    going: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    going.update_manifest({"state": "interrupted"})
    # A killed search leaves it behind.
    write_status(going.path, dataclasses.replace(Watched(going).status(), total=48, seconds=77.0))
    session = contextlib.ExitStack()

    def end() -> None:
        add_trials(going, range(8, 16))
        going.update_manifest({"state": "complete", "options": {"trials": 16}})

    result = followed(
        monkeypatch,
        lambda: None,  # it imports its libraries
        lambda: session.enter_context(going.writing()),
        lambda: None,  # it reads its data
        lambda: going.update_manifest({"state": "running", "options": {"trials": 150}}),
        end,
        session.close,
        session=math.inf,
    )
    said = [line for line in result.stderr.splitlines() if not line.startswith("trial ")]
    assert said[1] == "interrupted, 8 of 48 trials; waiting for inf s for a session that continues it"
    assert said[2] == "a process is at work on it, and reads its data or writes its report"
    assert said[3].startswith("8/150 trials")
    assert not any("/48 trials" in line for line in said[3:])
    assert result.stdout.startswith("runs/a: complete, 16 trials; ")


def test_a_url_that_cannot_be_reached_for_a_moment_is_asked_again(
    going: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a session is awaited that continues a run that has ended."""
    going.update_manifest({"state": "interrupted"})
    asked = []

    def fetch(where: str, *, light: bool) -> None:
        assert light
        asked.append(where)
        if len(asked) in (1, 3):
            raise RunError("connection reset")

    monkeypatch.setattr(remote, "address", lambda _: "s3://bucket/a")
    monkeypatch.setattr(remote, "fetch", fetch)
    steps = [
        lambda: None,
        lambda: going.update_manifest({"state": "running"}),
        lambda: None,
        lambda: going.update_manifest({"state": "complete"}),
    ]
    result = followed(monkeypatch, *steps, session=math.inf)
    assert (result.exit_code, asked) == (0, ["s3://bucket/a"] * 4)
    assert result.stdout.startswith("s3://bucket/a: complete, 8 of 48 trials; ")


def test_the_status_is_that_of_the_files(going: RunDirectory) -> None:
    watched = Watched(going)
    assert [trial.trial_id for trial in watched.look()] == list(range(8))
    assert watched.look() == []
    status = watched.status()
    assert (status.done, status.total, status.what) == (8, 48, "trials")
    assert status.best[0].trial_id == 4
    assert status.seconds_left is not None


def test_confirmations_are_counted_when_all_trials_are_done(going: RunDirectory) -> None:
    going.update_manifest({"options": {"trials": 8}, "confirmation": {"trials": [4, 1], "seeds": [1, 2, 3]}})
    row = going.trials().to_pylist()[4]
    again = TrialRecord(
        trial_id=4, state="complete", config=row_config({**row, "seed": 1}), val_accuracy=0.9, best_epoch=1
    )
    going.write_confirmations(going.next_pack_id(), [again])
    watched = Watched(going)
    watched.look()
    assert (watched.status().done, watched.status().total, watched.status().what) == (1, 6, "confirmations")


@pytest.mark.parametrize("names", [["a"], []])
def test_a_run_that_was_just_started_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    begun = manifest("a", space=space(), state="complete")
    if names:
        RunDirectory.create(tmp_path / "runs" / "b", begun)
    steps = iter([lambda: None, lambda: RunDirectory.create(tmp_path / "runs" / "a", begun)])
    monkeypatch.setattr(time, "sleep", lambda _: next(steps)())
    result = CliRunner().invoke(watch(Patience(session=0.0)), names, catch_exceptions=False)
    assert result.exit_code == 0
    beside = "a yet beside b: a run's" if names else "yet: a run's"
    assert result.stderr.startswith(f"no run {beside} directory appears once its data are read; waiting for ")
    assert result.stdout.startswith("runs/a: complete")


def test_a_run_that_does_not_come_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    result = CliRunner().invoke(watch(Patience(named=0.0)), ["nosuch"])
    assert isinstance(result.exception, RunError)
    assert "The directory of a search appears once its data are read" in str(result.exception)


def test_a_run_in_a_folder_that_is_not_there_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused("watch", "nosuch")
    assert "runs/nosuch must be a run directory; found nothing there" in said
    assert "waiting" not in said


def test_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert "runs must hold a run; found none" in refused("watch")
