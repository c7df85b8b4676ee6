"""Records are rows with types."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from fcsearch.results import EPOCHS, TRIALS, EpochRecord, TrialRecord
from fcsearch.results.arrow import epochs_table, trials_table
from fcsearch.training import TrialConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONFIGS = [
    TrialConfig(hidden_dims=(8, 16), learning_rate=0.3, seed=9, init="normal", weight_scale=0.01),
    TrialConfig(hidden_dims=(), update_rule="adam", loss="svm"),
]


def trial(config: TrialConfig, **changes: Any) -> TrialRecord:
    whole = TrialRecord(
        trial_id=3,
        state="complete",
        config=config,
        val_accuracy=0.5,
        best_epoch=2,
        val_loss=0.25,
        epochs_run=2,
        device="cpu",
        started_at=NOW,
        finished_at=NOW,
    )
    return dataclasses.replace(whole, **changes)


def test_the_fields_are_the_columns_of_the_schema() -> None:
    assert {*trial(CONFIGS[0]).row(), "pack_id", "run", "dataset"} == set(TRIALS.names)
    assert {field.name for field in dataclasses.fields(EpochRecord)} == {*EPOCHS.names[:-2]}


@pytest.mark.parametrize("config", CONFIGS)
def test_a_record_comes_back_from_its_row(config: TrialConfig) -> None:
    for record in (trial(config), trial(config, state="failed", val_accuracy=None, best_epoch=None, error="no")):
        table = trials_table(7, [record])
        assert table["pack_id"].to_pylist() == [7]
        [row] = table.to_pylist()
        again = TrialRecord.from_row(row)
        # Parameters that do not apply have no column to come back from; they are at their defaults.
        assert again == dataclasses.replace(record, config=again.config)
        assert again.config.parameters() == config.parameters()
        assert again.config.seed == config.seed


def test_records_and_rows_make_the_same_table() -> None:
    record = trial(CONFIGS[0])
    assert trials_table(1, [record]) == trials_table(1, [record.row()])
    epoch = EpochRecord(
        trial_id=3,
        epoch=1,
        train_loss=0.5,
        train_accuracy=0.5,
        val_loss=None,
        val_accuracy=0.5,
        learning_rate=0.1,
        seconds=1.0,
    )
    assert epochs_table([epoch], {3}) == epochs_table([epoch.row()], {3})
