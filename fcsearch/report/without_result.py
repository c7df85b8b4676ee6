"""Trials without a result: what a report says of them, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fcsearch.report.findings import Evidence
from fcsearch.report.judgement import Pull
from fcsearch.report.model import Work
from fcsearch.report.moves import lower_rates
from fcsearch.report.words import plural, value_text

_MANY_DIVERGED = 0.2


def diverged_from(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The least learning rate of these trials if all of them diverged; else None."""
    trials = list(rows)
    if any(row["state"] != "diverged" for row in trials):
        return None
    return min((row["learning_rate"] for row in trials), default=None)


def of_the_states(work: Work) -> Iterator[Evidence]:
    """Trials without a result."""
    diverged = work.counts.get("diverged", 0)
    if diverged and diverged == work.done:
        who = f"All {diverged:,} trials" if diverged > 1 else "The trial"
        if other := _other_cause(work.diverged_from):
            yield Evidence("diverged", f"{who} diverged{other}")
        else:
            lower = "search at a lower {parameters}"
            yield Evidence("diverged", f"{who} diverged", lower, (Pull("learning_rate", "down"),))
    elif work.done and diverged / work.done >= _MANY_DIVERGED:
        yield Evidence(
            "diverged",
            f"{plural(diverged, 'trial')} of {work.done:,} diverged",
            "a lower upper bound on {parameters} would waste fewer",
            (Pull("learning_rate", "down"),),
        )
    if failed := work.counts.get("failed", 0):
        yield Evidence("failed", f"{plural(failed, 'trial')} failed, the first with: {work.first_error}")


def what_to_change(least: float | None) -> str:
    """The end of an error where trials diverged and none has a result.

    Args:
        least: The least learning rate that was tried, if all diverged.
    """
    return _other_cause(least) or ": lower learning_rate, reg or weight_scale in the space"


def _other_cause(least: float | None) -> str:
    """Where to look if lower learning rates than the least one hardly learn; empty if they do."""
    if least is None or lower_rates(least) is not None:
        return ""
    return (
        f", with learning rates down to {value_text(least, 3)}; networks hardly learn with lower ones, so look for "
        "another cause: a large reg or weight_scale, or features that are not standardised"
    )
