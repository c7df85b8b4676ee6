"""The columns of a run's tables: names, types, units and meanings, stated here once."""

from __future__ import annotations

import pyarrow as pa

from fcsearch.config import HYPERPARAMETERS, Hyperparameter
from fcsearch.config.objective import DEFAULT_OBJECTIVES, OBJECTIVES, Objective

_UTC = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, description: str, unit: str = "", *, required: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=not required, metadata={"description": description, "unit": unit})


# Words are plain strings: dictionary types differ from file to file, and some readers cannot unite them.
_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "number": pa.float64(),
    "word": pa.string(),
    "widths": pa.list_(pa.int32()),
}


def _parameter_field(parameter: Hyperparameter) -> pa.Field:
    text = parameter.meaning
    if parameter.name == "hidden_dim":
        text += "; null if they differ"
    if parameter.under is not None:
        parent, values = parameter.under
        text += f"; null unless {parent} is {' or '.join(values)}"
    return _field(parameter.name, _TYPES[parameter.kind], text, parameter.unit)


def _figure_field(objective: Objective, when: str) -> pa.Field:
    unit = "that of the target" if objective.unit == "target" else objective.unit
    note = "" if objective.name in DEFAULT_OBJECTIVES.values() else "; null unless it is the search's objective"
    return _field(objective.column, pa.float64(), f"On the validation rows{when}: {objective.meaning}{note}", unit)


def _spread_field(when: str) -> pa.Field:
    return _field(
        "val_standard_error",
        pa.float64(),
        f"Standard error of the objective{when}, over the folds; null without folds",
        "that of the objective",
    )


# The origin of a row, so that tables of several runs can be joined. Null in rows of earlier versions.
ORIGIN = (
    _field("run", pa.string(), "The run's name when the row was written; null in rows of earlier versions"),
    _field("dataset", pa.string(), "Name of the run's dataset; null in rows of earlier versions"),
)

TRIALS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial's number, the same as in Optuna's study", required=True),
        _field("pack_id", pa.int64(), "The pack that the trial was trained in", required=True),
        _field(
            "state",
            pa.string(),
            "complete, stopped (by early stopping), diverged (its loss was no longer finite), failed, or unfinished "
            "(in training when its search ended: its figures are those so far)",
            required=True,
        ),
        *(_parameter_field(parameter) for parameter in HYPERPARAMETERS.values()),
        _field("seed", pa.int64(), "Seed of the trial's random draws: initial weights, dropout masks, minibatch order"),
        _field("objective", pa.string(), "The search's objective, a figure on validation rows, such as accuracy"),
        *(_figure_field(objective, " at the best epoch") for objective in OBJECTIVES.values()),
        _spread_field(" at the best epoch"),
        _field("best_epoch", pa.int32(), "Epoch (from 1) of the best objective", "epoch"),
        _field("train_accuracy", pa.float64(), "Training accuracy at the best epoch", "fraction"),
        _field("train_rmse", pa.float64(), "Training RMSE at the best epoch, for a regression", "that of the target"),
        _field("train_loss", pa.float64(), "Training loss of the best epoch; null if not finite"),
        _field(
            "val_loss",
            pa.float64(),
            "Validation loss at the best epoch; null if not finite",
        ),
        _field("final_val_accuracy", pa.float64(), "Validation accuracy at the last epoch that ran", "fraction"),
        _field("final_train_accuracy", pa.float64(), "Training accuracy at the last epoch that ran", "fraction"),
        _field("final_val_rmse", pa.float64(), "Validation RMSE at the last epoch that ran", "that of the target"),
        _field("final_train_rmse", pa.float64(), "Training RMSE at the last epoch that ran", "that of the target"),
        _field("epochs_run", pa.int32(), "Epochs that the trial was trained for", "epochs"),
        _field("num_parameters", pa.int64(), "Weights and biases of the network"),
        _field("train_seconds", pa.float64(), "The trial's share of its pack's training time", "s"),
        _field("device", pa.string(), "Device that trained the trial, such as cpu or cuda:0"),
        _field("node", pa.string(), "Machine that trained the trial, by its number among the `machines` of run.json"),
        _field("started_at", _UTC, "When the trial's pack started to train", "UTC"),
        _field("finished_at", _UTC, "When the trial left its pack", "UTC"),
        _field("error", pa.string(), "Why the trial failed; null otherwise"),
        *ORIGIN,
    ]
)

EPOCHS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial's number in the trials table", required=True),
        _field("epoch", pa.int32(), "Passes over the training rows so far, from 1", "epoch", required=True),
        _field(
            "train_loss",
            pa.float64(),
            "Mean over its minibatches, with dropout, label smoothing and weights, no L2 term; null if not finite",
        ),
        _field("train_accuracy", pa.float64(), "On a fixed sample of training rows, without dropout", "fraction"),
        _field("train_rmse", pa.float64(), "On a fixed sample of training rows (regression)", "that of the target"),
        _field(
            "val_loss",
            pa.float64(),
            "On the validation rows, without dropout and label smoothing, no L2 term; null if not finite",
        ),
        *(_figure_field(objective, "") for objective in OBJECTIVES.values()),
        _spread_field(""),
        _field("learning_rate", pa.float64(), "Step size of this epoch, from the schedule"),
        _field("seconds", pa.float64(), "The trial's share of the epoch's time", "s"),
        *ORIGIN,
    ]
)

# A configuration among the best, trained again with another seed. Columns mean what they mean in TRIALS.
_AGAIN = (
    *(objective.column for objective in OBJECTIVES.values()), "val_standard_error", "best_epoch", "train_accuracy",
    "train_rmse", "train_loss", "val_loss", "final_val_accuracy", "final_train_accuracy", "final_val_rmse",
    "final_train_rmse", "epochs_run", "num_parameters", "train_seconds", "device", "node", "started_at",
    "finished_at", "error",
)  # fmt: skip
CONFIRMATIONS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial whose configuration was trained again", required=True),
        _field("seed", pa.int64(), "Seed of all random draws, different from the trial's own", required=True),
        _field("pack_id", pa.int64(), "The pack that it was trained in", required=True),
        _field(
            "state",
            pa.string(),
            "complete, stopped (where its trial was unfinished: after as many epochs), diverged or failed",
            required=True,
        ),
        *(TRIALS.field(name) for name in _AGAIN),
        *ORIGIN,
    ]
)

PREDICTIONS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial whose network predicts", required=True),
        _field(
            "row",
            pa.int32(),
            "Row among those that validate, from 0, in the order of training; with folds one fold after the other",
            required=True,
        ),
        _field(
            "prediction",
            pa.list_(pa.float32()),
            "Probability of each class (for a regression: the standardised target), rounded to half precision",
            required=True,
        ),
        _field(
            "fold",
            pa.int32(),
            "The fold, from 1, that the row validates in, whose network predicts it; null without folds",
        ),
        *ORIGIN,
    ]
)

MODELS: pa.Schema = pa.schema(
    [
        _field(
            "model",
            pa.string(),
            "winner, ensemble or refit; earlier winner, earlier ensemble or earlier refit: what an earlier report "
            "measured on the test rows; confirmed: a configuration trained again with other seeds",
            required=True,
        ),
        _field("trial_id", pa.int64(), "The trial whose network it is; null for a model of several trials"),
        _field("networks", pa.int32(), "How many networks predict together", required=True),
        _field("split", pa.string(), "Rows that it was measured on: val or test", required=True),
        _field("rows", pa.int64(), "Number of these rows", "rows", required=True),
        _field("objective", pa.string(), "The search's objective, such as accuracy", required=True),
        _field("value", pa.float64(), "The objective on these rows", required=True),
        _field(
            "standard_error",
            pa.float64(),
            "Standard error of the value, from these rows alone; if confirmed, over the seeds",
        ),
        _field(
            "seeds", pa.int32(), "Trainings with other seeds that the value is the mean of; null for a single network"
        ),
        _field("deviation", pa.float64(), "Standard deviation of the value over those seeds"),
        _field(
            "accuracy",
            pa.float64(),
            "Fraction of the rows that are classified correctly; null for a regression",
            "fraction",
        ),
        _field("loss", pa.float64(), "Mean loss on the rows, without the L2 term; null if not finite"),
        _field("fingerprint", pa.string(), "Fingerprint of the dataset"),
        *ORIGIN,
    ]
)
