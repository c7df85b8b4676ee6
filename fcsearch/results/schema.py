"""The columns of a run's two tables: names, types, units and meanings, stated here once."""

from __future__ import annotations

import pyarrow as pa

from fcsearch.training.config import PARAMETER_NAMES

# What became of a trial. A trial that is still waiting or in training has no row.
STATES: tuple[str, ...] = ("complete", "stopped", "diverged", "failed")
# The states whose trials have a result that can be the best of a run.
RANKED_STATES: tuple[str, ...] = ("complete", "stopped")

_UTC = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, description: str, unit: str = "", *, required: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=not required, metadata={"description": description, "unit": unit})


# Enum-like columns are plain strings: dictionary types differ from file to file, and some readers cannot unite them.
_PARAMETERS: dict[str, pa.Field] = {
    field.name: field
    for field in (
        _field("hidden_dims", pa.list_(pa.int32()), "Units of each hidden layer, first to last", "units"),
        _field("depth", pa.int32(), "Number of Linear layers: hidden layers and the output", "layers"),
        _field("hidden_dim", pa.int32(), "Units of every hidden layer; null where they differ", "units"),
        _field("learning_rate", pa.float64(), "Step size of the first epoch"),
        _field("epochs", pa.int32(), "Epochs that the trial was to train for", "epochs"),
        _field("dropout", pa.float64(), "Probability of dropping a hidden unit", "probability"),
        _field("input_dropout", pa.float64(), "Probability of dropping a feature of the input", "probability"),
        _field("update_rule", pa.string(), "sgd, sgd_momentum, rmsprop or adam"),
        _field("batch_size", pa.int32(), "Rows in a minibatch", "rows"),
        _field("reg", pa.float64(), "L2 strength: the loss gains reg * sum(W**2) over all weight matrices"),
        _field(
            "weight_decay", pa.float64(), "Decoupled weight decay: a step shrinks W by learning_rate * weight_decay"
        ),
        _field("lr_schedule", pa.string(), "exponential (by lr_decay) or cosine (towards 0 after the last epoch)"),
        _field("lr_decay", pa.float64(), "Factor on the learning rate after every epoch; null for other schedules"),
        _field(
            "weight_scale",
            pa.string(),
            "Standard deviation of the initial weights as a decimal text such as 0.01 (cast it to a number to compute "
            "with it), or kaiming for sqrt(2 / fan_in)",
        ),
        _field("loss", pa.string(), "softmax or svm (multiclass hinge, margin 1)"),
        _field(
            "label_smoothing", pa.float64(), "Part of each target spread over the classes; null for svm", "fraction"
        ),
        _field("momentum", pa.float64(), "Velocity kept by sgd_momentum; null for other update rules"),
        _field("decay_rate", pa.float64(), "Decay of rmsprop's average of squares; null for other update rules"),
        _field("beta1", pa.float64(), "Decay of adam's first moment; null for other update rules"),
        _field("beta2", pa.float64(), "Decay of adam's second moment; null for other update rules"),
        _field("epsilon", pa.float64(), "Added to the root in rmsprop and adam; null for other update rules"),
    )
}

TRIALS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial's number, the same as in Optuna's study", required=True),
        _field("pack_id", pa.int64(), "The pack that the trial was trained in", required=True),
        _field(
            "state",
            pa.string(),
            "complete, stopped (by early stopping), diverged (its loss was no longer finite) or failed",
            required=True,
        ),
        *(_PARAMETERS[name] for name in PARAMETER_NAMES),
        _field("seed", pa.int64(), "Key of the trial's random draws: initial weights, dropout masks, minibatch order"),
        _field("val_accuracy", pa.float64(), "Validation accuracy at the best epoch: the objective", "fraction"),
        _field("best_epoch", pa.int32(), "Epoch (from 1) of the highest validation accuracy", "epoch"),
        _field("train_accuracy", pa.float64(), "Training accuracy at the best epoch", "fraction"),
        _field("train_loss", pa.float64(), "Training loss of the best epoch; null where not finite"),
        _field(
            "val_loss",
            pa.float64(),
            "Validation loss at the best epoch; null where not finite",
        ),
        _field("final_val_accuracy", pa.float64(), "Validation accuracy at the last epoch that ran", "fraction"),
        _field("final_train_accuracy", pa.float64(), "Training accuracy at the last epoch that ran", "fraction"),
        _field("epochs_run", pa.int32(), "Epochs that the trial did train for", "epochs"),
        _field("num_parameters", pa.int64(), "Weights and biases of the network"),
        _field("train_seconds", pa.float64(), "The trial's share of its pack's training time", "s"),
        _field("device", pa.string(), "Device that trained the trial, such as cpu or cuda:0"),
        _field("node", pa.string(), "Machine that trained the trial"),
        _field("started_at", _UTC, "When the trial's pack started to train", "UTC"),
        _field("finished_at", _UTC, "When the trial left its pack", "UTC"),
        _field("error", pa.string(), "Why the trial failed; null otherwise"),
    ]
)

EPOCHS: pa.Schema = pa.schema(
    [
        _field("trial_id", pa.int64(), "The trial's number in the trials table", required=True),
        _field("epoch", pa.int32(), "Passes over the training rows so far, from 1", "epoch", required=True),
        _field(
            "train_loss",
            pa.float64(),
            "Mean over the epoch's minibatches, dropout and label smoothing on, no L2 term; null where not finite",
        ),
        _field("train_accuracy", pa.float64(), "On a fixed sample of training rows, dropout off", "fraction"),
        _field(
            "val_loss",
            pa.float64(),
            "On the validation rows, dropout and label smoothing off, no L2 term; null where not finite",
        ),
        _field("val_accuracy", pa.float64(), "On the validation rows, dropout off", "fraction"),
        _field("learning_rate", pa.float64(), "Step size of this epoch, by the schedule"),
        _field("seconds", pa.float64(), "The trial's share of the epoch's time", "s"),
    ]
)


def columns_markdown(schema: pa.Schema) -> str:
    """The schema as a Markdown table of column, type, unit and meaning."""
    lines = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for field in schema:
        kind = str(field.type).replace("element: ", "").replace("item: ", "")
        text, unit = (field.metadata[key].decode() for key in (b"description", b"unit"))
        lines.append(f"| `{field.name}` | {kind} | {unit} | {text} |")
    return "\n".join(lines) + "\n"
