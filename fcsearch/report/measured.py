"""The measurements of a run's models, in JSON types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import Measurement

NOT_YET_MEASURED = "it is measured once, when the winner is settled"


@dataclass(frozen=True)
class FinalTest:
    """The best model on the test rows, or why it was not measured.

    Attributes:
        measurement: None if nothing was measured.
        note: Why there is no measurement; None otherwise.
        measured_trials: Every trial of the run whose model has been measured on the test split, in order. If there is
            more than one, the search went on after the test rows had been seen: see `earlier`.
        refit: Whether the measured network is the last trial's refit.
        digest: `Models.refit_digest` of that network; None if it is not a refit, or an earlier version measured it, so
            that it is not known which network it was.
    """

    measurement: Measurement | None = None
    note: str | None = None
    measured_trials: tuple[int, ...] = ()
    refit: bool = False
    digest: str | None = None

    @property
    def trial(self) -> int | None:
        """The trial whose network is measured, also if that is its refit; None if nothing is."""
        if self.measurement is None:
            return None
        return self.measured_trials[-1] if self.measured_trials else self.measurement.trial_id

    @property
    def earlier(self) -> tuple[int, ...]:
        """Trials that were measured on the test rows before this network, or before it is measured, each once.

        This one is among them if it was measured before its training went on.
        """
        again = any(one == other == self.trial for one, other in pairwise(self.measured_trials))
        return tuple(trial for trial in dict.fromkeys(self.measured_trials) if again or trial != self.trial)

    @property
    def is_to_come(self) -> bool:
        """Whether the winner is not settled, and no network has been measured for that reason."""
        return self.measurement is None and self.note == NOT_YET_MEASURED

    def is_of(self, trial_id: int | None, *, digest: str | None) -> bool:
        """Whether the measurement is of the network with this digest, or, if that is None, of this trial's own."""
        if self.measurement is None:
            return False
        if digest is not None:
            return self.digest == digest
        return not self.refit and self.measurement.trial_id == trial_id


@dataclass(frozen=True)
class Versus:
    """A model compared with the single winner, on the same rows.

    Attributes:
        split: Which rows.
        single: The winner's objective there.
        difference: The model's objective minus the winner's.
        error: Standard error of the difference, paired by row.
        objective: The run's objective: a key of OBJECTIVES.
        trial_id: The trial whose network the winner was; None in a report of an earlier version.
        digest: `Models.refit_digest` of that network, if it was a refit.
    """

    split: str
    single: float
    difference: float
    error: float
    objective: str = "accuracy"
    trial_id: int | None = None
    digest: str | None = None

    def is_with(self, trial_id: int, digest: str | None) -> bool:
        """Whether it was compared with this trial's network, or its refit with this digest."""
        return (self.trial_id, self.digest) == (trial_id, digest)

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
    """A model that can be used instead of the single winner.

    Attributes:
        model: `ensemble` or `refit`.
        members: The weight of each trial's prediction in it.
        validation: On the validation rows; None if the model was trained on them, or nothing was measured.
        test: On the test rows, once.
        versus: Compared with the winner: on the test rows, or on the validation rows if there are no test rows.
        note: Why nothing was measured; None otherwise.
        digest: Identifies its networks if they were fitted again: see `Models`. None for an ensemble of networks of the
            search, and for what an earlier version measured.
    """

    model: str
    members: dict[int, float]
    validation: Measurement | None = None
    test: Measurement | None = None
    versus: Versus | None = None
    note: str | None = None
    digest: str | None = None

    def is_beside_refit(self, split: str) -> bool:
        """Whether it is compared with the run's refit, if that is its answer; else with the trial's own network."""
        return self.model == "ensemble" and split == "test"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alternative:
        """Read the form of a report.json; TypeError, KeyError or ValueError for anything else."""
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
        test: The chosen network on the test split.
        ensemble: The ensemble.
        refit: The refit, trained on training and validation rows.
    """

    validation: Measurement | None = None
    test: FinalTest = FinalTest()
    ensemble: Alternative | None = None
    refit: Alternative | None = None
