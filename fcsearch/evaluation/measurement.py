"""The figures of a model on some rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation.baseline import BaseLine
from fcsearch.evaluation.classification import Classification
from fcsearch.evaluation.lead import Lead


@dataclass(frozen=True, repr=False)
class Measurement:
    """One model measured on one split.

    Attributes:
        trial_id: The trial whose weights these are; None for a model of several trials.
        split: `train`, `val` or `test`; `all`: every row of another source.
        fingerprint: Of the dataset that it was measured on.
        rows: How many rows.
        value: The objective of the run on these rows.
        standard_error: That of the value, from these rows alone: see `uncertainty`.
        loss: The trial's own loss, without the L2 term; None if it is not finite.
        classification: The same by class; None for a regression, and in a report that an earlier version wrote.
        objective: The run's objective: a key of OBJECTIVES.
        figures: Every objective of the task that is defined on these rows, by its name.
        base_line: The best answer without a model, on these rows; None in a report of an earlier version.
        base_figures: The score of the best such answer in each of the figures, by its name.
        lead: The model compared with the baseline; None in a report of an earlier version.
        networks: How many networks predict together.
        folds: Of how many folds these are the rows, each predicted by the network that did not see it, and the figures
            the mean; None: one network, or several together, predicted all rows.
        positive: Of two classes that which ROC AUC and average precision are of; None of a regression, of more classes,
            and in a report of an earlier version.
        accuracy: Fraction of the rows that the model classifies rightly; None of a regression.
    """

    trial_id: int | None
    split: str
    fingerprint: str
    rows: int
    value: float
    standard_error: float
    loss: float | None
    classification: Classification | None
    objective: str = "accuracy"
    figures: Mapping[str, float] = field(default_factory=dict)
    base_line: BaseLine | None = None
    base_figures: Mapping[str, float] = field(default_factory=dict)
    lead: Lead | None = None
    networks: int = 1
    folds: int | None = None
    positive: str | None = None
    accuracy: float | None = field(init=False)

    def __post_init__(self) -> None:
        accuracy = self.value if self.objective == "accuracy" else self.figures.get("accuracy")
        object.__setattr__(self, "accuracy", accuracy)

    def __repr__(self) -> str:
        objective = OBJECTIVES[self.objective]
        figure = f"{objective.title} {objective.show(self.value)}"
        error = f"standard error {objective.show_difference(self.standard_error)}"
        return f"<Measurement: {figure}, {error}, on {self.rows:,} row{'' if self.rows == 1 else 's'}>"

    @property
    def ranking(self) -> Lead | None:
        """The lead of the ROC AUC over a random order of the rows; None where one of them is not known.

        Its error is that of random orders, by Mann and Whitney; of more than two classes the mean of theirs, which that
        of the mean does not exceed. With folds each has so many times fewer rows.
        """
        found, by_class = self.figures.get("roc_auc"), self.classification
        if found is None or by_class is None:
            return None
        pairs = [entry.rows * (self.rows - entry.rows) for entry in by_class.classes if 0 < entry.rows < self.rows]
        errors = [math.sqrt((self.rows + (self.folds or 1)) / (12 * count)) for count in pairs]
        return Lead(found - 0.5, math.fsum(errors) / len(errors), paired=False) if errors else None

    @property
    def place(self) -> str:
        """The rows, in words that stand before `rows`."""
        if self.folds is not None:
            return "out-of-fold"
        return {"train": "training", "val": "validation"}.get(self.split, self.split)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measurement:
        """Read the form of a report.json, also of an earlier version; TypeError or KeyError for anything else."""
        if "value" not in value:
            # Earlier versions knew only accuracy.
            accuracy = value["accuracy"]
            value = {**value, "value": accuracy, "figures": {"accuracy": accuracy}, "objective": "accuracy"}
        known = {entry.name: value[entry.name] for entry in fields(cls) if entry.init and entry.name in value}
        classes, base, lead = (value.get(name) for name in ("classification", "base_line", "lead"))
        if base is None and classes and known.get("objective", "accuracy") == "accuracy":
            base = classes["base_line"]  # where earlier versions kept it
        return cls(
            **{
                **known,
                "classification": None if classes is None else Classification.from_json(classes),
                "base_line": None if base is None else BaseLine(**base),
                "lead": None if lead is None else Lead(**lead),
            }
        )
