"""The tables of trials and epochs where packs share parts: no row is lost, none is there twice, files are few."""

import dataclasses
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from synthetic_run import epoch_rows, trial_row

from fcsearch.errors import RunError
from fcsearch.results import FrozenRun, RunDirectory
from fcsearch.results.parts import Parts
from fcsearch.results.tables import PartLimits

# Packs share parts from the first on, and a part is full with three trials.
SHARED = PartLimits(own=1, trials=3)


def opened(run: RunDirectory, limits: PartLimits = SHARED) -> RunDirectory:
    """The run, as another process would write it."""
    return RunDirectory(run.path, limits=limits)


@pytest.fixture
def shared(empty_run: RunDirectory) -> RunDirectory:
    return opened(empty_run)


def write(run: RunDirectory, pack_id: int, *trial_ids: int) -> None:
    rows = [trial_row(trial_id) for trial_id in trial_ids]
    run.write_pack(pack_id, rows, [epoch for row in rows for epoch in epoch_rows(row)])


def in_epochs(run: RunDirectory) -> list[tuple[int, int]]:
    """The trials and epochs that anybody finds in the files of `epochs/`."""
    table = ds.dataset(run.path / "epochs").to_table(["trial_id", "epoch"])
    return sorted(zip(*table.to_pydict().values(), strict=True))


def expected_epochs(*trial_ids: int) -> list[tuple[int, int]]:
    return [(number, row["epoch"]) for number in trial_ids for row in epoch_rows(trial_row(number))]


def crash(*_: Any) -> None:
    raise KeyboardInterrupt


def full_disk(*_: Any) -> None:
    raise RunError("no space left")


class AtTrials:
    """Stands in for `Parts.write`: epochs are written, trials are not."""

    def __init__(self, instead: Any) -> None:
        write = Parts.write
        self.write = lambda parts, *args: (instead if parts.folder.name == "trials" else write)(parts, *args)


def test_packs_share_a_part_until_it_is_full(shared: RunDirectory) -> None:
    for number in (0, 5, 1, 4, 2):  # packs end in any order
        write(shared, number, 10 * number, 10 * number + 1)
    expected = ["pack-000000.parquet", "pack-000001.parquet", "pack-000002.parquet"]
    for table in ("trials", "epochs"):
        assert sorted(path.name for path in (shared.path / table).glob("pack-*")) == expected
    held = [pq.read_table(shared.path / "trials" / name)["pack_id"].to_pylist() for name in expected]
    assert held == [[0, 0, 5, 5], [1, 1, 4, 4], [2, 2]]
    assert shared.next_pack_id() == RunDirectory.open(shared.path).next_pack_id() == 6


def test_a_part_that_was_begun_later_has_a_higher_number(shared: RunDirectory) -> None:
    for number in (7, 3, 1):
        write(shared, number, 10 * number, 10 * number + 1)
    assert sorted(path.stem for path in (shared.path / "trials").glob("pack-*")) == ["pack-000007", "pack-000008"]
    assert shared.next_pack_id() == 8


@pytest.mark.parametrize("limit", ["trials", "epochs", "train_seconds"])
def test_what_a_part_is_full_of(empty_run: RunDirectory, limit: str) -> None:
    run = opened(empty_run, dataclasses.replace(PartLimits(own=1), **{limit: 1}))
    for number in range(3):
        write(run, number, 2 * number, 2 * number + 1)
    assert len(list((run.path / "trials").glob("pack-*"))) == 3


def test_the_first_packs_have_parts_of_their_own(empty_run: RunDirectory) -> None:
    run = opened(empty_run, PartLimits(own=2))
    for number in range(4):
        write(run, number, number)
    held = [pq.read_table(path)["trial_id"].to_pylist() for path in sorted((run.path / "trials").glob("pack-*"))]
    assert held == [[0], [1, 2, 3]]


def test_a_part_goes_on_where_another_writer_left_it(shared: RunDirectory) -> None:
    write(shared, 0, 1)
    write(opened(shared), 1, 2)
    write(shared, 2, 3)
    assert shared.trials()["trial_id"].to_pylist() == [1, 2, 3]
    assert in_epochs(shared) == expected_epochs(1, 2, 3)


@pytest.mark.parametrize("own_parts", [1, 2], ids=["a shared part", "a part of its own"])
def test_after_a_crash_between_epochs_and_trials_the_epochs_go(
    empty_run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_parts: int
) -> None:
    limits = PartLimits(own=own_parts)
    run = opened(empty_run, limits)
    write(run, 0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", AtTrials(crash).write)
        with pytest.raises(KeyboardInterrupt):
            write(run, 1, 2)
    again = opened(empty_run, limits)
    assert again.finished_trials() == {1}
    assert set(again.epochs()["trial_id"].to_pylist()) == {1}
    assert in_epochs(again) == expected_epochs(1, 2), "epochs are written first"
    with again.writing():
        assert in_epochs(again) == expected_epochs(1)
        write(again, 2, 2)
    assert in_epochs(again) == expected_epochs(1, 2)


def test_epochs_of_a_pack_that_could_not_be_written_are_not_there_twice(
    shared: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shared, 0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", AtTrials(full_disk).write)
        with pytest.raises(RunError, match="no space left"):
            write(shared, 1, 2)
    write(shared, 2, 2, 3)
    assert in_epochs(shared) == expected_epochs(1, 2, 3)


@pytest.mark.parametrize("table", ["trials", "epochs"])
def test_epochs_without_trials_go_also_where_a_part_is_damaged(
    shared: RunDirectory, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    write(shared, 0, 1, 2, 3)
    write(shared, 1, 4)
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", AtTrials(crash).write)
        with pytest.raises(KeyboardInterrupt):
            write(shared, 2, 5)
    (shared.path / table / "pack-000000.parquet").write_bytes(b"")
    again = opened(shared)
    with again.writing():
        assert len(again.set_damaged_aside()) == 1
        assert again.finished_trials() == {4}
        assert in_epochs(again) == expected_epochs(4)
        write(again, 3, 5, 1, 2, 3)
    assert in_epochs(again) == expected_epochs(1, 2, 3, 4, 5)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The numbers of the parts of each reading."""
    readings: list[list[int]] = []
    real = Parts.read
    monkeypatch.setattr(
        Parts, "read", lambda parts, numbers, **keys: readings.append(sorted(numbers)) or real(parts, numbers, **keys)
    )
    return readings


def test_what_is_new_is_read_once_and_parts_that_stayed_are_not_read_again(
    shared: RunDirectory, read: list[list[int]]
) -> None:
    new = RunDirectory.open(shared.path).new_trials()
    found = []
    for number in range(4):
        write(shared, number, 2 * number, 2 * number + 1)
        read.clear()
        found.append(new.read()["trial_id"].to_pylist())
        assert read == [[number // 2 * 2]]
    assert found == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert new.read()["trial_id"].to_pylist() == []


def test_all_parts_are_read_again_only_after_a_change(shared: RunDirectory, read: list[list[int]]) -> None:
    reader = RunDirectory.open(shared.path)
    for number in range(3):
        write(shared, number, 2 * number, 2 * number + 1)
        read.clear()
        for run in (reader, FrozenRun.of(reader), reader):
            assert run.trials()["trial_id"].to_pylist() == list(range(2 * number + 2))
        assert len(read) == 1
