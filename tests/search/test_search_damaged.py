"""Damaged and missing parts of the tables: `resume` alone leads to the tables of an undisturbed run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import inline_pool
import pyarrow.compute as pc
import pytest
from confirmed_searches import search
from engine_helpers import RecordingView
from in_process_pool import InProcess
from inline_pool import tables
from search_helpers import make_space

from fcsearch.errors import RunError
from fcsearch.report.finished import is_finished
from fcsearch.results import RunDirectory, summarize_run
from fcsearch.results.files import ASIDE
from fcsearch.results.tables import PartLimits, Tables
from fcsearch.search.api import SearchResult, resume_search, saved_options

ASHA = {"method": "asha", "min_epochs": 1, "reduction_factor": 2}
PARAMETERS = {
    "learning_rate": {"low": 1e-4, "high": 10.0, "log": True},
    "reg": {"choices": [0.0, 1e6]},
    "epochs": 4,
    "hidden_dim": {"choices": [8, 16]},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """Of 12 trials some are complete, some stopped, some diverged; in two parts, of two packs each."""
    found = inline_pool.start(tmp_path_factory.mktemp("finished"), early_stopping=ASHA, parameters=PARAMETERS)
    trials, epochs = found.run.trials(), found.run.epochs()
    for table in ("trials", "epochs"):
        shutil.rmtree(found.run.path / table)
    again = Tables(found.run.path, aside=found.run.path / ASIDE, limits=PartLimits(own=1, trials=4))
    again.create()
    for pack_id in pc.unique(trials["pack_id"]).to_pylist():
        rows = trials.filter(pc.field("pack_id") == pack_id)
        again.add(pack_id, rows, epochs.filter(pc.field("trial_id").isin(rows["trial_id"].to_pylist())))
    return found


@pytest.fixture
def run(finished: SearchResult, tmp_path: Path) -> RunDirectory:
    """A copy to be damaged."""
    shutil.copytree(finished.run.path, tmp_path / "run")
    return RunDirectory.open(tmp_path / "run")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def parts(run: RunDirectory, table: str) -> list[Path]:
    return sorted((run.path / table).glob("pack-*.parquet"))


def test_the_run_has_trials_of_every_kind(finished: SearchResult) -> None:
    assert set(finished.run.trials()["state"].to_pylist()) == {"complete", "stopped", "diverged"}
    assert [len(parts(finished.run, table)) for table in ("trials", "epochs")] == [2, 2]


@pytest.mark.parametrize("table", ["trials", "epochs"])
@pytest.mark.parametrize("damage", [cut, flip, empty, remove])
def test_resume_trains_what_was_lost_as_it_was(
    finished: SearchResult, run: RunDirectory, table: str, damage: Callable[[Path], None]
) -> None:
    damaged = parts(run, table)[1]
    content = b""
    damage(damaged)
    if damaged.exists():
        content = damaged.read_bytes()
    view = RecordingView()
    resumed = inline_pool.resume(RunDirectory.open(run.path), view=view)
    assert resumed.ended_by == "trials"
    assert tables(RunDirectory.open(run.path)) == tables(finished.run)
    said = [text for text in view.notices if str(damaged) in text]
    if damage is not remove:
        kept = run.path / "damaged" / f"{table}-{damaged.name}"
        assert kept.read_bytes() == content
        assert str(kept) in said[0]
    # A second time nothing is amiss.
    view = RecordingView()
    inline_pool.resume(RunDirectory.open(run.path), view=view)
    assert view.notices == []


def test_all_parts_at_once_and_the_folders_with_them(finished: SearchResult, run: RunDirectory) -> None:
    shutil.rmtree(run.path / "trials")
    for path in parts(run, "epochs"):
        cut(path)
    inline_pool.resume(RunDirectory.open(run.path))
    assert tables(RunDirectory.open(run.path)) == tables(finished.run)
    assert (run.path / "trials" / "empty.parquet").exists()


@pytest.mark.parametrize("damage", [cut, empty])
def test_a_damaged_confirmation_is_made_again_and_does_not_stop_a_search(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    run = search(tmp_path, InProcess()).run
    again = run.confirmations().select(["trial_id", "seed", "val_accuracy"])
    assert is_finished(run)
    for path in parts(run, "confirmations"):
        damage(path)
    assert not is_finished(RunDirectory.open(run.path))
    view, damaged = RecordingView(), parts(run, "confirmations")
    resume_search(RunDirectory.open(run.path), saved_options(run), open_pool=InProcess(), view=view)
    found = RunDirectory.open(run.path)
    assert found.confirmations().select(["trial_id", "seed", "val_accuracy"]) == again
    assert all(
        any(str(path) in text and "other seeds are made again" in text for text in view.notices) for path in damaged
    )
    assert len(list((run.path / "damaged").iterdir())) == len(damaged)


def test_a_grid_goes_on_after_a_loss(tmp_path: Path) -> None:
    parameters = {"learning_rate": {"choices": [0.1, 0.01, 0.001]}, "epochs": {"choices": [1, 2]}}
    finished = inline_pool.start(tmp_path, sampler="grid", trials=6, parameters=parameters)
    expected = tables(finished.run)
    remove(parts(finished.run, "trials")[0])
    resumed = inline_pool.resume(RunDirectory.open(finished.run.path))
    assert tables(RunDirectory.open(resumed.run.path)) == expected


@pytest.mark.parametrize("damage", [cut, flip, remove])
def test_who_reads_a_damaged_run_is_told_the_file_and_the_remedy(
    run: RunDirectory, damage: Callable[[Path], None]
) -> None:
    damaged = parts(run, "epochs")[1]
    damage(damaged)
    with pytest.raises(RunError) as raised:
        RunDirectory.open(run.path).epochs()
    assert str(damaged) in str(raised.value)
    assert f"fcsearch resume {run.path}" in str(raised.value)


def test_the_list_of_runs_names_the_file(run: RunDirectory) -> None:
    flip(parts(run, "trials")[0])
    found = summarize_run(run.path)
    assert found.state == "damaged"
    assert str(parts(run, "trials")[0]) in str(found.error)
    assert "fcsearch resume" in str(found.error)


def test_a_part_that_may_not_be_read_is_not_damaged(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RunError, match="Permission denied"), run.writing():
        run.set_damaged_aside()
    assert not (run.path / "damaged").exists()


def test_a_run_of_the_space_of_the_tests_is_whole(tmp_path: Path) -> None:
    """No part of a run as it is written is taken for damaged."""
    run = inline_pool.start(tmp_path, trials=3).run
    with run.writing():
        assert run.set_damaged_aside() == []
    assert make_space(tmp_path).name == "small"
