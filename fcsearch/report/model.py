"""What a report says, in JSON types: the same content for text, HTML and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClassAccuracy:
    """How one class fared: `accuracy` is a fraction of its `rows`, None where it has none."""

    name: str
    rows: int
    accuracy: float | None


@dataclass(frozen=True)
class Measurement:
    """One model measured on one split.

    Attributes:
        trial_id: The trial whose weights these are.
        split: `train`, `val` or `test`; `all`: every row of another source.
        fingerprint: Of the dataset that it was measured on.
        rows: How many rows.
        accuracy: Fraction of the rows that the model classifies rightly.
        standard_error: Of the accuracy, from the number of rows alone.
        loss: The trial's own loss, without the L2 term; None where it is not finite.
        classes: The same by class.
    """

    trial_id: int
    split: str
    fingerprint: str
    rows: int
    accuracy: float
    standard_error: float
    loss: float | None
    classes: tuple[ClassAccuracy, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measurement:
        """Read what a report.json holds; TypeError or KeyError where it is something else."""
        return cls(**{**value, "classes": tuple(ClassAccuracy(**entry) for entry in value["classes"])})


@dataclass(frozen=True)
class FinalTest:
    """The test accuracy of the best model, or why there is none.

    Attributes:
        measurement: None where nothing was measured.
        note: Why there is no measurement; None otherwise.
        measured_trials: Every trial of the run whose model has been measured on the test split, in order. More than
            one, and the choice between them is no longer blind to the test rows.
    """

    measurement: Measurement | None = None
    note: str | None = None
    measured_trials: tuple[int, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """The dataset as the manifest has it; None where the manifest does not say."""

    name: str
    fingerprint: str | None
    train_rows: int | None
    val_rows: int | None
    test_rows: int | None
    classes: int | None


@dataclass(frozen=True)
class Work:
    """How much was done, in how long, and where.

    Attributes:
        planned: Trials that the run was to have; None where the manifest does not say.
        counts: Trials by state.
        packs: Packs that are done.
        elapsed_seconds: From the start of the run to its end, or to its latest result.
        trials_per_minute: Trials done a minute of that time.
        train_seconds: Sum over the trials of their share of training time.
        places: Trials by `node device`.
        first_error: Of the first trial that failed.
    """

    planned: int | None
    counts: dict[str, int]
    packs: int
    elapsed_seconds: float
    trials_per_minute: float | None
    train_seconds: float
    places: dict[str, int]
    first_error: str | None

    @property
    def done(self) -> int:
        """Trials with a row."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Best:
    """The best trial.

    Attributes:
        row: Its row of the trials table, times in ISO 8601.
        parameters: Those that apply to it.
        model: Path of its weights; None if they were not kept.
        train_command: Trains the same network again.
    """

    row: dict[str, Any]
    parameters: dict[str, Any]
    model: str | None
    train_command: str


@dataclass(frozen=True)
class Group:
    """Trials that share a value, or a range of values, of a parameter.

    Attributes:
        label: The value or the range.
        trials: Trials with a result; `diverged` counts those that had none because their loss ran away.
        best: Highest validation accuracy; None where no trial has one.
        median: Median validation accuracy.
    """

    label: str
    trials: int
    diverged: int
    best: float | None
    median: float | None


@dataclass(frozen=True)
class Effect:
    """What one parameter did; `importance` is Optuna's, a share of 1, None where it has none."""

    parameter: str
    importance: float | None
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Trust:
    """How far the best result can be trusted.

    Attributes:
        standard_error: Of the best validation accuracy, from the number of validation rows alone.
        within: Trials whose validation accuracy is within one standard error of the best, the best included.
        smallest: Of those the one with the fewest parameters: its row.
        remarks: Sentences for a person.
    """

    standard_error: float | None
    within: int
    smallest: dict[str, Any] | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything that is reported of a run; `top` holds rows of the trials table, best first."""

    name: str
    path: str
    state: str
    error: str | None
    created_at: str | None
    seed: int | None
    sampler: str | None
    dataset: Dataset
    work: Work
    best: Best | None
    test: FinalTest
    top: tuple[dict[str, Any], ...]
    effects: tuple[Effect, ...]
    importance_note: str | None
    trust: Trust
    files: dict[str, str]
