"""How far to trust the best result: what the numbers of a search can say, and what they cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.report.model import Dataset, FinalTest, Trust, Work
from fcsearch.report.words import listing, percent, plural, points, standard_error, value_text

_MANY_DIVERGED = 0.2
_OVERFIT_GAP = 0.05
_EDGE = 0.02
_SMALL_ENOUGH = 0.8
_BOUNDS = ("low", "high")

Row = Mapping[str, Any]


def assess(
    ranked: Sequence[Row], test: FinalTest, *, state: str, work: Work, dataset: Dataset, space: Mapping[str, Any]
) -> Trust:
    """Weigh the best of a run.

    Args:
        ranked: The rows of the trials with a result, best first.
        test: The best model on the test split.
        state: What became of the run.
        work: Counts of the trials.
        dataset: Numbers of rows.
        space: The space as the manifest has it.
    """
    progress = tuple(_of_the_run(state, work))
    if not ranked:
        return Trust(standard_error=None, within=0, smallest=None, remarks=progress)
    best, rows = ranked[0], dataset.val_rows
    error = standard_error(best["val_accuracy"], rows) if rows else None
    near = [row for row in ranked if row["val_accuracy"] >= best["val_accuracy"] - (error or 0.0)]
    smallest = min(near, key=lambda row: (row["num_parameters"] or math.inf, -row["val_accuracy"], row["trial_id"]))
    remarks = (
        *progress,
        *_of_the_choice(best, len(near), len(ranked), rows, error),
        *_of_the_test(best, test, error),
        *_of_the_network(best, smallest),
        *_of_the_space(best, space),
    )
    return Trust(standard_error=error, within=len(near), smallest=dict(smallest), remarks=remarks)


def _of_the_run(state: str, work: Work) -> Iterator[str]:
    if state != "complete":
        endings = {"running": "is still going on", "interrupted": "was interrupted", "failed": "failed"}
        planned = f" of {work.planned:,}" if work.planned else ""
        yield (
            f"The run {endings.get(state, state)}: {work.done:,}{planned} trials are done, and what follows may change."
        )
    elif work.planned and work.done < work.planned:
        yield f"The run ended after {work.done:,} of {work.planned:,} trials."
    diverged = work.counts.get("diverged", 0)
    if work.done and diverged / work.done >= _MANY_DIVERGED:
        yield (
            f"{plural(diverged, 'trial')} of {work.done:,} diverged: a lower upper bound on learning_rate would waste "
            "fewer."
        )
    if failed := work.counts.get("failed", 0):
        yield f"{plural(failed, 'trial')} failed, the first with: {work.first_error}"


def _of_the_choice(best: Row, near: int, count: int, rows: int | None, error: float | None) -> Iterator[str]:
    if rows is None or error is None:
        yield "The manifest does not say how many rows validate, so the accuracies come without standard errors."
        return
    yield (
        f"Validation accuracy {percent(best['val_accuracy'])} was measured on {plural(rows, 'row')}: its standard "
        f"error is {points(error)}."
    )
    if count > 1:
        others = (
            "No other trial lies"
            if near == 1
            else f"{plural(near - 1, 'other trial')} of {count - 1:,} lie" + ("s" if near == 2 else "")
        )
        yield (
            f"{others} within one standard error of it. It is the highest of {count:,} measurements on the same rows, "
            "so it is too high on average, the more so the more trials lie close to it."
        )
    yield "Every trial ran with one seed: how much another seed would change it was not measured."


def _of_the_test(best: Row, test: FinalTest, error: float | None) -> Iterator[str]:
    measured = test.measurement
    if measured is None:
        yield f"Test accuracy was not measured: {test.note}."
        return
    gap = best["val_accuracy"] - measured.accuracy
    spread = math.hypot(error or 0.0, measured.standard_error)
    verdict = "within what chance explains" if abs(gap) <= 2 * spread else "more than chance explains"
    yield (
        f"Test accuracy {percent(measured.accuracy)}, standard error {points(measured.standard_error)} "
        f"({plural(measured.rows, 'row')}), is the figure to quote: these rows chose nothing. Validation minus test is "
        f"{points(gap)}, {verdict} (two standard errors of the difference: {points(2 * spread)})."
    )
    if len(test.measured_trials) > 1:
        trials = listing([str(trial) for trial in test.measured_trials])
        yield (
            f"The test rows have been used {len(test.measured_trials)} times in this run (trials {trials}). Do not "
            "choose between those by their test accuracy."
        )


def _of_the_network(best: Row, smallest: Row) -> Iterator[str]:
    size, least = best["num_parameters"], smallest["num_parameters"]
    if size and least and least < _SMALL_ENOUGH * size:
        yield (
            f"Trial {smallest['trial_id']} is within one standard error with {least:,} parameters in place of {size:,} "
            f"(validation {percent(smallest['val_accuracy'])})."
        )
    if best["train_accuracy"] is not None and best["train_accuracy"] - best["val_accuracy"] > _OVERFIT_GAP:
        gap = points(best["train_accuracy"] - best["val_accuracy"])
        yield f"The best network does {gap} better on its training rows: more dropout or reg may help."
    if best["epochs"] and best["best_epoch"] == best["epochs"]:
        yield f"Its best epoch was its last ({best['epochs']}): more epochs may help."


def _of_the_space(best: Row, space: Mapping[str, Any]) -> Iterator[str]:
    for name, definition in _parameters(space).items():
        if name in best and isinstance(definition, dict) and (edge := _edge(best[name], definition)):
            yield f"{name} = {value_text(best[name])} lies at the {edge} end of what was searched: widen it there."


def _parameters(space: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = space.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _edge(value: Any, definition: Mapping[str, Any]) -> str | None:
    """`lower` or `upper` if the value lies at an end of its range that could be moved."""
    choices = definition.get("choices")
    bounds = choices if isinstance(choices, list) and len(choices) > 2 else [definition.get(key) for key in _BOUNDS]
    if not all(type(bound) in (int, float) for bound in [value, *bounds]) or min(bounds) == max(bounds):
        return None
    low, high = min(bounds), max(bounds)
    scale = math.log if definition.get("log") and min(low, value) > 0 else float
    place = (scale(value) - scale(low)) / (scale(high) - scale(low))
    if place >= 1 - _EDGE:
        return "upper"
    # 0 dropout or 0 reg is no bound that could be moved, nor is a depth of 1.
    natural = low == 0 or (isinstance(low, int) and low == 1)
    return "lower" if place <= _EDGE and not natural else None
