"""What a session says of a run at its start: the plan, and how far earlier sessions brought it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from fcsearch.report.words import duration
from fcsearch.results import RunDirectory
from fcsearch.results.timing import work_clock
from fcsearch.search.planning.plan import SearchPlan


def lines_of(plan: SearchPlan, run: RunDirectory, *, begun: int, saved: Collection[int]) -> dict[str, str]:
    """The plan as label and text; in a run that goes on also how far it is, and only what still waits to come first.

    Args:
        plan: The plan.
        run: The run directory.
        begun: Trials that were asked for, and are not done.
        saved: Those of them that continue from a checkpoint.
    """
    lines, done = plan.lines(), len(run.finished_trials())
    if not done and not begun:
        return lines
    rows = run.trials().select(["started_at", "finished_at"]).to_pylist()
    clock = work_clock(run.manifest(), [(row["started_at"], row["finished_at"]) for row in rows if all(row.values())])
    took = f" in {duration(clock.seconds(datetime.now(UTC)))}" if clock and rows else ""
    left = f"; {begun:,} wait, {len(saved):,} of them with a checkpoint" if begun else ""
    # Trials are asked for in the order in which these wait.
    lines["comes first"] = plan.first_words(asked=done + begun)
    return {
        **{label: text for label, text in lines.items() if text},
        "so far": f"{done:,} of {plan.trials:,} trials done{took}{left}",
    }
