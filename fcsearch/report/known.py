"""What the last report of a run measured of its models, from its report.json."""

from __future__ import annotations

import json
from typing import Any

from fcsearch.evaluation import Measurement
from fcsearch.report.build import REPORT_JSON
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, FinalTest, Measured
from fcsearch.results import RunDirectory


def known_measurements(run: RunDirectory) -> Measured:
    """The measurements in the last report.json, of the run's models at that time; nothing is measured."""
    stored = _stored(run)
    return Measured(
        validation=_known_validation(stored),
        test=_known_test(stored),
        ensemble=_known_alternative(stored, "ensemble"),
        refit=_known_alternative(stored, "refit"),
    )


def _known_test(stored: dict[str, Any]) -> FinalTest:
    try:
        test = stored["test"]
        measured = tuple(int(trial) for trial in test["measured_trials"])
        found = Measurement.from_json(test["measurement"]) if test["measurement"] else None
    except (ValueError, KeyError, TypeError):
        return FinalTest(note=NOT_YET_MEASURED)
    return FinalTest(found, test.get("note"), measured, bool(test.get("refit")), test.get("digest"))


def _known_validation(stored: dict[str, Any]) -> Measurement | None:
    try:
        return Measurement.from_json(stored["validation"])
    except (ValueError, KeyError, TypeError):
        return None


def _known_alternative(stored: dict[str, Any], model: str) -> Alternative | None:
    """The model's entry in the last report.json; None if there is none."""
    try:
        return Alternative.from_json(stored[model])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _stored(run: RunDirectory) -> dict[str, Any]:
    """The last report.json; empty if there is none, or something else wrote it: the next one replaces it."""
    try:
        stored = json.loads((run.path / REPORT_JSON).read_bytes())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
