"""The verdict on a search that does not show that anything was learned, in the same words wherever it is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.evaluation import BaseLine, Lead, Measurement, standard_error
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset, Verdict

NOTHING = "nothing was learned"
NOT_SHOWN = "it is not shown that anything was learned"
_NO_TEST, _LATER = "no test rows were measured", "the test rows are measured once the winner is settled"


@dataclass(frozen=True)
class Figure:
    """A figure, and the baseline of the same rows in the same objective.

    Attributes:
        name: It, in words that begin a clause.
        value: Its value.
        lead: Its lead over the baseline.
        base: The baseline.
    """

    name: str
    value: float
    lead: Lead
    base: BaseLine


def lead_over(base: BaseLine, value: float, error: float) -> Lead:
    """The lead of a value of which only its own standard error is known."""
    objective = OBJECTIVES[base.objective]
    return Lead(objective.gain(value - base.value), error, paired=False)


def figure_of(found: Measurement, whose: str) -> Figure | None:
    """The figure of a measurement, of which `whose` says whose it is; None if it has no baseline."""
    if (base := found.base_line) is None:
        return None
    lead = found.lead or lead_over(base, found.value, found.standard_error)
    return Figure(f"{whose} {found.place} {OBJECTIVES[found.objective].title}", found.value, lead, base)


def not_above_baseline(figure: Figure) -> str | None:
    """A clause that says that a figure is not better than the baseline by more than chance explains; None if it is."""
    lead, base = figure.lead, figure.base
    if lead.is_real:
        return None
    objective = OBJECTIVES[base.objective]
    answer = f"always answering {base.answer!r}" if objective.name == "accuracy" else base.method
    shown, side = f"{figure.name}, {objective.show(figure.value)}", "above" if objective.maximize else "below"
    below = f"{side} the {objective.show(base.value)} of {answer}"
    if lead.error is not None:
        what = "standard errors of the difference, row by row" if lead.paired else "standard errors"
        return f"{shown}, is not more than two {what} ({objective.show_difference(2 * lead.error)}) {below}."
    if lead.gain <= 0 or lead.chance is None:
        return f"{shown}, is not {below}."
    return f"{shown}, is {below}, but {lead.chance:.2g} of all random orders of its answers do as well on these rows."


def judge(figure: Figure, *, trials: int, test: Measurement | None, untested: str = _NO_TEST) -> Verdict | None:
    """The verdict on the best of many trials; None if it has learned something.

    Rows that played no part in the choice settle it, where they show a lead: they are measured once, for one network.

    Args:
        figure: Its figure on the rows that it was chosen by.
        trials: Of which it is the best. Their epochs are not counted: one differs little from the next.
        test: The network on the test rows, if they were measured.
        untested: Why they were not, otherwise.
    """
    unseen = figure_of(test, "its") if test else None
    if unseen is not None and unseen.lead.is_real:
        return None
    if short := not_above_baseline(figure):
        return Verdict(NOTHING, short)
    if figure.lead.is_real_among(trials):
        return None
    objective, base = OBJECTIVES[figure.base.objective], figure.base
    by_chance = (
        f"{figure.name}, {objective.show(figure.value)}, leads the baseline, {objective.show(base.value)}, by no more "
        f"than chance explains for the best of {trials:,} trials on these rows"
    )
    if test is None:
        return Verdict(NOT_SHOWN, f"{by_chance}; and {untested}.")
    settled = not_above_baseline(unseen) if unseen else None
    return Verdict(NOT_SHOWN, f"{by_chance}; and {settled}" if settled else f"{by_chance}.")


def verdict_on(
    ranked: Sequence[Mapping[str, Any]],
    test: FinalTest,
    *,
    state: str,
    dataset: Dataset,
    base: BaseLine | None,
    validation: Measurement | None,
    objective: Objective,
) -> Verdict | None:
    """The verdict on a search: by its best network's validation rows, else by the value of its best trial.

    Args:
        ranked: The rows of the trials with a result, best first.
        test: The best network on the test rows.
        state: The state of the run.
        dataset: Numbers of rows.
        base: The baseline of the validation rows; None if it is not known.
        validation: The best network on the validation rows, if it was measured.
        objective: The run's objective.
    """
    figure = None
    error = value_error(ranked[0], dataset, validation, objective)
    if validation is not None and bool(dataset.folds) == (validation.folds is not None):
        figure = figure_of(validation, "the best network's")
    elif base is not None and error is not None:
        name, value = f"the best validation {objective.title} of all trials", ranked[0][objective.column]
        figure = Figure(name, value, lead_over(base, value, error), base)
    if figure is None:
        return None
    later = test.is_to_come and bool(dataset.test_rows)
    found = judge(figure, trials=len(ranked), test=test.measurement, untested=_LATER if later else _NO_TEST)
    return found and replace(found, so_far=later or state != "complete")


def value_error(
    best: Mapping[str, Any], dataset: Dataset, validation: Measurement | None, objective: Objective
) -> float | None:
    """The standard error of the best value: over the folds, from the rows for an accuracy, else as measured."""
    if dataset.folds:
        error: float | None = best.get("val_standard_error")
        return error
    if objective.name == "accuracy":
        return standard_error(best[objective.column], dataset.val_rows) if dataset.val_rows else None
    return validation.standard_error if validation else None
