"""How far to trust the best result: what the figures of a search show, and what they do not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.evaluation import BaseLine
from fcsearch.report.advice import (
    of_few_rows,
    of_heavy_tails,
    of_the_classes,
    of_the_end,
    of_the_network,
    of_the_space,
)
from fcsearch.report.confirmed import of_the_alternatives, of_the_calibration, of_the_confirmation, of_the_folds
from fcsearch.report.findings import Evidence, resolve, torn_parameters
from fcsearch.report.grounds import Grounds
from fcsearch.report.judgement import Trust
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset, Importance, Work
from fcsearch.report.remedies import before_all_else, few_given_rows, of_the_remedies, remedies_of
from fcsearch.report.verdict import opening_of
from fcsearch.report.without_result import of_the_states
from fcsearch.report.words import capitalised, class_list, percent, plural, trial_list
from fcsearch.results.arrow import Row
from fcsearch.results.ending import ending
from fcsearch.selection.calibration import Calibration

_ONE_SEED = Evidence(
    "one_seed",
    "Every trial ran with one seed: the effect of another seed was not measured (`fcsearch confirm` measures it)",
)


def assess(
    known: Grounds,
    *,
    work: Work,
    space: Mapping[str, Any],
    calibration: Calibration | None = None,
    importances: Mapping[str, Importance] = MappingProxyType({}),
) -> Trust:
    """Assess the best result of a run.

    Args:
        known: What the judgement rests on.
        work: Counts of the trials.
        space: The space as the manifest has it.
        calibration: The calibration of the chosen network's probabilities.
        importances: Those of the parameters, as far as they are known.
    """
    ranked, state, dataset, objective = known.ranked, known.state, known.dataset, known.objective
    test, validation, confirmation = known.test, known.validation, known.confirmation
    progress = [*_of_the_run(state, work), *of_the_states(work)]
    if not ranked:
        return Trust(None, within=0, smallest=None, verdict=None, findings=tuple(resolve(progress)))
    best, winner = ranked[0], known.winner
    value, own = known.value_of(best), known.value_of(winner)
    error, own_error = known.error_of(best), known.error_of(winner)
    least = objective.gain(value) - (error or 0.0)
    near = [row for row in ranked if objective.gain(known.value_of(row)) >= least]
    beaten = confirmation.beaten if confirmation else ()
    standing = [row for row in near if row["trial_id"] not in beaten] or [winner]
    smallest = min(standing, key=lambda row: _size(row, objective))
    measured = (*_of_the_base_line(known.base, objective, dataset.folds), *_of_the_classes(dataset))
    tails = tuple(of_heavy_tails(objective, validation, space))
    progress += of_the_end(winner, work)
    opening = opening_of(known)
    if (verdict := opening.verdict) is not None:
        remedies = remedies_of(objective, dataset, space, verdict)
        instead = of_the_remedies(verdict, validation, objective, remedies, state=state, trials=known.tries)
        evidence = [
            *progress,
            *measured,
            *tails,
            *_of_the_test(own, test, own_error, objective, learned=False),
            *(of_few_rows(dataset, space) if few_given_rows(dataset) else ()),
            *instead,
        ]
    else:
        usable = not (opening.caution and opening.caution.forbids)
        # What cannot be better needs no advice that would make it so.
        improves = not known.is_faultless
        first = improves and state == "complete"
        remedies = before_all_else(objective, dataset, space, validation) if first else ()
        evidence = [
            *progress,
            *of_the_confirmation(confirmation, searched=len(ranked)),
            *_of_the_choice(value, len(near), len(ranked), dataset, error, objective, of=_named(best, winner)),
            *([] if confirmation and confirmation.done else [_ONE_SEED]),
            *measured,
            *_of_the_test(own, test, own_error, objective, learned=usable, of=_named(winner, best)),
            *(of_the_folds(dataset, test, winner["trial_id"], known.diverged_refits) if usable else ()),
            *(of_the_calibration(calibration) if usable else ()),
            *of_the_alternatives(known.alternatives, known.diverged_refits),
            *(
                of_the_network(winner, smallest, objective, space, dataset, standing, faultless=not improves)
                if usable
                else ()
            ),
            *(of_the_space(winner, space, ranked, objective, importances) if improves else ()),
            *tails,
            *(of_the_classes(objective, dataset, validation, space) if improves else ()),
            *(of_few_rows(dataset, space) if improves else ()),
        ]
    return Trust(
        error,
        len(near),
        smallest,
        verdict,
        tuple(resolve(evidence)),
        caution=opening.caution,
        winner_error=own_error,
        torn=torn_parameters(evidence),
        remedies=remedies,
    )


def _named(row: Row, other: Row) -> str:
    """Whose figure it is, where the best of the search is not the network that the report is about; else empty."""
    return "" if row["trial_id"] == other["trial_id"] else f" of trial {row['trial_id']}"


def _size(row: Row, objective: Objective) -> tuple[float, float, int]:
    return (row["num_parameters"] or math.inf, -objective.gain(row[objective.column]), row["trial_id"])


def _of_the_run(state: str, work: Work) -> Iterator[Evidence]:
    if state != "complete":
        endings = {"running": "is still running", "interrupted": "was interrupted", "failed": "failed"}
        planned = f" of {work.planned:,}" if work.planned else ""
        left = not work.planned or work.done < work.planned
        yield Evidence(
            "unfinished",
            f"The run {endings.get(state, state)}: {work.done:,}{planned} trials are done{_left(work)}"
            + (", and what follows may change" if left or state != "failed" else ""),
        )
    elif work.planned and work.done < work.planned:
        found = ending(state, work.ended_by, done=work.done, planned=work.planned)
        how = "ended" if found == state else f"was {found}"
        done = f"{work.done:,} of {work.planned:,} trials are done{_left(work)}"
        yield Evidence("unfinished", f"The run {how}: {done}")


def _left(work: Work) -> str:
    """How many more trials count, as far as they were trained; empty if none do."""
    if work.unfinished == 1:
        return ", and 1 more counts as far as it was trained"
    return f", and {work.unfinished:,} more count as far as they were trained" if work.unfinished else ""


def _of_the_choice(
    value: float, near: int, count: int, dataset: Dataset, error: float | None, objective: Objective, *, of: str
) -> Iterator[Evidence]:
    rows = dataset.val_rows
    if rows is None or error is None:
        yield Evidence(
            "no_errors",
            "The manifest does not give the number of validation rows, so the accuracies come without standard errors"
            if objective.name == "accuracy"
            else f"The best network was not measured again, so its {objective.title} comes without a standard error",
        )
        return
    if dataset.folds:
        measured = f"is the mean of {dataset.folds} folds: its standard error over them"
    else:
        measured = f"was measured on {plural(rows, 'row')}: its standard error"
    yield Evidence(
        "standard_error",
        f"Validation {objective.title} {objective.show(value)}{of} {measured} is {objective.show_difference(error)}",
    )
    if count > 1:
        extreme = "highest" if objective.maximize else "lowest"
        others = (
            "No other trial lies"
            if near == 1
            else f"{plural(near - 1, 'other trial')} of {count - 1:,} lie" + ("s" if near == 2 else "")
        )
        yield Evidence(
            "choice",
            f"{others} within one standard error of the best value. It is the {extreme} of {count:,} measurements on "
            f"the same rows, so it is too {'high' if objective.maximize else 'low'} on average, the more so the more "
            "trials lie close to it",
        )


def _of_the_base_line(base: BaseLine | None, objective: Objective, folds: int | None) -> Iterator[Evidence]:
    mean = f" (mean of {folds} folds)" if folds else ""
    if base is not None and objective.name != "accuracy":
        method = capitalised(base.method) + ("," if base.method != base.short else "")
        average = " on average" if objective.name in ("roc_auc", "average_precision") else ""
        yield Evidence(
            "base_line",
            f"{method} would reach {objective.title} {objective.show(base.value)}{average} on the "
            f"{plural(base.rows, 'validation row')}{mean}",
        )
    elif objective.task == "regression":
        yield Evidence(
            "no_base_line",
            "The best network was not measured on the validation rows, so the score of always answering their mean is "
            "not known",
        )
    elif base is None:
        yield Evidence(
            "no_base_line",
            "The run does not say how many validation rows each class has (an earlier version made it), so the score "
            "of always answering the commonest class is not known",
        )
    else:
        yield Evidence(
            "base_line",
            f"Always answering {base.answer!r}, the commonest class, would be right for {percent(base.value)} of the "
            f"{plural(base.rows, 'validation row')}{mean}",
        )


def _of_the_classes(dataset: Dataset) -> Iterator[Evidence]:
    names, counts = dataset.class_names, dataset.class_counts
    if names is None or counts is None:
        return
    for split, noun in (("val", "validation"), ("test", "test")):
        found = counts.get(split, ())
        missing = [name for name, count in zip(names, found, strict=False) if not count]
        # A split without rows needs no remark.
        if missing and any(found):
            them = "it" if len(missing) == 1 else "them"
            yield Evidence(
                "no_rows", f"No {noun} row is of {class_list(missing)}: nothing was measured for {them} there"
            )


def _of_the_test(
    value: float, test: FinalTest, error: float | None, objective: Objective, *, learned: bool, of: str = ""
) -> Iterator[Evidence]:
    measured = test.measurement
    if measured is None:
        yield Evidence("no_test", f"Test {objective.title} was not measured: {test.note}")
        return
    figure = (
        f"Test {objective.title} {objective.show(measured.value)}, standard error "
        f"{objective.show_difference(measured.standard_error)} ({plural(measured.rows, 'row')})"
    )
    base = measured.base_line
    if not learned:
        there = f"; {base.short} has {OBJECTIVES[base.objective].show(base.value)} there" if base else ""
        yield Evidence("test", figure + there)
        return
    beside = f", beside the {objective.show(base.value)} of {base.short} there" if base else ""
    earlier = test.earlier
    why = "with the reservation below" if earlier else "these rows played no part in any choice"
    yield Evidence(
        "test",
        f"{figure}, is the figure to quote{beside}: {why}. Validation minus test{of} "
        f"is {_gap(value - measured.value, math.hypot(error or 0.0, measured.standard_error), objective)}",
    )
    if earlier:
        flattered = "high" if objective.maximize else "low"
        to = "train it further" if earlier == (test.trial,) else f"trial {test.trial}"
        yield Evidence(
            "test_reused",
            f"An earlier report measured {trial_list(earlier)} on these rows, before the search or its confirmation "
            f"went on to {to}: if what it showed was the reason, the rows had a part in the "
            f"choice, and this figure may be a little too {flattered}. `fcsearch evaluate RUN --dataset ROWS` measures "
            "on rows that had none",
        )


def _gap(gap: float, spread: float, objective: Objective) -> str:
    """The difference between validation and test, and what follows if chance does not explain it."""
    limits = f"(two standard errors of the difference: {objective.show_difference(2 * spread)})"
    if abs(gap) <= 2 * spread:
        return f"{objective.show_difference(gap)}, within what chance explains {limits}"
    if objective.gain(gap) > 0:
        what = "the validation rows, which chose it, flatter it: expect what the test rows show"
    else:
        what = "the two sets of rows are unlike each other, and new rows may be like either"
    return f"{objective.show_difference(gap)}, more than chance explains {limits}: {what}"
