"""What was measured of a model on some rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fcsearch.evaluation.classification import Classification


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
        classification: The same by class; None in a report that an earlier version wrote.
    """

    trial_id: int
    split: str
    fingerprint: str
    rows: int
    accuracy: float
    standard_error: float
    loss: float | None
    classification: Classification | None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measurement:
        """Read what a report.json holds, also one of an earlier version; TypeError or KeyError if it is none."""
        known = {field.name: value[field.name] for field in fields(cls) if field.name != "classification"}
        found = value.get("classification")
        return cls(**known, classification=None if found is None else Classification.from_json(found))
