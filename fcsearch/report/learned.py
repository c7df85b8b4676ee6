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


def lead_in(found: Measurement) -> Lead | None:
    """The lead of a measurement; None if it has no baseline."""
    base = found.base_line
    return found.lead or lead_over(base, found.value, found.standard_error) if base else None


def not_shown(found: Measurement, name: str) -> str | None:
    """The same of a measurement; None also if it has no baseline."""
    base, lead = found.base_line, lead_in(found)
    return not_above_baseline(name, found.value, lead, base) if base and lead else None


def best_by_chance(
    name: str, value: float, lead: Lead, base: BaseLine, *, measurements: int, test: Measurement | None
) -> str | None:
    """A clause that says that a figure leads only as the best of many; None if it leads by more.

    Rows that played no part in the choice settle it, where they were measured.

    Args:
        name: The figure, in words that begin the clause.
        value: It.
        lead: Its lead over the baseline.
        base: The baseline of the same rows, in the same objective.
        measurements: On those rows, by which the network and its epoch were chosen.
        test: The network on the test rows, if they were measured.
    """
    unseen = lead_in(test) if test else None
    if lead.is_real_among(measurements) or (unseen and unseen.is_real):
        return None
    objective = OBJECTIVES[base.objective]
    settled = not_shown(test, f"its test {objective.title}") if test and unseen else None
    return (
        f"{name}, {objective.show(value)}, leads the baseline, {objective.show(base.value)}, by no more than chance "
        f"explains for the best of {measurements:,} measurements on these rows, one for each epoch of each trial; and "
        + (settled or "no test rows were measured.")
    )
