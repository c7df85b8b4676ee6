"""Writes a run's report, and measures its best model on the test split, once."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.evaluation import Measurement, load_run_dataset
from fcsearch.report.alternatives import LoadDataset, ensemble_of, refit_of
from fcsearch.report.build import DEFAULT_TOP, REPORT_HTML, REPORT_JSON, build_report
from fcsearch.report.known import known_measurements
from fcsearch.report.measured import NOT_YET_MEASURED, FinalTest, Measured
from fcsearch.report.model import Report
from fcsearch.report.model_table import earlier_rows, model_rows
from fcsearch.report.next_space import NEXT_SPACE, lower_space, next_space
from fcsearch.report.page import Predicted, predicted_by, render_html
from fcsearch.report.passed_on import passed_on, privacy_of
from fcsearch.results import FrozenRun, Run, RunDirectory, files, rank_trials
from fcsearch.results.arrow import Row
from fcsearch.selection import answering_refit, chosen_trial, is_settled


def write_report(run: RunDirectory, *, top: int = DEFAULT_TOP, dataset: Dataset | LoadDataset | None = None) -> Report:
    """Build the run's report, with the best model on the test rows, and write report.html and report.json.

    The model is measured on validation and test rows when it is best for the first time, on the latter once the search
    is complete and its winner settled; after that report.json holds the figures.

    Args:
        run: The run directory.
        top: How many of the best trials to list.
        dataset: The run's dataset, or what loads it, if the caller has it; else it is loaded when it is needed.

    Raises:
        RunError: the run directory is damaged or cannot be written. A missing dataset or model is not an error: the
            report says so.
    """
    # Of a search of many packs, reading a table takes seconds.
    seen = FrozenRun.of(run)
    load = _loader(seen, dataset)
    found = measure_models(seen, load)
    report = build_report(seen, **vars(found), top=top)
    privacy = privacy_of(report, seen, seen.manifest())
    run.write_file(REPORT_JSON, _json(passed_on(report, privacy)))
    rows = model_rows(found, report)
    run.write_models([*rows, *earlier_rows(_models_before(run), rows)])
    _write_next_space(run, report, seen.trials())
    run.write_file(REPORT_HTML, render_html(report, seen, winner_predicted(seen, report, load)))
    return report


def report_of(
    run: RunDirectory,
    *,
    top: int = DEFAULT_TOP,
    write: bool = True,
    dataset: LoadDataset | None = None,
    refused: Callable[[RunError], None],
) -> Report:
    """The report for a reader: written, if asked for, unless the search is running; a run may be read-only.

    Args:
        run: The run directory.
        top: How many of the best trials to list.
        write: Whether to measure and to write; else only earlier measurements are reported.
        dataset: What loads the run's dataset; None: its files do.
        refused: Is told why the report could not be written.
    """
    # The test rows are for one model: while the search or a confirmation is running, the best may still change.
    if write and run.state() != "running" and not run.is_held():
        try:
            return write_report(run, top=top, dataset=dataset)
        except RunError as error:
            # Where the run cannot be read, either, there is one message.
            found = build_report(run, **vars(known_measurements(run)), top=top)
            refused(error)
            return found
    return build_report(run, **vars(known_measurements(run)), top=top)


def _models_before(run: RunDirectory) -> list[Row]:
    """The table of models as it is; empty if there is none, or it is damaged: the next one replaces it."""
    try:
        found: list[Row] = Run(run).models.to_pylist()
    except (pa.ArrowException, OSError):
        return []
    return found


def _write_next_space(run: RunDirectory, report: Report, trials: pa.Table) -> None:
    """Write next_space.yaml, unless there is no advice, or an earlier version wrote the space."""
    try:
        if report.best is None:
            text = lower_space(report, run.space())
        else:
            text = next_space(report, run.space(), rank_trials(trials).to_pylist())
    except UsageError:
        text = None
    if text is not None:
        run.write_file(NEXT_SPACE, text)
    else:
        files.remove(run.path / NEXT_SPACE)


def winner_predicted(run: RunDirectory, report: Report, load: LoadDataset) -> Predicted | None:
    """The predictions of a regression's winner for the validation rows; None if they cannot be made."""
    if report.best is None or OBJECTIVES[report.objective].task != "regression":
        return None
    try:
        return predicted_by(run, report.best.row["trial_id"], load())
    except (DataError, RunError):
        return None


def render_json(report: Report) -> str:
    """The report for programs: a JSON object with the fields of `Report`."""
    return _json(dataclasses.asdict(report))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def measure_models(run: RunDirectory, load: LoadDataset) -> Measured:
    """The run's models on the validation split, if possible, and on the test split.

    These are the chosen network (the confirmed winner, else the best of the search), the ensemble and the refit.
    Measurements in the last report are not repeated, unless an earlier version wrote them, without the figures of each
    class, or without the lead over the baseline. The test rows of a search that was interrupted or failed stay unseen,
    as they do while a confirmation is not complete or another process writes the run: it may find another winner.
    """
    known = known_measurements(run)
    if not len(rank_trials(run.trials())):
        return Measured(test=dataclasses.replace(known.test, measurement=None, note="no trial has a result"))
    chosen = chosen_trial(run)
    digest = answering_refit(run)
    concluded = run.state() == "complete" and is_settled(run) and not run.is_held_by_others()
    validation, test = _measure_chosen(run, chosen, load, known, digest=digest, concluded=concluded)
    load_test = load if concluded else None
    return Measured(
        validation=validation,
        test=test,
        ensemble=ensemble_of(run, chosen, load_test, known.ensemble),
        refit=None if digest else refit_of(run, chosen, load_test, known.refit),
    )


def _loader(run: RunDirectory, dataset: Dataset | LoadDataset | None) -> LoadDataset:
    """Gives the run's dataset, which is loaded, once, when it is first needed; DataError if it is not the run's."""
    if isinstance(dataset, Dataset):
        return lambda: dataset
    return functools.cache(dataset or (lambda: load_run_dataset(run)))


def _measure_chosen(
    run: RunDirectory, chosen: int, load: LoadDataset, known: Measured, *, digest: str | None, concluded: bool
) -> tuple[Measurement | None, FinalTest]:
    """The chosen trial's network on the validation rows; and, once the winner is settled, on the test rows.

    With folds the latter is its refit, whose digest is `digest`.
    """
    refit = digest is not None
    validation = known.validation if known.validation and known.validation.trial_id == chosen else None
    test = known.test.measurement if known.test.is_of(chosen, digest=digest) else None
    if _is_full(validation) and _is_full(test):
        return validation, known.test
    # Imported where something is measured: with torch it takes longer than all of a finished run's report.
    from fcsearch.report.measure import chosen_on_test_rows, chosen_on_validation_rows

    try:
        if not _is_full(validation):
            validation = chosen_on_validation_rows(run, chosen, load())
        if not concluded:
            note = None if test else NOT_YET_MEASURED
            return validation, dataclasses.replace(known.test, measurement=test, note=note, refit=refit, digest=digest)
        test = chosen_on_test_rows(run, chosen, load(), refit=refit)
    except (DataError, RunError) as error:
        # The figure of an earlier version is better than none.
        note = None if test else str(error)
        return validation, dataclasses.replace(known.test, measurement=test, note=note, refit=refit, digest=digest)
    trials = known.test.measured_trials
    # Twice, if it was measured before its training went on.
    seen = trials[-1:] == (chosen,) and known.test.measurement is not None
    trials = trials if seen else (*trials, chosen)
    return validation, FinalTest(test, None, trials, refit, digest)


def _is_full(found: Measurement | None) -> bool:
    if found is None or found.lead is None:
        return False
    return found.classification is not None or OBJECTIVES[found.objective].task == "regression"
