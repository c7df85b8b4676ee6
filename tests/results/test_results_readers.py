"""Other programs read the folders as they are: empty, in use, and after a crash."""

import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from synthetic_run import add_trials, epoch_rows, trial_row

from fcsearch.results import RunDirectory
from fcsearch.results.tables import PartLimits

READERS: dict[str, Callable[[Path], list[int]]] = {
    "pyarrow": lambda folder: ds.dataset(folder).to_table(columns=["trial_id"])["trial_id"].to_pylist(),
    "pandas": lambda folder: pd.read_parquet(folder)["trial_id"].tolist(),
    "polars folder": lambda folder: pl.scan_parquet(folder).select("trial_id").collect()["trial_id"].to_list(),
    "polars glob": lambda folder: pl.read_parquet(folder / "*.parquet")["trial_id"].to_list(),
    "duckdb": lambda folder: [
        row[0] for row in duckdb.connect().execute(f"SELECT trial_id FROM '{folder}/*.parquet'").fetchall()
    ],
}


@pytest.fixture(params=list(READERS))
def read(request: pytest.FixtureRequest) -> Callable[[Path], list[int]]:
    return READERS[request.param]


def test_a_run_without_rows(empty_run: RunDirectory, read: Callable[[Path], list[int]]) -> None:
    assert read(empty_run.path / "trials") == []
    assert read(empty_run.path / "epochs") == []


def test_a_finished_run(made_run: RunDirectory, read: Callable[[Path], list[int]]) -> None:
    assert sorted(read(made_run.path / "trials")) == list(range(48))
    assert len(read(made_run.path / "epochs")) == len(made_run.epochs())


def test_what_a_crash_left_unfinished_is_not_seen(
    empty_run: RunDirectory, read: Callable[[Path], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_trials(empty_run, range(3))
    # As after a kill in the middle of a write: the file aside stays.
    monkeypatch.setattr(Path, "replace", lambda _self, _target: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(Path, "unlink", lambda _self, **_options: None)
    with pytest.raises(KeyboardInterrupt):
        empty_run.write_pack(1, [trial_row(9)], epoch_rows(trial_row(9)))
    monkeypatch.undo()
    assert len(list((empty_run.path / ".aside").iterdir())) == 1
    assert sorted(read(empty_run.path / "trials")) == [0, 1, 2]
    assert set(read(empty_run.path / "epochs")) == {0, 1, 2}


@pytest.mark.parametrize("own_parts", [64, 2], ids=["own parts", "shared parts"])
def test_a_reader_beside_the_writer_sees_every_row_once(
    empty_run: RunDirectory, read: Callable[[Path], list[int]], own_parts: int
) -> None:
    run = RunDirectory(empty_run.path, limits=PartLimits(own=own_parts))
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for start in range(0, 60, 4):
                add_trials(run, range(start, start + 4))
        except BaseException as error:
            failures.append(error)
            raise

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while writer.is_alive():
        try:
            trials, epochs = read(empty_run.path / "trials"), set(read(empty_run.path / "epochs"))
        except pl.exceptions.ComputeError:
            # Polars opens a file twice: docs/analysis.md.
            assert own_parts < 64
            continue
        assert len(trials) % 4 == 0
        assert sorted(trials) == list(range(len(trials)))
        assert len(trials) >= seen, "a row went away"
        assert set(trials) <= epochs, "epochs come before their trials"
        seen = len(trials)
    writer.join()
    assert not failures
    assert len(read(empty_run.path / "trials")) == 60
