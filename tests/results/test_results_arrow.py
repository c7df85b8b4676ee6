"""Rows that break the schema are refused by name; losses that ran away become null."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from fcsearch.config import TrialConfig
from fcsearch.errors import RunError
from fcsearch.results.arrow import epochs_table, trials_table


def row(**changes: Any) -> dict[str, Any]:
    good = {"trial_id": 3, "state": "complete", **TrialConfig().parameters(), "val_accuracy": 0.5, "best_epoch": 2}
    return {**good, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_acuracy": 0.5}, r"trial 3: .* found 'val_acuracy'; did you mean 'val_accuracy'"),
        ({"zzz": 1}, r"found 'zzz'; the columns are trial_id, "),
        ({"val_accuracy": math.nan}, r"trial 3: val_accuracy must be a finite number; found nan"),
        ({"train_accuracy": math.inf}, r"train_accuracy must be a finite number; found inf"),
        ({"learning_rate": "0.1"}, r"learning_rate must be a finite number; found '0.1'"),
        ({"state": "done"}, r"state must be one of complete, stopped, diverged, failed, unfinished; found 'done'"),
        ({"val_accuracy": None}, r"a complete trial must have val_accuracy and best_epoch"),
        ({"best_epoch": None, "state": "stopped"}, r"a stopped trial must have val_accuracy and best_epoch"),
        ({"trial_id": None}, r"trial_id must have a value"),
        ({"depth": "three"}, r"depth must be an integer; found 'three'"),
        ({"best_epoch": 1.5}, r"trial 3: best_epoch must be an integer; found 1.5"),
        ({"device": 3}, r"column device must hold string values; found int"),
        ({"hidden_dims": [3, "x"]}, r"column hidden_dims must hold list"),
        ({"batch_size": 2**40}, r"column batch_size must hold int32 values"),
        ({"started_at": datetime(2026, 1, 1)}, r"started_at must be a datetime with a time zone"),
        ({"started_at": "2026-01-01"}, r"started_at must be a datetime with a time zone"),
    ],
)
def test_a_row_that_breaks_the_schema_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=message):
        trials_table(0, [row(**changes)])


def test_a_trial_or_an_epoch_twice_is_refused() -> None:
    with pytest.raises(RunError, match="trial 3: each trial_id must have one row; found two"):
        trials_table(0, [row(), row()])
    with pytest.raises(RunError, match="trial 3, epoch 1: each trial_id and epoch must have one row"):
        epochs_table([{"trial_id": 3, "epoch": 1}] * 2, {3})


def test_epochs_of_a_trial_that_is_not_in_the_pack_are_refused() -> None:
    with pytest.raises(RunError, match="found trial 4"):
        epochs_table([{"trial_id": 3, "epoch": 1}, {"trial_id": 4, "epoch": 1}], {3})


def test_losses_that_are_not_finite_are_null() -> None:
    table = trials_table(0, [row(train_loss=math.inf, val_loss=math.nan)])
    assert table["train_loss"].to_pylist() == table["val_loss"].to_pylist() == [None]
    epochs = epochs_table([{"trial_id": 3, "epoch": 1, "train_loss": -math.inf, "val_loss": 0.25}], {3})
    assert epochs["train_loss"].to_pylist() == [None]
    assert epochs["val_loss"].to_pylist() == [0.25]


def test_values_come_back_as_they_went_in() -> None:
    config = TrialConfig(hidden_dims=(30, 20), update_rule="adam", init="normal", weight_scale=0.025)
    now = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
    (found,) = trials_table(7, [row(**config.parameters(), started_at=now)]).to_pylist()
    assert found["pack_id"] == 7
    assert found["hidden_dims"] == [30, 20]
    assert (found["depth"], found["hidden_dim"]) == (3, None)
    assert (found["init"], found["weight_scale"]) == ("normal", 0.025)
    assert found["momentum"] is None
    assert found["beta2"] == 0.999
    assert found["started_at"] == now
    assert trials_table(7, [row()])["weight_scale"].to_pylist() == [None]
