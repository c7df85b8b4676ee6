"""What a report says, in JSON types: the same content for text, HTML and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report.measured import Alternative, FinalTest
from fcsearch.selection import Confirmation


@dataclass(frozen=True)
class Dataset:
    """The dataset as the manifest has it; None where the manifest does not say.

    Attributes:
        class_counts: Rows of each class in the splits `train`, `val` and `test`.
        task: `classification` or `regression`.
        label: The column that is predicted, where it has a name.
        split: How rows were split where that was not once and at random, in words.
        folds: How many folds there are; None: one split. Rows and class counts of `train` and `val` are those of the
            first.
    """

    name: str
    fingerprint: str | None
    train_rows: int | None
    val_rows: int | None
    test_rows: int | None
    classes: int | None
    class_names: tuple[str, ...] | None = None
    class_counts: dict[str, tuple[int, ...]] | None = None
    task: str = "classification"
    label: str | None = None
    split: str | None = None
    folds: int | None = None


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
        best: Best objective on the validation rows; None where no trial has one.
        median: Median of it.
    """

    label: str
    trials: int
    diverged: int
    best: float | None
    median: float | None


@dataclass(frozen=True)
class Importance:
    """How much a parameter decided the order of the trials; see `importances_of`.

    Attributes:
        share: Of the variance of the trials' ranks, a fraction of 1. The shares of several parameters need not add up.
        low: Lower end of its 95% interval over resampled trials.
        high: Upper end.
        trials: Trials that speak of it: it applied to them, and others had the same value.
    """

    share: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Effect:
    """What one parameter did; `importance` is None where too few trials speak of it."""

    parameter: str
    importance: Importance | None
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Pull:
    """A parameter that a finding would have larger (`up`) or smaller (`down`)."""

    parameter: str
    direction: Literal["up", "down"]


@dataclass(frozen=True)
class Finding:
    """One thing that a run showed.

    Attributes:
        kind: Which of the things that can be shown, such as `edge` or `overfit`.
        sentence: It, and what to do about it, for a person.
        pulls: What it would have changed. No two findings of a run pull one parameter in two directions.
        torn: Parameters that the evidence pulls both ways, so that nothing is advised.
    """

    kind: str
    sentence: str
    pulls: tuple[Pull, ...] = ()
    torn: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trust:
    """How far the best result can be trusted.

    Attributes:
        standard_error: Of the best value of the objective, from the validation rows alone; with folds that over them.
        within: Trials whose value is within one standard error of the best, the best included.
        smallest: Of those the one with the fewest parameters: its row.
        verdict: What is to be said before all else: that nothing was learned. None otherwise.
        findings: The rest.
    """

    standard_error: float | None
    within: int
    smallest: dict[str, Any] | None
    verdict: str | None
    findings: tuple[Finding, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(finding.sentence for finding in self.findings)

    @property
    def torn(self) -> frozenset[str]:
        """Parameters that the evidence pulls both ways."""
        return frozenset(name for finding in self.findings for name in finding.torn)


@dataclass(frozen=True)
class Report:
    """Everything that is reported of a run.

    Attributes:
        objective: The figure that the search went by: a key of OBJECTIVES.
        base_line: Of the validation rows; None where their labels are not known.
        validation: The best model on the validation rows; None where that was not measured.
        test: The best model on the test rows.
        confirmation: The best configurations over several seeds; None where they had one.
        ensemble: The ensemble; None where there is none.
        refit: The network that learned from training and validation rows; None where there is none.
        top: Rows of the trials table, best first.
        top_columns: The parameters that differ among those.
        effects: What each parameter did, the most important first.
        importance_note: Why there are no importances; None where there are.
        note: What a user says of the run; `tags` likewise.
    """

    name: str
    path: str
    state: str
    error: str | None
    created_at: str | None
    seed: int | None
    sampler: str | None
    objective: str
    dataset: Dataset
    work: Work
    best: Best | None
    base_line: BaseLine | None
    validation: Measurement | None
    test: FinalTest
    confirmation: Confirmation | None
    ensemble: Alternative | None
    refit: Alternative | None
    top: tuple[dict[str, Any], ...]
    top_columns: tuple[str, ...]
    effects: tuple[Effect, ...]
    importance_note: str | None
    trust: Trust
    files: dict[str, str]
    note: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def by_class(self) -> Measurement | None:
        """What is shown class by class: with folds what was found on the rows of all of them, else on the test rows."""
        validation = self.validation
        return validation if validation and validation.folds else self.test.measurement or validation
