"""Rows of trials that were in training when their search ended: in both tables, once, until the trial has another."""

from __future__ import annotations

from typing import Any

import pyarrow.dataset as ds
import pytest
from synthetic_run import epoch_rows, trial_row
from test_results_readers import READERS

from fcsearch.results import RunDirectory, rank_trials
from fcsearch.results.parts import Parts
from fcsearch.results.remote.order import place_in_order

_WITH_RESULTS = [number for number in range(20) if trial_row(number)["state"] == "complete"]


def row_of(trial_id: int) -> dict[str, Any]:
    """The row of one of the synthetic run's trials that have results, under another number."""
    return {**trial_row(_WITH_RESULTS[trial_id - 1]), "trial_id": trial_id}


def left(trial_id: int, epochs: int = 2) -> dict[str, Any]:
    return {**row_of(trial_id), "state": "unfinished", "epochs_run": epochs, "best_epoch": 1, "error": None}


def ended(trial_id: int) -> dict[str, Any]:
    return {**row_of(trial_id), "state": "complete"}


def write(run: RunDirectory, pack_id: int, *rows: dict[str, Any]) -> None:
    epochs = [epoch for row in rows for epoch in epoch_rows(row)[: row["epochs_run"]]]
    run.write_pack(pack_id, rows, epochs)


def files(run: RunDirectory, table: str = "trials") -> dict[str, list[int]]:
    """The trials in each file of a table that has any, or is of unfinished ones."""
    paths = sorted((run.path / table).glob("*-*.parquet"))
    return {path.stem: ds.dataset(path).to_table()["trial_id"].unique().to_pylist() for path in paths}


@pytest.fixture
def run(empty_run: RunDirectory) -> RunDirectory:
    """Pack 0 has ended but for trials 2 and 3; pack 1 has not."""
    write(empty_run, 0, ended(1), left(2), left(3))
    write(empty_run, 1, left(4))
    return empty_run


def test_they_are_in_the_tables_but_not_done(run: RunDirectory) -> None:
    assert files(run) == {"pack-000000": [1], "unfinished-000000": [2, 3], "unfinished-000001": [4]}
    assert files(run, "epochs") == files(run)
    assert run.trials()["trial_id"].to_pylist() == [1, 2, 3, 4]
    assert run.trials()["state"].to_pylist() == ["complete", *3 * ["unfinished"]]
    assert run.epochs()["trial_id"].unique().to_pylist() == [1, 2, 3, 4]
    assert run.finished_trials() == {1} == set(run.ended_trials()["trial_id"].to_pylist())
    assert run.unfinished_trials().keys() == {2, 3, 4}
    assert set(rank_trials(run.trials())["trial_id"].to_pylist()) == {1, 2, 3, 4}
    assert run.new_trials().read()["trial_id"].to_pylist() == [1]
    assert RunDirectory.open(run.path).next_pack_id() == 2


@pytest.mark.parametrize("reader", list(READERS))
def test_other_programs_find_each_trial_once_at_any_moment(
    run: RunDirectory, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, real = READERS[reader], Parts.write

    def once(parts: Parts, number: int, table: Any) -> None:
        real(parts, number, table)
        found = read(run.path / "trials")
        assert len(found) == len(set(found))
        assert 1 in found
        epochs = ds.dataset(run.path / "epochs").to_table(["trial_id", "epoch"]).to_pylist()
        assert len(epochs) == len({tuple(row.values()) for row in epochs})

    monkeypatch.setattr(Parts, "write", once)
    write(run, 2, ended(3), left(2, epochs=3))
    write(run, 3, ended(2))
    assert sorted(read(run.path / "trials")) == [1, 2, 3, 4]


def test_a_later_row_takes_the_place_of_an_earlier_one(run: RunDirectory) -> None:
    write(run, 2, ended(3), left(2, epochs=3))
    assert files(run) == {
        "pack-000000": [1], "pack-000002": [3], "unfinished-000000": [], "unfinished-000001": [4],
        "unfinished-000002": [2],
    }  # fmt: skip
    assert run.finished_trials() == {1, 3}
    rows = {row["trial_id"]: row["epochs_run"] for row in run.trials().to_pylist() if row["state"] == "unfinished"}
    assert rows == {2: 3, 4: 2}
    # Files without rows stay, for readers that are about to open them, until the run is next written.
    with run.writing():
        assert set(files(run)) == set(files(run, "epochs")) == {
            "pack-000000", "pack-000002", "unfinished-000001", "unfinished-000002",
        }  # fmt: skip
    assert run.epochs()["trial_id"].unique().to_pylist() == [1, 2, 3, 4]


@pytest.mark.parametrize("at", range(1, 5))
def test_after_a_crash_between_two_files_the_trial_waits_or_has_one_row(
    run: RunDirectory, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = Parts.write, 0

    def crash(parts: Parts, number: int, table: Any) -> None:
        nonlocal written
        written += 1
        if written == at:
            raise KeyboardInterrupt
        real(parts, number, table)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            write(run, 2, ended(4))
    again = RunDirectory.open(run.path)
    with again.writing():
        rows = ds.dataset(run.path / "trials").to_table()["trial_id"].to_pylist()
        assert sorted(rows) == again.trials()["trial_id"].to_pylist()
        assert set(ds.dataset(run.path / "epochs").to_table()["trial_id"].to_pylist()) == set(rows)
        assert 4 not in again.finished_trials()
        write(again, 3, ended(4))
    assert again.finished_trials() == {1, 4}
    assert len(again.trials()) == 4


@pytest.mark.parametrize("table", ["trials", "epochs"])
def test_a_damaged_part_of_them_is_set_aside(run: RunDirectory, table: str) -> None:
    (run.path / table / "unfinished-000001.parquet").write_bytes(b"")
    again = RunDirectory.open(run.path)
    assert not again.is_whole()
    with again.writing():
        [damage] = again.set_damaged_aside()
        assert damage.path.name == "unfinished-000001.parquet"
    assert again.is_whole()
    assert again.trials()["trial_id"].to_pylist() == again.epochs()["trial_id"].unique().to_pylist() == [1, 2, 3]


def test_a_copy_elsewhere_gets_them_before_what_takes_their_place() -> None:
    names = ["trials/pack-000001.parquet", "epochs/pack-000001.parquet", "trials/unfinished-000000.parquet",
             "epochs/unfinished-000000.parquet", "run.json", "study.journal"]  # fmt: skip
    assert sorted(names, key=place_in_order) == [
        "epochs/unfinished-000000.parquet", "epochs/pack-000001.parquet", "study.journal",
        "trials/unfinished-000000.parquet", "trials/pack-000001.parquet", "run.json",
    ]  # fmt: skip
