"""What to try next, judging by the best network and the space of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.config.objective import Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.evaluation import Measurement, standard_error
from fcsearch.report.findings import Evidence
from fcsearch.report.judgement import Pull
from fcsearch.report.lacking import trained_so_far
from fcsearch.report.model import Dataset, Importance, Work
from fcsearch.report.remedies import (
    BALANCED,
    FOLDS,
    RANKED,
    commonest_class,
    few_given_rows,
    few_rows,
    losses,
    options,
    rarest_found,
)
from fcsearch.report.words import percent, plural, points, value_text

_OVERFIT_GAP = 0.05
# For a regression: the ratio of validation RMSE to training RMSE.
_OVERFIT_RATIO = 1.3
_EDGE = 0.02
# The RMSE of always answering the mean, in MAEs of the median: 1.25 of a normal target, 1.44 of an exponential one.
_HEAVY = 2.0
_SMALL_ENOUGH = 0.8
# A best epoch up to this fraction of all of them is early.
_EARLY = 2 / 3
# So many trials with another value have to be worse before the end of a range is where it is best.
_FEWEST_OTHERS = 3
_BOUNDS = ("low", "high")
# What works against overfitting.
_REGULARISERS = ("dropout", "input_dropout", "reg", "weight_decay", "label_smoothing")
_SIZES = ("depth", "hidden_dim", "bins", "frequencies", "embedding_dim")

Row = Mapping[str, Any]


def of_the_end(best: Row, work: Work) -> Iterator[Evidence]:
    """That the best network was not trained to its end."""
    if best.get("state") == UNFINISHED:
        budget = work.ended_by == "time_budget"
        why = "the time budget was used up" if budget else "the search ended"
        how = "with a longer time budget, or `fcsearch resume`, it trains" if budget else "`fcsearch resume` trains it"
        yield Evidence(
            "stopped_early",
            f"The best network, trial {best['trial_id']}, {trained_so_far(best)} when {why}: {how} to its end",
        )


def of_few_rows(dataset: Dataset, space: Mapping[str, Any]) -> Iterator[Evidence]:
    """That few rows chose, and what would measure on more."""
    if few_rows(dataset, space):
        every = (dataset.train_rows or 0) + (dataset.val_rows or 0)
        yield Evidence(
            "few_rows",
            f"Only {plural(dataset.val_rows or 0, 'row')} chose among the trials: with `--set {FOLDS}` each trial is "
            f"the mean over five folds, which validate on all {every:,} rows that are not test rows",
        )
    elif few_given_rows(dataset):
        yield Evidence(
            "few_rows",
            f"Only {plural(dataset.val_rows or 0, 'row')} chose among the trials, all that the source gives for "
            "validation: give more, or none, and training rows validate in their place",
        )


def of_the_classes(
    objective: Objective, dataset: Dataset, validation: Measurement | None, space: Mapping[str, Any]
) -> Iterator[Evidence]:
    """That an accuracy hardly counts the rarer classes."""
    if (common := commonest_class(objective, dataset, space)) is None:
        return
    name, share = common
    least = rarest_found(validation, but=name)
    found = f", and {percent(least.recall)} of {least.name!r} are found" if least else ""
    yield Evidence(
        "imbalance",
        f"{percent(share)} of the training rows are {name!r}{found}: accuracy hardly counts the other "
        f"{'class' if len(dataset.class_names or ()) == 2 else 'classes'}. `{options(BALANCED)}` counts all classes "
        f"alike; `{options(RANKED)}` ranks the rows",
    )


def of_heavy_tails(
    objective: Objective, validation: Measurement | None, space: Mapping[str, Any]
) -> Iterator[Evidence]:
    """That a few rows far from the others make most of a squared error."""
    base = validation.base_figures if validation else {}
    changes = [] if {"huber", "absolute"}.intersection(losses(space)) else ["parameters.loss=huber"]
    changes += [] if objective.name == "mae" else ["objective=mae"]
    if "rmse" in base and "mae" in base and base["rmse"] > _HEAVY * base["mae"] and changes:
        far, near = objective.own.show(base["rmse"]), objective.own.show(base["mae"])
        yield Evidence(
            "outliers",
            f"The target has outliers: on the validation rows the mean has an RMSE of {far}, and the median an MAE of "
            f"only {near}, so a few rows make most of the squared error. `{options(changes)}` gives them less weight",
        )


def of_the_network(
    best: Row,
    smallest: Row,
    objective: Objective,
    space: Mapping[str, Any] = MappingProxyType({}),
    dataset: Dataset | None = None,
    near: Sequence[Row] = (),
    *,
    faultless: bool = False,
) -> Iterator[Evidence]:
    """What the best network's own figures suggest.

    A finding pulls every parameter that its reason is about, so that no other finding advises the opposite: where a
    smaller network is as good, nothing advises a wider one, and where a network overfits, no weaker weight decay.

    Args:
        best: Its row.
        smallest: The row of the smallest network that is about as good.
        objective: The run's objective.
        space: The space as the manifest has it.
        dataset: On how many rows its figures were measured, if that is known.
        near: The rows of the trials that are about as good, the best first.
        faultless: Whether its figures cannot be better.
    """
    linear = _linear(best, near, objective)
    if linear is not None:
        yield Evidence(
            "linear",
            f"A linear model, trial {linear['trial_id']}, is on a level with it: validation "
            f"{objective.show(linear[objective.column])}",
            holds=tuple(Pull(name, "down") for name in ("depth", "hidden_dim") if best.get(name)),
        )
    size, least = best["num_parameters"], smallest["num_parameters"]
    if smallest is not linear and size and least and least < _SMALL_ENOUGH * size:
        yield Evidence(
            "smaller",
            f"Trial {smallest['trial_id']} is within one standard error with {least:,} parameters instead of {size:,} "
            f"(validation {objective.show(smallest[objective.column])})",
            pulls=tuple(Pull(name, "down") for name, less in _sizes(smallest, best) if less < 0),
            holds=tuple(Pull(name, "down") for name, less in _sizes(smallest, best) if less == 0),
        )
    if gap := _overfit(best, objective.own, dataset):
        pulls = tuple(Pull(name, "up") for name in _regularisers(space))
        yield Evidence("overfit", gap, "more {parameters} may help", pulls)
    yield from _of_the_epochs(best, faultless=faultless)


def _linear(best: Row, near: Sequence[Row], objective: Objective) -> Row | None:
    """The best linear model among the trials that are about as good; None if it is the best network itself."""
    if best.get("depth") == 1:
        return None
    return max(
        (row for row in near if row.get("depth") == 1),
        key=lambda row: objective.gain(row[objective.column]),
        default=None,
    )


def _of_the_epochs(best: Row, *, faultless: bool) -> Iterator[Evidence]:
    """Whether the best network was still improving when it ended."""
    epochs, epoch = best["epochs"], best["best_epoch"]
    if not epochs or not epoch:
        return
    if epoch == epochs and not faultless:
        fact = f"Its best epoch was its last ({epochs})"
        yield Evidence("last_epoch", fact, "more {parameters} may help", (Pull("epochs", "up"),))
    elif epoch <= _EARLY * (run := best.get("epochs_run") or epochs):
        fact, fewer = f"Its best epoch was {epoch} of {epochs}", (Pull("epochs", "down"),)
        # With fewer, a learning rate that falls would have come to its end: only of a whole training that is known.
        yield Evidence("early_epoch", fact, "fewer {parameters} may do", fewer if run == epochs else (), holds=fewer)


def _regularisers(space: Mapping[str, Any]) -> list[str]:
    """What can be made stronger: all that the space searches, and dropout and L2, which any network can have."""
    parameters = space.get("parameters")
    searched = [name for name in _REGULARISERS if isinstance(parameters, dict) and name in parameters]
    # Decoupled weight decay takes the place of L2.
    always = ("dropout",) if "weight_decay" in searched else ("dropout", "reg")
    return [name for name in _REGULARISERS if name in searched or name in always]


def _overfit(best: Row, own: Objective, dataset: Dataset | None) -> str | None:
    """How much better the best network is on its training rows, if the gap is large, and chance does not explain it."""
    training, validation = best[own.train_column], best[own.column]
    if training is None or validation is None:
        return None
    if own.task == "regression":
        # The error of the logarithm of an RMSE, for errors with a normal distribution.
        spread = math.hypot(*(1 / math.sqrt(2 * count) for count in _measured_rows(dataset)))
        if validation <= max(_OVERFIT_RATIO, math.exp(2 * spread)) * training:
            return None
        times = f"{validation / training:.2f} times" if training else "above"
        return f"The best network's validation RMSE, {own.show(validation)}, is {times} its training RMSE"
    gap, counts = training - validation, _measured_rows(dataset)
    errors = [standard_error(share, count) for share, count in zip((training, validation), counts, strict=False)]
    if gap <= max(_OVERFIT_GAP, 2 * math.hypot(*errors)):
        return None
    return f"The best network does {points(gap)} better on its training rows"


def _measured_rows(dataset: Dataset | None) -> tuple[int, ...]:
    """The rows that training and validation figures are measured on, over all folds; none if they are not known."""
    if dataset is None or not dataset.training_sample or not dataset.val_rows:
        return ()
    folds = dataset.folds or 1
    return (folds * dataset.training_sample, folds * dataset.val_rows)


def of_the_space(
    best: Row,
    space: Mapping[str, Any],
    ranked: Sequence[Row],
    objective: Objective,
    importances: Mapping[str, Importance] = MappingProxyType({}),
) -> Iterator[Evidence]:
    """The values of the best network that lie at an end of the searched range, where others were tried and are worse.

    Those whose importance is not distinguishable from 0 are left out, and those of a configuration that the space
    tries first, which the search did not find.

    Args:
        best: Its row.
        space: The space as the manifest has it.
        ranked: The rows of the trials with a result.
        objective: The run's objective.
        importances: Those of the parameters, as far as they are known.
    """
    least = objective.gain(best[objective.column])
    idle = {name for name, importance in importances.items() if not importance.low}
    worse = [row for row in ranked if objective.gain(row[objective.column]) < least]
    parameters, given = space.get("parameters"), _given(best, space)
    for name, definition in parameters.items() if isinstance(parameters, dict) else ():
        others = sum(row.get(name) not in (None, best.get(name)) for row in worse)
        if name not in best or name in given | idle or not isinstance(definition, dict) or others < _FEWEST_OTHERS:
            continue
        if edge := _edge(name, best[name], definition):
            yield Evidence(
                "edge",
                f"{name} = {value_text(best[name])} lies at the {edge} end of the searched range",
                "widen it there",
                (Pull(name, "up" if edge == "upper" else "down"),),
            )


def _given(best: Row, space: Mapping[str, Any]) -> set[str]:
    """The parameters whose values one of the space's `tries` gave to the best network."""
    tries = [one for one in space.get("tries") or () if all(best.get(name) == value for name, value in one.items())]
    return {name for one in tries for name in one}


def _sizes(one: Row, other: Row) -> Iterator[tuple[str, int]]:
    """The sizes that both networks have, each with its difference; 0 bins are as many as suit the rows."""
    for name in _SIZES:
        if one.get(name) and other.get(name):
            yield name, one[name] - other[name]


def _edge(name: str, value: Any, definition: Mapping[str, Any]) -> str | None:
    """`lower` or `upper` if the value lies at an end of its range that could be moved."""
    choices = definition.get("choices")
    bounds = choices if isinstance(choices, list) and len(choices) > 2 else [definition.get(key) for key in _BOUNDS]
    if not all(type(bound) in (int, float) for bound in [value, *bounds]) or min(bounds) == max(bounds):
        return None
    low, high = min(bounds), max(bounds)
    scale = math.log if definition.get("log") and min(low, value) > 0 else float
    place = (scale(value) - scale(low)) / (scale(high) - scale(low))
    known = HYPERPARAMETERS.get(name)
    if place >= 1 - _EDGE:
        return None if known and known.high is not None and high >= known.high else "upper"
    # A dropout or reg of 0 and a depth of 1 are bounds that cannot be moved.
    natural = low == 0 or (isinstance(low, int) and low == 1)
    return "lower" if place <= _EDGE and not natural else None
