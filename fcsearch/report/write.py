"""Writes a run's report, and measures its best model on the test split, once."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.report.build import DEFAULT_TOP, REPORT_HTML, REPORT_JSON, build_report
from fcsearch.report.evaluation import load_run_dataset, measure
from fcsearch.report.model import FinalTest, Measurement, Report
from fcsearch.results import RunDirectory, rank_trials


def write_report(run: RunDirectory, *, top: int = DEFAULT_TOP, dataset: Dataset | None = None) -> Report:
    """Build the run's report, with the best model's test accuracy, and write report.html and report.json.

    The test accuracy is measured when a model is best for the first time, and read from report.json after that.

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

    report = build_report(run, test=measure_best(run, dataset), top=top)
    run.write_file(REPORT_JSON, render_json(report))
    run.write_file(REPORT_HTML, render_html(report, trials=run.trials(), epochs=run.epochs()))
    return report


def render_json(report: Report) -> str:
    """The report for programs: a JSON object with the fields of `Report`."""
    return json.dumps(dataclasses.asdict(report), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def measure_best(run: RunDirectory, dataset: Dataset | None = None) -> FinalTest:
    """The best model on the test split, measured unless the last report already holds it."""
    known = known_test_result(run)
    ranked = rank_trials(run.trials())
    if not len(ranked):
        return dataclasses.replace(known, measurement=None, note="no trial has a result")
    best: int = ranked["trial_id"][0].as_py()
    if known.measurement is not None and known.measurement.trial_id == best:
        return known
    try:
        measurement = measure(run, best, dataset or load_run_dataset(run), "test")
    except (DataError, RunError) as error:
        return dataclasses.replace(known, measurement=None, note=str(error))
    return FinalTest(measurement, None, (*known.measured_trials, best))


def known_test_result(run: RunDirectory) -> FinalTest:
    """What the last report.json says of the test split: of the trial that was best then."""
    unknown = FinalTest(note="it is measured when the run has ended")
    try:
        stored: dict[str, Any] = json.loads((run.path / REPORT_JSON).read_bytes())["test"]
        measured = tuple(int(trial) for trial in stored["measured_trials"])
        found = Measurement.from_json(stored["measurement"]) if stored["measurement"] else None
    except (OSError, ValueError, KeyError, TypeError):
        # No report yet, or one that something else wrote: the next one replaces it.
        return unknown
    return FinalTest(found, stored.get("note"), measured)
