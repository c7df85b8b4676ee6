"""What to change in a space where nothing was learned, as the options of a command."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.errors import UsageError
from fcsearch.evaluation import Lead, Measurement
from fcsearch.evaluation.classification import ClassFigures, Classification
from fcsearch.report.findings import Evidence
from fcsearch.report.judgement import Verdict
from fcsearch.report.model import Dataset
from fcsearch.report.verdict import NOT_SHOWN, RANKING_ALONE
from fcsearch.report.words import percent
from fcsearch.space import SearchSpace

# With fewer validation rows the standard error of an accuracy is up to 3.5 points and more.
_FEW_ROWS = 200
_FOLD_COUNT = 5
FOLDS = f"dataset.folds={_FOLD_COUNT}"
_TEST = "dataset.test_fraction=0.15"
_WEIGHTS, _NO_WEIGHTS = "class_weight=balanced", "class_weight=null"
BALANCED = ("objective=balanced_accuracy", _WEIGHTS)
RANKED = ("objective=average_precision",)
# With more of the rows in one class, an accuracy hardly counts the others.
_COMMON = 0.75
# Where fewer of a class are found, another objective comes before all else.
_HALF = 0.5
# What comes first where the verdict is not final, by the state of the run.
_FIRST = {
    "complete": "The test rows may still show it: they are measured once the confirmation is complete, which "
    "`fcsearch confirm` continues",
    "interrupted": "`fcsearch resume` continues the search, which may still show it",
    "failed": "`fcsearch resume` continues the search, which may still show it",
}


def remedies_of(
    objective: Objective, dataset: Dataset, space: Mapping[str, Any], verdict: Verdict
) -> tuple[tuple[str, ...], ...]:
    """What to search again with, after a verdict that is final: for each search one `KEY=VALUE` or more.

    Each is new to the space, and the space accepts it.
    """
    if verdict.so_far:
        return ()
    weighted = space.get("class_weight") is not None
    rows, objectives = _rows(dataset, space, verdict.by_objective or verdict.claim), _objectives(objective)
    # A lead that is not shown may be real: more rows tell.
    found = [*rows, *objectives] if verdict.claim == NOT_SHOWN else [*objectives, *rows]
    known = {f"objective={objective.name}", *(f"parameters.loss={loss}" for loss in losses(space))}
    known.add(_WEIGHTS if weighted else _NO_WEIGHTS)
    left = [tuple(change for change in changes if change not in known) for changes in found]
    return tuple(changes for changes in left if changes and _accepts(space, changes))


def _rows(dataset: Dataset, space: Mapping[str, Any], claim: str) -> Iterator[tuple[str, ...]]:
    """More rows to measure on, where there are few, or too few for the lead."""
    if few_rows(dataset, space) or (claim == NOT_SHOWN and _may_have_folds(dataset, space)):
        yield (FOLDS,)
    if claim == NOT_SHOWN and dataset.test_rows == 0:
        yield (_TEST,)


def _objectives(objective: Objective) -> Iterator[tuple[str, ...]]:
    """Other objectives and losses, and weights of classes where they help."""
    if objective.task == "regression":
        yield from [("objective=mae", "parameters.loss=huber"), ("parameters.loss=absolute",)]
    elif objective.name == "accuracy":
        # Of more than two classes the mean over them.
        yield from [BALANCED, RANKED]
    elif objective.name == "log_loss":
        # Weights draw the probabilities away from the classes' shares, which makes a log loss worse.
        yield from [(_NO_WEIGHTS,), ("objective=average_precision",), ("objective=roc_auc",)]
    else:
        yield from [(_WEIGHTS,), ("objective=log_loss", _NO_WEIGHTS)]


def _accepts(space: Mapping[str, Any], changes: Sequence[str]) -> bool:
    """Whether the space is still one with these changes; taken for granted where an earlier version wrote it."""
    try:
        found = SearchSpace.from_json(space)
    except UsageError:
        return True
    try:
        found.changed(changes)
    except UsageError:
        return False
    return True


def losses(space: Mapping[str, Any]) -> tuple[Any, ...]:
    """The losses that the space has, one or several."""
    parameters = space.get("parameters")
    loss = parameters.get("loss") if isinstance(parameters, dict) else None
    if isinstance(loss, dict):
        return tuple(loss.get("choices") or [loss.get("value")])
    return (loss,)


def options(changes: Sequence[str]) -> str:
    """Changes of a space as options of a command."""
    return " ".join(f"--set {change}" for change in changes)


def before_all_else(
    objective: Objective, dataset: Dataset, space: Mapping[str, Any], validation: Measurement | None
) -> tuple[tuple[str, ...], ...]:
    """What to search again with before anything else, where something was learned: more rows to choose by, classes."""
    found: list[tuple[str, ...]] = [(FOLDS,)] if few_rows(dataset, space) else []
    if (common := commonest_class(objective, dataset, space)) is not None:
        rare = rarest_found(validation, but=common[0])
        found += [BALANCED] if rare is not None and (rare.recall or 0.0) < _HALF else []
    return tuple(changes for changes in found if _accepts(space, changes))


def commonest_class(objective: Objective, dataset: Dataset, space: Mapping[str, Any]) -> tuple[str, float] | None:
    """The commonest class and its share of the training rows, where an accuracy hardly counts the others; else None."""
    names, counts = dataset.class_names, (dataset.class_counts or {}).get("train", ())
    if objective.name != "accuracy" or not names or not sum(counts) or space.get("class_weight") is not None:
        return None
    most = max(range(len(counts)), key=counts.__getitem__)
    share = counts[most] / sum(counts)
    return (names[most], share) if share > _COMMON else None


def rarest_found(validation: Measurement | None, *, but: str) -> ClassFigures | None:
    """The class, other than one, of which the fewest rows are found; None if that is not known."""
    figures = validation.classification if validation else None
    others = [entry for entry in figures.classes if entry.name != but and entry.recall is not None] if figures else []
    return min(others, key=lambda entry: entry.recall or 0.0, default=None)


def few_rows(dataset: Dataset, space: Mapping[str, Any]) -> bool:
    """Whether folds would make validation clearly more precise, and were not used."""
    return dataset.val_rows is not None and dataset.val_rows < _FEW_ROWS and _may_have_folds(dataset, space)


def few_given_rows(dataset: Dataset) -> bool:
    """Whether the source itself gives few rows for validation, so that folds cannot take their place."""
    return dataset.val_rows is not None and dataset.val_rows < _FEW_ROWS and "val" in dataset.given_splits


def _may_have_folds(dataset: Dataset, space: Mapping[str, Any]) -> bool:
    """Whether the source can be divided into folds, and was not."""
    options = space.get("dataset")
    by_time = isinstance(options, dict) and options.get("time") is not None
    return not dataset.folds and not by_time and "val" not in dataset.given_splits and _fill_folds(dataset)


def _fill_folds(dataset: Dataset) -> bool:
    """Whether two classes have a row or more for each fold, as `folds` wants it."""
    if not dataset.class_counts:
        return True
    train, val = (dataset.class_counts.get(split, ()) for split in ("train", "val"))
    searched = [sum(counts) for counts in itertools.zip_longest(train, val, fillvalue=0)]
    return sum(rows >= _FOLD_COUNT for rows in searched) > 1


def of_the_remedies(
    verdict: Verdict,
    validation: Measurement | None,
    objective: Objective,
    remedies: Sequence[Sequence[str]],
    *,
    state: str,
    trials: int,
) -> Iterator[Evidence]:
    """What to do after a verdict. A larger network or another end of the space would not help."""
    if verdict.so_far:
        if state in _FIRST:
            yield Evidence("nothing_learned", _FIRST[state])
        return
    again = f"search again with {' or '.join(f'`{options(changes)}`' for changes in remedies)}" if remedies else ""
    if verdict.claim == RANKING_ALONE:
        fact = f"The {objective.title} does not show what the network has learned"
        yield Evidence("nothing_learned", f"{fact}: {again}" if again else fact)
        return
    if objective.name == "accuracy" and validation is not None and validation.classification is not None:
        yield _balanced(validation.classification, trials)
    advice = (
        "Check that the label is the right column and that its rows were not mixed up; look for more informative "
        "features"
    )
    yield Evidence("nothing_learned", f"{advice}. Then {again}" if again else advice)


def _balanced(figures: Classification, trials: int) -> Evidence:
    """Whether the best network of so many trials tells the classes apart, which accuracy may not show."""
    chance = 1 / sum(entry.rows > 0 for entry in figures.classes)
    above = Lead(figures.balanced_accuracy - chance, figures.balanced_error).is_real_among(trials)
    return Evidence(
        "balanced",
        f"The best network's balanced accuracy is {percent(figures.balanced_accuracy)}, where one answer to all rows "
        f"has {percent(chance)}: it {'does' if above else 'is not shown to'} tell the classes apart"
        + (", which accuracy does not reward here" if above else ""),
    )
