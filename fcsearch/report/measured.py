"""What was measured of a run's models, in JSON types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import Measurement


@dataclass(frozen=True)
class FinalTest:
    """The best model on the test rows, or why it was not measured.

    Attributes:
        measurement: None where nothing was measured.
        note: Why there is no measurement; None otherwise.
        measured_trials: Every trial of the run whose model has been measured on the test split, in order. More than
            one, and the choice between them is no longer blind to the test rows.
        refit: Whether what was measured is the last trial's network as it was fitted again.
        digest: `Models.refit_digest` of that network; None where it is no such network, or an earlier version measured
            it: then it is not known which network that was.
    """

    measurement: Measurement | None = None
    note: str | None = None
    measured_trials: tuple[int, ...] = ()
    refit: bool = False
    digest: str | None = None

    def is_of(self, trial_id: int | None, *, digest: str | None) -> bool:
        """Whether the measurement is of the network with this digest, or where that is None, of this trial's own."""
        if self.measurement is None:
            return False
        if digest is not None:
            return self.digest == digest
        return not self.refit and self.measurement.trial_id == trial_id


@dataclass(frozen=True)
class Versus:
    """A model beside the single winner, on the same rows.

    Attributes:
        split: Which rows.
        single: The winner's objective there.
        difference: The model's objective less the winner's.
        error: Standard error of the difference, paired by row.
        objective: What the run went by: a key of OBJECTIVES.
    """

    split: str
    single: float
    difference: float
    error: float
    objective: str = "accuracy"

    @property
    def gain(self) -> float:
        """By how much the model is better."""
        return OBJECTIVES[self.objective].gain(self.difference)

    @property
    def worth_having(self) -> bool:
        """Whether the model is better by more than chance explains."""
        return self.gain > 2 * self.error


@dataclass(frozen=True)
class Alternative:
    """A model that can be used in place of the single winner.

    Attributes:
        model: `ensemble` or `refit`.
        members: The weight of each trial's prediction in it.
        validation: On the validation rows; None where the model learned from them, or nothing was measured.
        test: On the test rows, once.
        versus: Beside the winner: on the test rows, or where there are none on the validation rows.
        note: Why nothing was measured; None otherwise.
        digest: What tells its networks, where these were fitted again, from others: see `Models`. None for an ensemble
            of networks of the search, or where an earlier version measured it.
    """

    model: str
    members: dict[int, float]
    validation: Measurement | None = None
    test: Measurement | None = None
    versus: Versus | None = None
    note: str | None = None
    digest: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alternative:
        """Read what a report.json holds; TypeError, KeyError or ValueError if it is none."""
        validation, test = (
            Measurement.from_json(value[name]) if value[name] else None for name in ("validation", "test")
        )
        members = {int(trial): float(weight) for trial, weight in value["members"].items()}
        versus = Versus(**value["versus"]) if value["versus"] else None
        return cls(value["model"], members, validation, test, versus, value["note"], value.get("digest"))


@dataclass(frozen=True)
class Measured:
    """Everything that was measured of a run's models.

    Attributes:
        validation: The chosen network on the validation split.
        test: And on the test split.
        ensemble: The ensemble beside it.
        refit: The network that learned from training and validation rows, beside it.
    """

    validation: Measurement | None = None
    test: FinalTest = FinalTest()
    ensemble: Alternative | None = None
    refit: Alternative | None = None
