"""Carries out a plan on a run directory: trains what is left, keeps the best models, and reports."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fcsearch.data import Dataset
from fcsearch.errors import FcsearchError, RunError, SearchError, UsageError
from fcsearch.results import RunDirectory, remote
from fcsearch.results.manifest import Manifest, SessionEntry
from fcsearch.results.patience import Patience, patient
from fcsearch.search.loop.interruption import Interruption, Terminated, interruption
from fcsearch.search.loop.later_stages import Surroundings
from fcsearch.search.loop.published import ForOthers
from fcsearch.search.loop.session import EndedBy, Stages, has_result, run_stages
from fcsearch.search.loop.time_budget import grace_of
from fcsearch.search.loop.view import View
from fcsearch.search.planning.plan import SearchPlan
from fcsearch.search.pool.interface import OpenPool
from fcsearch.search.record.manifest import moment_of
from fcsearch.space import SearchSpace
from fcsearch.wording import wording

# Imported while the first packs train (see loop/session.py): with torch it takes a second and more.
if TYPE_CHECKING:
    from fcsearch.report import Report

logger = logging.getLogger(__name__)

# A search whose time budget is used up is complete as asked; `resume` can still continue it.
_STATES: dict[EndedBy, str] = {
    "trials": "complete",
    "time_budget": "complete",
    "interrupt": "interrupted",
    "terminate": "interrupted",
}


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        run: Its run directory.
        ended_by: `trials`: all are done; `time_budget`; `interrupt`: Ctrl-C; or `terminate`: SIGTERM.
        report: The report; None if no trial has a result, or none was asked for.
    """

    run: RunDirectory
    ended_by: EndedBy
    report: Report | None


def train(
    run: RunDirectory,
    plan: SearchPlan,
    dataset: Dataset,
    view: View,
    opening: AbstractContextManager[OpenPool],
    began: float,
    deadline: float | None,
    *,
    report: bool = True,
) -> SearchResult:
    """Train the remaining trials of a plan, keep the best models, and report.

    Args:
        run: The run directory; the caller holds `writing()`.
        plan: The whole plan.
        dataset: The dataset.
        view: Shows the progress.
        opening: What opens the pools that train the packs; it ends before the report is made.
        began: When the command began, on the monotonic clock.
        deadline: When all training must have ended, on the same clock; None: there is no time budget.
        report: Whether to write the report at the end.

    Raises:
        UsageError: fewer trials are asked for than have a row, or the pool cannot be opened.
        SearchError: no trial has a result, or the pool broke; the run records the reason.
    """
    with attended(run, view) as stop:
        for damage in run.set_damaged_aside():
            view.notice(str(damage))
        done, left = len(run.finished_trials()), len(run.unfinished_trials())
        if plan.trials < done + left:
            counted = f"the trials done{f' and the {left} unfinished' if left else ''}"
            raise RunError(
                f"--trials is the run's total and must be at least {done + left}, {counted}; found {plan.trials}"
            )
        before = run.manifest()
        options = {**plan.options.to_json(), "trials": plan.trials}
        started = _session(before, began)
        running: dict[str, Any] = {
            "state": "running",
            "options": options,
            "sessions": (*before.sessions, started),
            "finished_at": None,
            "error": None,
            "ended_by": None,
        }
        run.update_manifest(running)
        for form in (dataset, *dataset.forms):
            run.keep_transform(form.transform, form.form)
        changes: dict[str, Any] = {"state": "failed"}
        reports = False
        seen = ForOthers(view, run, page_every=plan.options.page_every if report else 0)
        try:
            around = Surroundings(run, seen, stop, deadline, began, grace_of(plan.options))
            stages = Stages(confirm=plan.options.confirm != 0)
            with opening as open_pool:
                ended_by = run_stages(around, plan, dataset, open_pool, stages)
            if _STATES[ended_by] == "complete":
                _require_result(run, plan.space)
            changes = {"state": _STATES[ended_by], "ended_by": ended_by}
            reports = report and has_result(run)
        except KeyboardInterrupt as signal:
            by = "terminate" if isinstance(signal, Terminated) else "interrupt"
            changes = {"state": "interrupted", "ended_by": by}
            raise
        except UsageError:
            # Nothing was trained: the run has not changed.
            changes = {key: getattr(before, key) for key in running}
            raise
        except BaseException as error:
            # All of it is in the log; Ray's errors have forty lines, with the commands of other processes.
            changes["error"] = (str(error).splitlines() or [type(error).__name__])[0]
            raise
        finally:
            ended = started.model_copy(update={"finished_at": datetime.now(UTC)})
            changes = {"finished_at": ended.finished_at, "sessions": (*before.sessions, ended), **changes}
            _write_end(run, changes, dataset if report else None, seen, reports=reports)
        return conclude(run, plan, dataset, view, ended_by, report=report)


def _session(run: Manifest, began: float) -> SessionEntry:
    """The session of this process, from its command's start by the monotonic clock; the first one, the run's."""
    moment = moment_of(began)
    # The two clocks are read anew for each moment, and may have been set right between.
    earliest = moment - timedelta(seconds=1)
    made = run.created_at if not run.sessions and run.created_at and run.created_at >= earliest else None
    return SessionEntry(started_at=made or moment)


@contextlib.contextmanager
def attended(run: RunDirectory, view: View) -> Iterator[Interruption]:
    """Write a run with patience, and send its copy, until the user wants its search to end."""
    with (
        interruption() as stop,
        remote.mirroring(run.path, view.notice, stop.request),
        patient(Patience(run.path, view.notice, lambda: stop.requested)),
    ):
        yield stop


def _write_end(
    run: RunDirectory, changes: Mapping[str, Any], dataset: Dataset | None, seen: ForOthers, *, reports: bool
) -> None:
    """Record the end of a search; if that fails, the error that ended the search is still the one raised."""
    broken = sys.exc_info()[1]
    failed = False
    try:
        with _written(run):
            try:
                run.update_manifest(changes)
                # Also if every trial failed: the report says why, and what was tried.
                failed = dataset is not None and changes["state"] == "failed" and len(run.trials()) > 0
            finally:
                seen.close(report=reports or failed)
            if failed:
                from fcsearch.report import write_report

                write_report(run, dataset=dataset)
    except FcsearchError as error:
        if broken is None and changes["state"] == "complete":
            raise
        logger.error("%s", error)


@contextlib.contextmanager
def _written(run: RunDirectory, again: str = "resume") -> Iterator[None]:
    """Turn a run directory that can no longer be read or written into a SearchError."""
    try:
        yield
    except (RunError, OSError) as error:
        raise SearchError(f"{error}; then continue with `fcsearch {again} {remote.address(run.path)}`") from error


def conclude(
    run: RunDirectory,
    plan: SearchPlan,
    dataset: Dataset,
    view: View,
    ended_by: EndedBy,
    *,
    report: bool = True,
    again: str = "resume",
) -> SearchResult:
    """Keep the best models, and report.

    Args:
        run: The run directory; the caller has it `attended`.
        plan: The whole plan.
        dataset: The dataset.
        view: Is told why there is no report where the user ended the search.
        ended_by: What ended it.
        report: Whether to write the report.
        again: The command that continues it.

    Raises:
        SearchError: the run directory can no longer be read or written, and the search was not asked to end.
    """
    try:
        with _written(run, again):
            return _concluded(run, plan, dataset, ended_by, report=report)
    except SearchError as error:
        if _STATES[ended_by] == "complete":
            raise
        # It was asked to end, and does; `resume` writes the report.
        view.notice(str(error))
        return SearchResult(run, ended_by, None)


def _concluded(
    run: RunDirectory, plan: SearchPlan, dataset: Dataset, ended_by: EndedBy, *, report: bool
) -> SearchResult:
    if not has_result(run):
        return SearchResult(run, ended_by, None)
    from fcsearch.report import write_report
    from fcsearch.search.record.keeping import keep_best
    from fcsearch.training.threads import threads_for

    weights = max(run.trials()["num_parameters"].drop_null().to_pylist(), default=0)
    with threads_for(weights * (len(dataset.val) + len(dataset.test))):
        # An interrupted search may continue: its candidates stay.
        if _STATES[ended_by] == "complete":
            keep_best(run, dataset, keep_models=plan.options.keep_models, ensemble=plan.options.ensemble)
        return SearchResult(run, ended_by, write_report(run, dataset=dataset) if report else None)


def _require_result(run: RunDirectory, space: SearchSpace) -> None:
    """Raise SearchError for a search whose trials have no result."""
    rows = run.trials().select(["state", "learning_rate"]).to_pylist()
    if rows and not has_result(run):
        from fcsearch.report.next_space import NEXT_SPACE, with_lower_rates
        from fcsearch.report.without_result import diverged_from, what_to_change

        states, least = Counter(row["state"] for row in rows), diverged_from(rows)
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        change = (
            f"; the loss of those that diverged was not finite{what_to_change(least)}"
            if states["diverged"]
            else wording().files(f"; see {run.log_path}")
        )
        lower = with_lower_rates(space, least) is not None
        then = f", {NEXT_SPACE} beside it has lower learning rates" if lower else ""
        shown = wording().files(f"; {run.path / 'report.html'} shows what was tried{then}")
        raise SearchError(f"no trial has a result ({counts}){change}{shown}")
