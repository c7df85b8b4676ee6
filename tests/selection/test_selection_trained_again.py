"""Trainings with other seeds that a later confirmation, or a later life of their trial, has left behind."""

from collections.abc import Iterable
from typing import Any

import pytest
from synthetic_run import EPOCHS, epoch_rows, trial_row

from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config
from fcsearch.search.loop.from_files import Watched
from fcsearch.selection import confirmation_of
from fcsearch.selection.trained_again import trainings_that_count

_COMPLETE = [number for number in range(20) if trial_row(number)["state"] == "complete"]


def searched(trial_id: int, **changes: Any) -> dict[str, Any]:
    return {**trial_row(_COMPLETE[trial_id]), "trial_id": trial_id, **changes}


def write(run: RunDirectory, *rows: dict[str, Any]) -> None:
    epochs = [epoch for row in rows for epoch in epoch_rows(row)[: row["epochs_run"]]]
    run.write_pack(run.next_pack_id(), rows, epochs)


def train_again(run: RunDirectory, trial_id: int, seeds: Iterable[int], **changes: Any) -> None:
    row = {"state": "complete", "val_accuracy": 0.9, "best_epoch": 1, "epochs_run": EPOCHS, **changes}
    configs = (row_config(searched(trial_id, seed=seed)) for seed in seeds)
    rows = [TrialRecord(trial_id=trial_id, config=config, **row) for config in configs]
    run.write_confirmations(run.next_pack_id(), rows)


def plan(run: RunDirectory, trials: list[int], seeds: list[int]) -> None:
    run.update_manifest({"confirmation": {"trials": trials, "seeds": seeds}})


@pytest.fixture
def run(empty_run: RunDirectory) -> RunDirectory:
    """Trials 0 and 1 have ended, and trial 2 was left after two epochs."""
    write(empty_run, searched(0), searched(1), searched(2, state="unfinished", epochs_run=2, best_epoch=1))
    return empty_run


def test_with_a_new_trial_and_fewer_seeds_all_are_compared_by_these_seeds(run: RunDirectory) -> None:
    train_again(run, 0, (1, 2, 3))
    train_again(run, 1, (1, 2))
    plan(run, [1], [1, 2])
    found = confirmation_of(run)
    assert (found.seeds, found.asked, found.done, found.complete) == ((1, 2), 2, 2, True)
    assert {entry.trial_id: list(entry.values) for entry in found.configurations} == {0: [1, 2], 1: [1, 2]}
    assert not any(entry.fewer_seeds for entry in found.configurations)


def test_a_trial_that_has_diverged_since_it_was_confirmed_is_not_compared(run: RunDirectory) -> None:
    train_again(run, 0, (1,))
    train_again(run, 2, (1,), state="diverged", val_accuracy=None)
    plan(run, [0], [1])
    assert [(entry.trial_id, entry.lost) for entry in confirmation_of(run).configurations] == [(0, 0), (2, 1)]
    nothing = dict.fromkeys(("val_accuracy", "best_epoch", "train_accuracy", "train_loss", "val_loss"))
    write(run, searched(2, state="diverged", epochs_run=1, **nothing))
    assert len(trainings_that_count(run)) == 2
    assert [entry.trial_id for entry in confirmation_of(run).configurations] == [0]


def test_a_training_as_short_as_its_trial_was_does_not_count_once_that_has_ended(run: RunDirectory) -> None:
    train_again(run, 0, (1, 2))
    train_again(run, 2, (1,), state="stopped", epochs_run=2)
    # Of a trial without a row, which is trained again.
    train_again(run, 3, (1,))
    plan(run, [0, 2], [1])
    assert [(row["trial_id"], row["seed"]) for row in trainings_that_count(run)] == [(0, 1), (0, 2), (2, 1)]
    assert watched(run) == (2, 2, "confirmations")
    write(run, searched(2))
    assert [(row["trial_id"], row["seed"]) for row in trainings_that_count(run)] == [(0, 1), (0, 2)]
    # What `fcsearch watch` counts is what `fcsearch confirm` does not train again.
    assert watched(run) == (2, 1, "confirmations")


def watched(run: RunDirectory) -> tuple[int, int, str]:
    found = Watched(run)
    found.look()
    status = found.status()
    return status.total, sum(status.counts.values()), status.what
