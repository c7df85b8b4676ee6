"""What was measured of a model, in JSON types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fcsearch.report.classification import Classification


@dataclass(frozen=True)
class Measurement:
    """One model measured on one split.

    Attributes:
        trial_id: The trial whose weights these are; None for a model that is of no single trial.
        split: `train`, `val` or `test`; `all`: every row of another source.
        fingerprint: Of the dataset that it was measured on.
        rows: How many rows.
        accuracy: Fraction of the rows that the model classifies rightly.
        standard_error: Of the accuracy, from the number of rows alone.
        loss: The trial's own loss, without the L2 term; None where it is not finite.
        classification: The same by class; None in a report that an earlier version wrote.
        networks: How many networks predict together.
    """

    trial_id: int | None
    split: str
    fingerprint: str
    rows: int
    accuracy: float
    standard_error: float
    loss: float | None
    classification: Classification | None
    networks: int = 1

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measurement:
        """Read what a report.json holds, also one of an earlier version; TypeError or KeyError if it is none."""
        later = ("classification", "networks")
        known = {field.name: value[field.name] for field in fields(cls) if field.name not in later}
        found = value.get("classification")
        figures = None if found is None else Classification.from_json(found)
        return cls(**known, classification=figures, networks=value.get("networks", 1))


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
class Versus:
    """A model beside the single winner, on the same rows.

    Attributes:
        split: Which rows.
        single: The winner's accuracy there.
        difference: The model's accuracy less the winner's.
        error: Standard error of the difference, paired by row.
    """

    split: str
    single: float
    difference: float
    error: float

    @property
    def worth_having(self) -> bool:
        """Whether the model is better by more than chance explains."""
        return self.difference > 2 * self.error


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
    """

    model: str
    members: dict[int, float]
    validation: Measurement | None = None
    test: Measurement | None = None
    versus: Versus | None = None
    note: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alternative:
        """Read what a report.json holds; TypeError, KeyError or ValueError if it is none."""
        measured = {
            name: Measurement.from_json(value[name]) if value[name] else None for name in ("validation", "test")
        }
        members = {int(trial): float(weight) for trial, weight in value["members"].items()}
        versus = Versus(**value["versus"]) if value["versus"] else None
        return cls(value["model"], members, **measured, versus=versus, note=value["note"])


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
