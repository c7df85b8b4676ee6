"""Whether a run is finished: whether its own search has anything left to do."""

from __future__ import annotations

from fcsearch.report.build import REPORT_HTML
from fcsearch.results import RunDirectory
from fcsearch.selection import is_settled, lacks_refits


def is_finished(run: RunDirectory) -> bool:
    """Whether a search with the run's own options would train nothing, repair nothing, and report the same.

    A model that is newer than the report (such as one that was trained again, and has no temperature yet) leaves
    something to do.

    Raises:
        RunError: the run is damaged in a way that no search repairs.
    """
    manifest, report = run.manifest(), run.path / REPORT_HTML
    if (run.state(), manifest.ended_by) != ("complete", "trials") or run.is_held() or not report.is_file():
        return False
    if not run.is_whole() or len(run.finished_trials()) < (manifest.planned or 0) or not is_settled(run):
        return False
    # What is settled for want of time goes on when there is time.
    if (manifest.confirmation and manifest.confirmation.out_of_time) or lacks_refits(run):
        return False
    written, models = report.stat().st_mtime_ns, run.models.folder
    return models.is_dir() and all(path.stat().st_mtime_ns <= written for path in models.iterdir())
