"""Builds a report from a run directory."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.config import HYPERPARAMETERS
from fcsearch.config.objective import Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.errors import RunError
from fcsearch.evaluation import BaseLine, Measurement, base_line, base_line_of_folds
from fcsearch.report.alternatives import ensemble_of, refit_of
from fcsearch.report.effects import differs, effects_of, varied_parameters
from fcsearch.report.features import features_of
from fcsearch.report.grounds import Grounds
from fcsearch.report.importance import importances_of
from fcsearch.report.measured import NOT_YET_MEASURED, Alternative, FinalTest, Measured
from fcsearch.report.model import Best, Dataset, Report, Work
from fcsearch.report.trust import assess
from fcsearch.report.verdict import Opening, opening_of
from fcsearch.report.without_result import diverged_from
from fcsearch.results import STATES, Manifest, RunDirectory, objective_of, rank_trials, read_labels, remote
from fcsearch.results.arrow import Row
from fcsearch.results.manifest import DatasetEntry
from fcsearch.results.timing import Span, session_count, work_clock
from fcsearch.selection import answering_refit, chosen_trial, confirmation_of, diverged_refits
from fcsearch.selection.calibration import Calibration, read_calibration

REPORT_HTML = "report.html"
REPORT_JSON = "report.json"
DEFAULT_TOP = 10


def build_report(
    run: RunDirectory,
    *,
    test: FinalTest,
    validation: Measurement | None = None,
    ensemble: Alternative | None = None,
    refit: Alternative | None = None,
    top: int = DEFAULT_TOP,
) -> Report:
    """Report a run: complete, running, interrupted or failed, with trials or without.

    Args:
        run: The run directory; it is only read.
        test: The chosen network on the test split, as far as it was measured.
        validation: The chosen network on the validation split, if it was measured.
        ensemble: The ensemble, as far as it was measured.
        refit: The refit, as far as it was measured.
        top: How many of the best trials to list.

    Raises:
        RunError: the run directory is damaged.
    """
    manifest, state, labels = run.manifest(), run.state(), read_labels(run.path)
    table = run.trials()
    rows = _json_rows(table)
    found = _grounds(run, state, table, Measured(validation, test, ensemble, refit))
    importances, note = importances_of(rows, found.objective)
    space, work, best = manifest.space or {}, _work(manifest, rows), found.chosen
    calibration = _calibration(run, best["trial_id"]) if best else None
    return Report(
        name=manifest.name or run.path.name,
        path=str(run.path),
        state=state,
        error=manifest.error,
        created_at=manifest.created_at.isoformat() if manifest.created_at else None,
        seed=manifest.seed,
        sampler=_sampler(space),
        objective=found.objective.name,
        dataset=found.dataset,
        work=work,
        best=_best(run, best, found.objective) if best else None,
        base_line=found.base,
        validation=found.validation,
        test=found.test,
        confirmation=found.confirmation,
        ensemble=found.alternative("ensemble"),
        refit=found.alternative("refit"),
        top=tuple(found.ranked[:top]),
        top_columns=tuple(name for name in varied_parameters(rows) if differs(found.ranked[:top], name)),
        effects=effects_of(rows, importances, found.objective),
        importance_note=note,
        trust=assess(found, work=work, space=space, calibration=calibration, importances=importances),
        files=_files(run),
        note=labels.note,
        tags=labels.tags,
        features=features_of(run, manifest.dataset or DatasetEntry(), best),
        run_options=_run_options(manifest),
        unfinished=tuple((row["trial_id"], row["best_epoch"]) for row in rows if row["state"] == UNFINISHED),
    )


def opening_of_run(run: RunDirectory, known: Measured) -> Opening:
    """What the run's report says first, by these measurements; RunError if the run is damaged."""
    found = _grounds(run, run.state(), run.trials(), known)
    return opening_of(found) if found.ranked else Opening()


def _grounds(run: RunDirectory, state: str, table: pa.Table, known: Measured) -> Grounds:
    """What is known of a run with these trials, by these measurements, which may be those of earlier models."""
    ranked, objective = _json_rows(rank_trials(table)), objective_of(table)
    described = run.manifest().dataset or DatasetEntry()
    chosen = chosen_trial(run) if ranked else None
    measured = _of_the_chosen(run, known, chosen)
    alternatives = [found for found in (measured.ensemble, measured.refit) if found]
    members = {member for found in alternatives for member in found.members}
    return Grounds(
        ranked,
        measured.test,
        state,
        _dataset(described),
        objective,
        base=_base_line(described, measured.validation, objective),
        validation=measured.validation,
        chosen=next((row for row in ranked if row["trial_id"] == chosen), None),
        confirmation=confirmation_of(run),
        alternatives=alternatives,
        diverged_refits=diverged_refits(run, members if chosen is None else {chosen, *members}),
    )


def _run_options(manifest: Manifest) -> tuple[str, ...]:
    """The options of the run's search, where they are not the usual ones, that a further one needs too."""
    given = manifest.options
    found: list[str] = ["--pool", "local"] if given.get("pool") == "local" else []
    for name in ("workers", "gpus_per_worker", "cpus_per_worker"):
        if given.get(name) is not None:
            found += [f"--{name.replace('_', '-')}", str(given[name])]
    return (*found, "--tf32") if given.get("tf32") else tuple(found)


def _calibration(run: RunDirectory, chosen: int) -> Calibration | None:
    """The calibration of the chosen network, if its model is kept."""
    if chosen not in run.models.saved():
        return None
    try:
        return read_calibration(run.models.metadata(chosen), where=str(run.models.path(chosen)))
    except RunError:
        return None  # a damaged model is reported where it is needed


def _of_the_chosen(run: RunDirectory, measured: Measured, chosen: int | None) -> Measured:
    """The measurements of the current models, without those of models that they replaced."""
    validation, test = measured.validation, measured.test
    digest = answering_refit(run) if chosen is not None else None
    if validation and validation.trial_id != chosen:
        validation = None
    if test.measurement and not test.is_of(chosen, digest=digest):
        test = replace(test, measurement=None, note=NOT_YET_MEASURED, refit=digest is not None, digest=digest)
    if chosen is None:
        return Measured(validation, test)
    ensemble = ensemble_of(run, chosen, None, measured.ensemble)
    again = None if digest else refit_of(run, chosen, None, measured.refit)
    return Measured(validation, test, ensemble, again)


def _json_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows, times in ISO 8601."""
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _sampler(space: Mapping[str, Any]) -> str | None:
    sampler = space.get("sampler")
    return sampler.get("name") if isinstance(sampler, dict) else sampler


def _dataset(described: DatasetEntry) -> Dataset:
    return Dataset(
        name=described.name or "unknown",
        fingerprint=described.fingerprint,
        train_rows=described.rows.train,
        val_rows=described.rows.val,
        test_rows=described.rows.test,
        classes=described.num_classes,
        class_names=described.class_names or None,
        class_counts=described.class_counts or None,
        task=described.task,
        label=described.label,
        split="; ".join(described.split_words()) or None,
        folds=len(described.folds) or None,
        training_sample=described.measured_training_rows,
        given_splits=described.given_splits,
    )


def _base_line(described: DatasetEntry, validation: Measurement | None, objective: Objective) -> BaseLine | None:
    """The baseline of the validation rows: from the manifest's classes, else from what was measured on those rows.

    With folds it is the mean over them, as the figures are.
    """
    by_split, names, positive = described.class_counts or {}, described.class_names, described.positive
    folds = [fold.class_counts for fold in described.folds]
    if names and folds and all(map(any, folds)):
        return base_line_of_folds(names, folds, objective.name, positive=positive)
    counts = by_split.get("val", ())
    if folds and counts:
        # An earlier version did not count by fold: what trains in the first fold validates in another.
        counts = tuple(map(sum, zip(counts, by_split["train"], strict=True)))
    if names and any(counts):
        return base_line(names, counts, objective.name, positive=positive)
    return validation.base_line if validation else None


def _work(manifest: Manifest, rows: Sequence[Mapping[str, Any]]) -> Work:
    found = Counter(row["state"] for row in rows)
    packs = [
        (datetime.fromisoformat(row["started_at"]), datetime.fromisoformat(row["finished_at"]))
        for row in rows
        if row["started_at"] and row["finished_at"]
    ]
    elapsed, ended = _elapsed(manifest, packs), len(rows) - found[UNFINISHED]
    failed = sorted((row["trial_id"], row["error"]) for row in rows if row["state"] == "failed")
    return Work(
        planned=manifest.planned,
        counts={state: found[state] for state in STATES},
        packs=len({row["pack_id"] for row in rows}),
        elapsed_seconds=elapsed,
        trials_per_minute=60 * ended / elapsed if ended and elapsed else None,
        train_seconds=sum(row["train_seconds"] or 0.0 for row in rows),
        places=dict(Counter(f"{row['node'] or 'unknown'} {row['device'] or ''}".strip() for row in rows).most_common()),
        first_error=failed[0][1] if failed else None,
        sessions=session_count(manifest, packs),
        ended_by=manifest.ended_by,
        workers=manifest.workers,
        diverged_from=diverged_from(rows),
    )


def _elapsed(manifest: Manifest, packs: Sequence[Span]) -> float:
    """Seconds of work from the run's start to its end, or to its latest result if it has not ended."""
    clock = work_clock(manifest, packs)
    finished = [manifest.finished_at, *(session.finished_at for session in manifest.sessions)]
    ends = [*filter(None, finished), *(end for _, end in packs)]
    return max(map(clock.seconds, ends)) if clock and ends else 0.0


def _best(run: RunDirectory, row: Row, objective: Objective) -> Best:
    model = run.models.path(row["trial_id"])
    again = ["fcsearch", "train", "--run", remote.address(run.path), "--trial", str(row["trial_id"])]
    return Best(
        row=row,
        parameters={name: row[name] for name in HYPERPARAMETERS if row[name] is not None},
        model=str(model) if model.is_file() else None,
        train_command=shlex.join(again),
        final=_final(run, row, objective),
    )


def _final(run: RunDirectory, row: Row, objective: Objective) -> float | None:
    """A trial's objective after its last epoch: in its row if it is the figure that is always measured there."""
    if objective is objective.own:
        return row.get(f"final_{objective.column}")
    epochs = run.epochs()
    mine = epochs.filter(pc.equal(epochs["trial_id"], row["trial_id"]))
    return mine[objective.column].to_pylist()[-1] if len(mine) else None


def _files(run: RunDirectory) -> dict[str, str]:
    meanings: dict[str, Path] = {
        "trials": run.path / "trials",
        "epochs": run.path / "epochs",
        "models": run.models.folder,
        "report": run.path / REPORT_HTML,
        "journal": run.journal_path,
        "log": run.log_path,
    }
    return {name: str(path) for name, path in meanings.items()}
