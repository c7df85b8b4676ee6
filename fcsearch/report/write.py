"""Writes a run's report, and measures its best model on the test split, once."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.evaluation import Measurement, load_run_dataset, measure
from fcsearch.report.build import DEFAULT_TOP, NOT_YET_MEASURED, REPORT_HTML, REPORT_JSON, build_report
from fcsearch.report.model import FinalTest, Report
from fcsearch.results import RunDirectory, rank_trials


def write_report(run: RunDirectory, *, top: int = DEFAULT_TOP, dataset: Dataset | None = None) -> Report:
    """Build the run's report, with the best model on the test rows, and write report.html and report.json.

    The model is measured on validation and test rows when it is best for the first time; after that report.json holds
    the figures.

    Args:
        run: The run directory.
        top: How many of the best trials to list.
        dataset: The run's dataset, if the caller holds it already; else it is loaded when it is needed.

    Raises:
        RunError: the run directory is damaged or cannot be written. A dataset or model that is gone is no error: the
            report says so.
    """
    # Here, since it takes matplotlib, whose import a search should not wait for.
    from fcsearch.report.page import render_html

    validation, test = measure_best(run, dataset)
    report = build_report(run, test=test, validation=validation, top=top)
    run.write_file(REPORT_JSON, render_json(report))
    run.write_file(REPORT_HTML, render_html(report, trials=run.trials(), epochs=run.epochs()))
    return report


def render_json(report: Report) -> str:
    """The report for programs: a JSON object with the fields of `Report`."""
    return json.dumps(dataclasses.asdict(report), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def measure_best(run: RunDirectory, dataset: Dataset | None = None) -> tuple[Measurement | None, FinalTest]:
    """The best model on the validation split, where that can be, and on the test split.

    What the last report holds of the same model is not measured again, unless an earlier version wrote it, without the
    figures of each class.
    """
    known = known_test_result(run)
    ranked = rank_trials(run.trials())
    if not len(ranked):
        return None, dataclasses.replace(known, measurement=None, note="no trial has a result")
    best: int = ranked["trial_id"][0].as_py()
    validation, test = known_validation(run), known.measurement
    if _is_full(validation, best) and _is_full(test, best):
        return validation, known
    try:
        dataset = dataset or load_run_dataset(run)
        validation = validation if _is_full(validation, best) else measure(run, best, dataset, "val")
        test = measure(run, best, dataset, "test")
    except (DataError, RunError) as error:
        # The figure that an earlier version measured is better than none.
        old = known.measurement if known.measurement and known.measurement.trial_id == best else None
        measured = validation if validation and validation.trial_id == best else None
        return measured, dataclasses.replace(known, measurement=old, note=None if old else str(error))
    trials = known.measured_trials
    return validation, FinalTest(test, None, trials if trials[-1:] == (best,) else (*trials, best))


def _is_full(found: Measurement | None, trial_id: int) -> bool:
    if found is None or found.trial_id != trial_id:
        return False
    return found.classification is not None or OBJECTIVES[found.objective].task == "regression"


def known_test_result(run: RunDirectory) -> FinalTest:
    """What the last report.json says of the test split: of the trial that was best then."""
    stored = _stored(run)
    try:
        test = stored["test"]
        measured = tuple(int(trial) for trial in test["measured_trials"])
        found = Measurement.from_json(test["measurement"]) if test["measurement"] else None
    except (ValueError, KeyError, TypeError):
        return FinalTest(note=NOT_YET_MEASURED)
    return FinalTest(found, test.get("note"), measured)


def known_validation(run: RunDirectory) -> Measurement | None:
    """What the last report.json says of the validation split: of the trial that was best then."""
    try:
        return Measurement.from_json(_stored(run)["validation"])
    except (ValueError, KeyError, TypeError):
        return None


def _stored(run: RunDirectory) -> dict[str, Any]:
    """The last report.json; nothing if there is none yet, or one that something else wrote: the next replaces it."""
    try:
        stored = json.loads((run.path / REPORT_JSON).read_bytes())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
