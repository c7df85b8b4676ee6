"""A trial and an epoch as the tables keep them: what the search hands to the run directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fcsearch.config import TrialConfig
from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import UNFINISHED


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Figures:
    """What is measured after an epoch; None for a figure of another task, or of another objective."""

    val_accuracy: float | None = None
    val_balanced_accuracy: float | None = None
    val_f1_macro: float | None = None
    val_roc_auc: float | None = None
    val_average_precision: float | None = None
    val_log_loss: float | None = None
    val_rmse: float | None = None
    val_mae: float | None = None
    val_r2: float | None = None
    val_standard_error: float | None = None
    train_accuracy: float | None = None
    train_rmse: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialRecord(_Figures):
    """One row of the table `trials`; its fields are columns of schema TRIALS, which says what they mean.

    Attributes:
        config: The hyperparameters and the seed, each a column of its own in the table.
        objective: The figure that the search goes by: a key of OBJECTIVES.
    """

    trial_id: int
    state: str
    config: TrialConfig
    objective: str = "accuracy"
    best_epoch: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    final_val_accuracy: float | None = None
    final_train_accuracy: float | None = None
    final_val_rmse: float | None = None
    final_train_rmse: float | None = None
    epochs_run: int | None = None
    num_parameters: int | None = None
    train_seconds: float | None = None
    device: str | None = None
    node: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None

    @property
    def value(self) -> float | None:
        """The objective at the best epoch; None if the trial has no result."""
        value: float | None = getattr(self, OBJECTIVES[self.objective].column)
        return value

    @property
    def gain(self) -> float | None:
        """The same as a number of which more is better."""
        return None if self.value is None else OBJECTIVES[self.objective].gain(self.value)

    def row(self) -> dict[str, Any]:
        """The record as a row: values by column name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "config"}
        return {**values, **self.config.parameters(), "seed": self.config.seed}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> TrialRecord:
        """The record of a row; its pack's number is left out."""
        names = {field.name for field in dataclasses.fields(cls)} - {"config", "objective"}
        # Runs of earlier versions went by accuracy, and did not say so.
        values = {"objective": row.get("objective") or "accuracy", **{name: row[name] for name in names}}
        return cls(config=row_config(row), **values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochRecord(_Figures):
    """One row of the table `epochs`; its fields are columns of schema EPOCHS, which says what they mean."""

    trial_id: int
    epoch: int
    train_loss: float | None
    val_loss: float | None
    learning_rate: float
    seconds: float

    def row(self) -> dict[str, Any]:
        """The record as a row: values by column name."""
        return dict(vars(self))


def epochs_again(row: Mapping[str, Any]) -> int:
    """For how many epochs the configuration of a row is trained with another seed: as far as an unfinished one was."""
    epochs: int = row["epochs_run"] if row.get("state") == UNFINISHED else row["epochs"]
    return epochs


def row_config(row: Mapping[str, Any]) -> TrialConfig:
    """The configuration of a row of `trials`."""
    names = {field.name for field in dataclasses.fields(TrialConfig)}
    return TrialConfig(**{name: row[name] for name in names if row[name] is not None})
