"""Whether a figure shows that something was learned, in the same words wherever it is said."""

from __future__ import annotations

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import BaseLine, Lead, Measurement


def lead_over(base: BaseLine, value: float, error: float) -> Lead:
    """The lead of a value of which only its own standard error is known."""
    objective = OBJECTIVES[base.objective]
    return Lead(objective.gain(value - base.value), error, paired=False)


def not_above_baseline(name: str, value: float, lead: Lead, base: BaseLine) -> str | None:
    """A clause that says that a figure is not better than the baseline by more than chance explains; None if it is.

    Args:
        name: The figure, in words that begin the clause.
        value: It.
        lead: Its lead over the baseline.
        base: The baseline of the same rows, in the same objective.
    """
    if lead.is_real:
        return None
    objective = OBJECTIVES[base.objective]
    answer = f"always answering {base.answer!r}" if objective.name == "accuracy" else base.method
    figure, side = f"{name}, {objective.show(value)}", "above" if objective.maximize else "below"
    below = f"{side} the {objective.show(base.value)} of {answer}"
    if lead.error is not None:
        what = "standard errors of the difference, row by row" if lead.paired else "standard errors"
        return f"{figure}, is not more than two {what} ({objective.show_difference(2 * lead.error)}) {below}."
    if lead.gain <= 0 or lead.chance is None:
        return f"{figure}, is not {below}."
    return f"{figure}, is {below}, but {lead.chance:.2g} of all random orders of its answers do as well on these rows."


def not_shown(found: Measurement, name: str) -> str | None:
    """The same of a measurement; None also if it has no baseline."""
    base = found.base_line
    if base is None:
        return None
    return not_above_baseline(name, found.value, found.lead or lead_over(base, found.value, found.standard_error), base)
