"""The content of a report, in JSON types: the same for text, HTML and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fcsearch.config.states import UNFINISHED
from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report.judgement import Trust
from fcsearch.report.measured import Alternative, FinalTest
from fcsearch.results.arrow import Row
from fcsearch.results.ending import ending
from fcsearch.selection import Confirmation


@dataclass(frozen=True)
class Dataset:
    """The dataset as the manifest has it; None if the manifest does not say.

    Attributes:
        class_counts: Rows of each class in the splits `train`, `val` and `test`.
        task: `classification` or `regression`.
        label: The column that is predicted, if it has a name.
        split: How rows were split, in words, unless it was once and at random.
        folds: How many folds there are; None: one split. Rows and class counts of `train` and `val` are those of the
            first.
        training_sample: Training rows that training figures are measured on.
        given_splits: Those of `val` and `test` that the source has itself.
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
    training_sample: int | None = None
    given_splits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Features:
    """What a network sees of the rows.

    Attributes:
        inputs: The columns, in words, such as `9 numbers and 2 categories`.
        form: What becomes of the numbers, such as `piecewise-linear, 48 bins`; None if there are none.
        width: How many features that makes; where trials' preprocessings differ, and none has a result yet, the most.
        left_out: Columns that are not features, each with the reason.
        least: The fewest features, in that case.
    """

    inputs: str
    form: str | None
    width: int
    left_out: tuple[tuple[str, str], ...] = ()
    least: int | None = None


@dataclass(frozen=True)
class Work:
    """How much was done, in what time, and where.

    Attributes:
        planned: Trials that the run was to have; None if the manifest does not say.
        counts: Trials by state.
        packs: Packs that are done.
        elapsed_seconds: From the start of the run to its end, or to its latest result, without pauses between sessions.
        trials_per_minute: Trials done per minute of that time.
        train_seconds: Sum over the trials of their share of training time.
        places: Trials by `node device`.
        first_error: The error of the first trial that failed.
        sessions: How often it was started or resumed, as far as is known.
        ended_by: What ended it, as the manifest says.
        workers: How many packs trained at a time; None if the manifest does not say.
        diverged_from: The least learning rate, if all trials diverged.
    """

    planned: int | None
    counts: dict[str, int]
    packs: int
    elapsed_seconds: float
    trials_per_minute: float | None
    train_seconds: float
    places: dict[str, int]
    first_error: str | None
    sessions: int = 1
    ended_by: str | None = None
    workers: int | None = None
    diverged_from: float | None = None

    @property
    def unfinished(self) -> int:
        """Trials that were in training when the search ended."""
        return self.counts.get(UNFINISHED, 0)

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return sum(self.counts.values()) - self.unfinished


@dataclass(frozen=True)
class Best:
    """The best trial.

    Attributes:
        row: Its row of the trials table, times in ISO 8601.
        parameters: Those that apply to it.
        model: Path of its weights; None if they were not kept.
        train_command: The command that trains the same network again.
        final: The objective after its last epoch; None if it was not recorded.
    """

    row: Row
    parameters: dict[str, Any]
    model: str | None
    train_command: str
    final: float | None = None


@dataclass(frozen=True)
class Group:
    """Trials that share a value, or a range of values, of a parameter.

    Attributes:
        label: The value or the range.
        trials: Trials with a result; `diverged` counts those whose loss diverged.
        best: Best objective on the validation rows; None if no trial has one.
        median: Median of it.
    """

    label: str
    trials: int
    diverged: int
    best: float | None
    median: float | None


@dataclass(frozen=True)
class Importance:
    """How much a parameter determined the order of the trials; see `importances_of`.

    Attributes:
        share: Fraction of the variance of the trials' ranks. The shares of several parameters need not add up to 1.
        low: Lower end of its 95% interval over resampled trials.
        high: Upper end.
        trials: Trials that count: the parameter applied to them, and others had the same value.
    """

    share: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Effect:
    """The effect of one parameter; `importance` is None if too few trials count for it."""

    parameter: str
    importance: Importance | None
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Report:
    """Everything in the report of a run.

    Attributes:
        objective: The search's objective: a key of OBJECTIVES.
        base_line: That of the validation rows; None if their labels are not known.
        validation: The best model on the validation rows; None if that was not measured.
        test: The best model on the test rows.
        confirmation: The best configurations over several seeds; None if nothing was confirmed.
        ensemble: The ensemble; None if there is none.
        refit: The network trained on training and validation rows; None if there is none.
        top: Rows of the trials table, best first.
        top_columns: The parameters in which those differ.
        effects: The effect of each parameter, the most important first.
        importance_note: Why there are no importances; None if there are.
        note: The user's note on the run; `tags`: the user's tags.
        features: What the network sees of the rows; None if that is not known.
        unfinished: The trials that were in training when the search ended, each with its best epoch so far.
        run_options: Options of the run's command that a further search on this machine needs too.
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
    top: tuple[Row, ...]
    top_columns: tuple[str, ...]
    effects: tuple[Effect, ...]
    importance_note: str | None
    trust: Trust
    files: dict[str, str]
    note: str | None = None
    tags: tuple[str, ...] = ()
    features: Features | None = None
    run_options: tuple[str, ...] = ()
    unfinished: tuple[tuple[int, int], ...] = ()

    @property
    def ending(self) -> str:
        """The run's state in words: one that its time budget ended early is not called complete."""
        return ending(self.state, self.work.ended_by, done=self.work.done, planned=self.work.planned)

    @property
    def by_class(self) -> Measurement | None:
        """What is shown class by class: with folds what was found on the rows of all of them, else on the test rows."""
        validation = self.validation
        return validation if validation and validation.folds else self.test.measurement or validation
