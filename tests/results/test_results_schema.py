"""The schemas: the columns that users rely on, each with its type, unit and meaning."""

import pyarrow as pa
import pytest

from fcsearch.config import HYPERPARAMETERS, TrialConfig
from fcsearch.results import CONFIRMATIONS, EPOCHS, MODELS, PREDICTIONS, TRIALS

CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "average_precision", "log_loss")
VALIDATION = [f"val_{name}" for name in (*CLASSIFICATION, "rmse", "mae", "r2")]


def test_trials_has_the_columns_of_the_design_and_every_parameter_under_its_own_name() -> None:
    before = ["trial_id", "pack_id", "state"]
    results = [
        "objective",
        *VALIDATION,
        "val_standard_error",
        "best_epoch",
        "train_accuracy",
        "train_rmse",
        "train_loss",
        "val_loss",
    ]
    final = [f"final_{split}_{name}" for name in ("accuracy", "rmse") for split in ("val", "train")]
    work = ["epochs_run", "num_parameters", "train_seconds"]
    place = ["device", "node", "started_at", "finished_at", "error", "run", "dataset"]
    after = ["seed", *results, *final, *work, *place]
    assert TRIALS.names == [*before, *HYPERPARAMETERS, *after]
    assert set(TrialConfig().parameters()) == set(HYPERPARAMETERS)


def test_epochs_has_the_columns_of_the_design() -> None:
    figures = ["train_loss", "train_accuracy", "train_rmse", "val_loss", *VALIDATION, "val_standard_error"]
    assert EPOCHS.names == ["trial_id", "epoch", *figures, "learning_rate", "seconds", "run", "dataset"]


@pytest.mark.parametrize(
    "field", [*TRIALS, *EPOCHS, *CONFIRMATIONS, *PREDICTIONS, *MODELS], ids=lambda field: field.name
)
def test_every_column_says_what_it_means_and_in_which_unit(field: pa.Field) -> None:
    assert set(field.metadata) == {b"description", b"unit"}
    assert len(field.metadata[b"description"]) > 10


def test_types_are_those_that_every_reader_can_unite() -> None:
    assert TRIALS.field("trial_id").type == pa.int64()
    assert TRIALS.field("hidden_dims").type == pa.list_(pa.int32())
    assert TRIALS.field("started_at").type == pa.timestamp("us", tz="UTC")
    assert not any(pa.types.is_dictionary(field.type) for field in [*TRIALS, *EPOCHS])
