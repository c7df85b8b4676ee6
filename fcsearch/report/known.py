"""What the last report of a run measured of its models, from its report.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from fcsearch.evaluation import Measurement
from fcsearch.report.build import REPORT_JSON
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, FinalTest, Measured
from fcsearch.results import RunDirectory

Found = TypeVar("Found")


def known_measurements(run: RunDirectory) -> Measured:
    """The measurements in the last report.json, of the run's models at that time; nothing is measured.

    Those of trials that were unfinished, and have been trained further since, are left out.
    """
    stored = _stored(run)
    gone = _trained_since(run, stored)
    validation = _known(lambda: Measurement.from_json(stored["validation"]))
    test = _known(lambda: _test(stored["test"])) or FinalTest(note=NOT_YET_MEASURED)
    if test.measurement and not test.refit and test.measurement.trial_id in gone:
        test = replace(test, measurement=None, note=NOT_YET_MEASURED)
    ensemble = _known(lambda: Alternative.from_json(stored["ensemble"]))
    refit = _known(lambda: Alternative.from_json(stored["refit"]))
    return Measured(
        None if validation and validation.trial_id in gone else validation,
        test,
        None if ensemble and gone & _networks_of(ensemble) else ensemble,
        None if refit and gone & _networks_of(refit) else refit,
    )


def _trained_since(run: RunDirectory, stored: Mapping[str, Any]) -> set[int]:
    """The trials that were unfinished at the last report, and whose best epoch is another now."""
    before = _known(lambda: {int(trial): int(epoch) for trial, epoch in stored["unfinished"]})
    if not before:
        return set()
    now = {row["trial_id"]: row["best_epoch"] for row in run.trials().select(["trial_id", "best_epoch"]).to_pylist()}
    return {trial for trial, epoch in before.items() if now.get(trial) != epoch}


def _networks_of(found: Alternative) -> set[int]:
    """The trials whose networks of the search were measured, or compared with."""
    own = set() if found.digest else set(found.members)
    return own | ({found.versus.trial_id} if found.versus and found.versus.trial_id is not None else set())


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
