"""The measurements as rows of the table of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any

from fcsearch.report.measured import Measured
from fcsearch.report.model import Report
from fcsearch.results import MODELS
from fcsearch.results.arrow import Row
from fcsearch.results.schema import ORIGIN

_OF_A_MEASUREMENT = set(MODELS.names) - {"model", "seeds", "deviation", *(field.name for field in ORIGIN)}

_EARLIER = "earlier "


def model_rows(found: Measured, report: Report) -> list[dict[str, Any]]:
    """A row for each model and split that was measured, and one for each configuration that was confirmed."""
    tested = "refit" if found.test.refit else "winner"
    measured = [("winner", found.validation.trial_id if found.validation else None, found.validation)]
    measured.append((tested, found.test.trial, found.test.measurement))
    for other in (found.ensemble, found.refit):
        if other is not None:
            trial = next(iter(other.members)) if len(other.members) == 1 else None
            measured += [(other.model, trial, entry) for entry in (other.validation, other.test)]
    rows = [
        {"model": model, **{name: getattr(entry, name) for name in _OF_A_MEASUREMENT}, "trial_id": trial}
        for model, trial, entry in measured
        if entry is not None
    ]
    return [*rows, *_confirmed(report)]


def earlier_rows(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """What earlier reports measured on the test rows, of other models than now: every look stays on record.

    Args:
        before: The rows of the table as it is.
        now: Those that take their place.
    """
    # An earlier version wrote no trial for a refit.
    known = {look for row in now for look in (_look(row), _look({**row, "trial_id": None}))}
    found = [row for row in before if row["split"] == "test" and _look(row) not in known]
    own = set(MODELS.names) - {field.name for field in ORIGIN}
    return [
        {**{name: row[name] for name in own}, "model": f"{_EARLIER}{row['model'].removeprefix(_EARLIER)}"}
        for row in found
    ]


def _look(row: Row) -> tuple[object, ...]:
    """What tells a measurement from others."""
    return (row["model"].removeprefix(_EARLIER), *(row[name] for name in ("trial_id", "networks", "split", "value")))


def _confirmed(report: Report) -> Iterator[dict[str, Any]]:
    # With folds, the rows of all of them.
    beside = report.validation
    rows = beside.rows if beside and beside.folds else report.dataset.val_rows
    for entry in report.confirmation.configurations if report.confirmation else ():
        if entry.values:
            yield {
                "model": "confirmed",
                "trial_id": entry.trial_id,
                "networks": 1,
                "split": "val",
                "rows": rows,
                "objective": report.objective,
                "value": entry.mean,
                "standard_error": None if entry.deviation is None else entry.deviation / sqrt(len(entry.values)),
                "seeds": len(entry.values),
                "deviation": entry.deviation,
                "fingerprint": report.dataset.fingerprint,
            }
