"""What to change in a space, as the options of a command: another objective or loss, weights of classes, folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.evaluation import Measurement
from fcsearch.report.findings import Evidence
from fcsearch.report.model import Dataset
from fcsearch.report.words import plural

# With fewer validation rows the standard error of an accuracy is up to 3.5 points and more.
_FEW_ROWS = 200
_FOLDS = "dataset.folds=5"
# The RMSE of always answering the mean, in MAEs of the median: 1.25 of a normal target, 1.44 of an exponential one.
_HEAVY = 2.0


def remedies_of(objective: Objective, dataset: Dataset, space: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """What to try where nothing was learned: for each search one `KEY=VALUE` or more that the space has not yet."""
    if objective.task == "regression":
        found = [("objective=mae", "parameters.loss=huber"), ("parameters.loss=absolute",)]
    elif objective.name == "accuracy":
        # Of more than two classes the mean over them.
        found = [("objective=balanced_accuracy", "class_weight=balanced"), ("objective=average_precision",)]
    else:
        found = [("class_weight=balanced",), ("objective=log_loss",)]
    if few_rows(dataset, space):
        found.append((_FOLDS,))
    known = {f"objective={objective.name}", *(f"parameters.loss={loss}" for loss in _losses(space))}
    if space.get("class_weight") is not None:
        known.add("class_weight=balanced")
    left = [tuple(change for change in changes if change not in known) for changes in found]
    return tuple(changes for changes in left if changes)


def _losses(space: Mapping[str, Any]) -> tuple[Any, ...]:
    """The losses that the space has, one or several."""
    parameters = space.get("parameters")
    loss = parameters.get("loss") if isinstance(parameters, dict) else None
    if isinstance(loss, dict):
        return tuple(loss.get("choices") or [loss.get("value")])
    return (loss,)


def options(changes: Sequence[str]) -> str:
    """Changes of a space as options of a command."""
    return " ".join(f"--set {change}" for change in changes)


def few_rows(dataset: Dataset, space: Mapping[str, Any]) -> bool:
    """Whether folds would make validation clearly more precise, and were not used."""
    options = space.get("dataset")
    by_time = isinstance(options, dict) and options.get("time") is not None
    return dataset.val_rows is not None and dataset.val_rows < _FEW_ROWS and not dataset.folds and not by_time


def of_few_rows(dataset: Dataset, space: Mapping[str, Any]) -> Iterator[Evidence]:
    """That folds would measure on more rows."""
    if few_rows(dataset, space):
        every = (dataset.train_rows or 0) + (dataset.val_rows or 0)
        yield Evidence(
            "few_rows",
            f"Only {plural(dataset.val_rows or 0, 'row')} chose among the trials: with `--set {_FOLDS}` each trial is "
            f"the mean over five folds, which validate on all {every:,} rows that are not test rows",
        )


def of_heavy_tails(
    objective: Objective, validation: Measurement | None, space: Mapping[str, Any]
) -> Iterator[Evidence]:
    """That a few rows far from the others make most of a squared error."""
    base = validation.base_figures if validation else {}
    changes = [] if {"huber", "absolute"}.intersection(_losses(space)) else ["parameters.loss=huber"]
    changes += [] if objective.name == "mae" else ["objective=mae"]
    if "rmse" in base and "mae" in base and base["rmse"] > _HEAVY * base["mae"] and changes:
        far, near = objective.own.show(base["rmse"]), objective.own.show(base["mae"])
        yield Evidence(
            "outliers",
            f"The target has outliers: on the validation rows the mean has an RMSE of {far}, and the median an MAE of "
            f"only {near}, so a few rows make most of the squared error. `{options(changes)}` gives them less weight",
        )
