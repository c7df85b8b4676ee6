"""What the last report of a run measured of its models, from its report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fcsearch.evaluation import Measurement
from fcsearch.report.build import REPORT_JSON
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, FinalTest, Measured
from fcsearch.results import RunDirectory


def known_measurements(run: RunDirectory) -> Measured:
    """The measurements in the last report.json, of the run's models at that time; nothing is measured.

    Those of trials that were unfinished, and have been trained further since, are left out.
    """
    stored = _stored(run)
    gone = _trained_since(run, stored)
    validation, test = _known_validation(stored), _known_test(stored)
    if validation and validation.trial_id in gone:
        validation = None
    if test.measurement and not test.refit and test.measurement.trial_id in gone:
        test = replace(test, measurement=None, note=NOT_YET_MEASURED)
    ensemble, refit = (_known_alternative(stored, name) for name in ("ensemble", "refit"))
    return Measured(
        validation,
        test,
        None if ensemble and gone & _networks_of(ensemble) else ensemble,
        None if refit and gone & _networks_of(refit) else refit,
    )


def _trained_since(run: RunDirectory, stored: Mapping[str, Any]) -> set[int]:
    """The trials that were unfinished at the last report, and whose best epoch is another now."""
    try:
        before = {int(trial): int(epoch) for trial, epoch in stored.get("unfinished") or ()}
    except (TypeError, ValueError):
        return set()
    table = run.trials() if before else None
    now = dict(zip(*(table[name].to_pylist() for name in ("trial_id", "best_epoch")), strict=True)) if table else {}
    return {trial for trial, epoch in before.items() if now.get(trial) != epoch}


def _networks_of(found: Alternative) -> set[int]:
    """The trials whose networks of the search were measured, or compared with."""
    own = set() if found.digest else set(found.members)
    return own | ({found.versus.trial_id} if found.versus and found.versus.trial_id is not None else set())


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
