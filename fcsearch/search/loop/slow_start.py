"""What the start of a search took of its time budget."""

from __future__ import annotations

from fcsearch.report.words import duration
from fcsearch.search.options import SearchOptions

# A start that takes more of a time budget is worth a line.
_SHARE = 0.2


def slow_start(options: SearchOptions, began: float, trained_at: float | None) -> str | None:
    """What the start took of the time budget, and what to do; None where it was no more than a fifth, or for no budget.

    Args:
        options: The user's options.
        began: When the command began, on the monotonic clock.
        trained_at: When a first epoch had been trained; None: none was.
    """
    budget = options.time_budget
    if budget is None or (trained_at is not None and trained_at - began <= _SHARE * budget):
        return None
    if trained_at is None:
        took = f"no epoch was trained within the {duration(budget)}"
    else:
        took = f"{duration(trained_at - began)} of the {duration(budget)} passed before a first epoch was trained"
    on_ray = options.pool == "ray" and not options.address
    return f"{took}{'; `--pool local` starts sooner on one machine' if on_ray else ''}"
