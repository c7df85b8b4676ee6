"""What the last report of a run measured of its models, from its report.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from fcsearch.evaluation import Measurement
from fcsearch.report.build import REPORT_JSON
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, FinalTest, Measured
from fcsearch.results import RunDirectory

Found = TypeVar("Found")


def known_measurements(run: RunDirectory) -> Measured:
    """The measurements in the last report.json, of the run's models at that time; nothing is measured."""
    stored = _stored(run)
    return Measured(
        validation=_known(lambda: Measurement.from_json(stored["validation"])),
        test=_known(lambda: _test(stored["test"])) or FinalTest(note=NOT_YET_MEASURED),
        ensemble=_known(lambda: Alternative.from_json(stored["ensemble"])),
        refit=_known(lambda: Alternative.from_json(stored["refit"])),
    )


def _known(read: Callable[[], Found]) -> Found | None:
    """What can be read of the last report.json; None if it is not there, or of another form."""
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _test(test: dict[str, Any]) -> FinalTest:
    measured = tuple(int(trial) for trial in test["measured_trials"])
    found = Measurement.from_json(test["measurement"]) if test["measurement"] else None
    return FinalTest(found, test.get("note"), measured, bool(test.get("refit")), test.get("digest"))


def _stored(run: RunDirectory) -> dict[str, Any]:
    """The last report.json; empty if there is none, or something else wrote it: the next one replaces it."""
    try:
        stored = json.loads((run.path / REPORT_JSON).read_bytes())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
