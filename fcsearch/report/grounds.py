"""What the judgement of a search's best network rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fcsearch.config import HYPERPARAMETERS
from fcsearch.config.objective import Objective
from fcsearch.evaluation import BaseLine, Measurement, standard_error
from fcsearch.report.measured import Alternative, FinalTest
from fcsearch.report.model import Dataset
from fcsearch.results.arrow import Row
from fcsearch.selection import Confirmation


@dataclass(frozen=True)
class Grounds:
    """What is known of a search.

    Attributes:
        ranked: The rows of the trials with a result, best first.
        test: The chosen network on the test rows.
        state: The state of the run.
        dataset: Numbers of rows.
        objective: The run's objective.
        base: The baseline of the validation rows; None if it is not known.
        validation: The chosen network on the validation rows, if it was measured.
        chosen: The row of that network; None: the best of the search.
        confirmation: The best configurations over several seeds.
        alternatives: Models that can be used instead of it.
        diverged_refits: The trials of the network and of those models that diverged when they were fitted again.
    """

    ranked: Sequence[Row]
    test: FinalTest
    state: str
    dataset: Dataset
    objective: Objective
    base: BaseLine | None = None
    validation: Measurement | None = None
    chosen: Row | None = None
    confirmation: Confirmation | None = None
    alternatives: Sequence[Alternative] = ()
    diverged_refits: Collection[int] = ()

    @property
    def winner(self) -> Row:
        """The row of the network that the report is about."""
        return self.chosen or self.ranked[0]

    @property
    def tries(self) -> int:
        """How many different networks were measured: trials of one configuration give one network, and one figure."""
        columns = (*HYPERPARAMETERS, self.objective.column)
        return len({tuple(str(row.get(name)) for name in columns) for row in self.ranked})

    @property
    def is_faultless(self) -> bool:
        """Whether that network's figure cannot be better, on the validation rows and on the test rows, if measured."""
        found = [self.value_of(self.winner), *([self.test.measurement.value] if self.test.measurement else [])]
        return all(value == (1.0 if self.objective.maximize else 0.0) for value in found)

    def alternative(self, model: str) -> Alternative | None:
        """The ensemble, or the refit; None if there is none."""
        return next((found for found in self.alternatives if found.model == model), None)

    def value_of(self, row: Row) -> float:
        """The objective of a trial."""
        value: float = row[self.objective.column]
        return value

    def error_of(self, row: Row) -> float | None:
        """The standard error of that: over the folds, from the rows for an accuracy, else as measured."""
        if self.dataset.folds:
            error: float | None = row.get("val_standard_error")
            return error
        if self.objective.name == "accuracy":
            rows = self.dataset.val_rows
            return standard_error(self.value_of(row), rows) if rows else None
        return self.validation.standard_error if self.validation else None
