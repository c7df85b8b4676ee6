"""What arguments of the estimators mean for a search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets

from fcsearch.config.objective import Task
from fcsearch.data.sources.in_memory import is_missing
from fcsearch.data.spec import DEFAULT_VAL_FRACTION
from fcsearch.space import SearchSpace
from fcsearch.wording import wording

FoldsArgument = int | Literal["auto"] | None


def validation_share(given: float | None, targets: npt.NDArray[Any], task: Task) -> float | None:
    """The share of the rows that is held out, None if the usual one will do.

    Of classes, a stratified share has a row of each, even of small ones.

    Raises:
        ValueError: there is no such share.
    """
    share = DEFAULT_VAL_FRACTION if given is None else given
    if not 0 < share < 1:
        raise ValueError(f"validation_fraction must lie between 0 and 1; found {share}")
    if task == "classification":
        count, classes = len(targets), len(np.unique(targets))
        share = max(share, (classes + 0.5) / count) if count > 2 * classes else 0.5
    return None if given is None and share == DEFAULT_VAL_FRACTION else share


def chosen_folds(folds: FoldsArgument, validation_fraction: float | None, space: SearchSpace) -> FoldsArgument:
    """The dataset option `folds`: where neither argument says how to validate, that of the space."""
    return space.dataset.folds if folds is None and validation_fraction is None else folds


def free_name(taken: Sequence[str]) -> str:
    """A name for the label that no column has."""
    return next(name for count in itertools.count() if (name := "y" + "_" * count) not in taken)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """The seed that scikit-learn's `random_state` stands for."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def require_numbers(y: Any) -> None:
    """Refuse labels of a regression that are text and no numbers, by the first of them: ValueError."""
    if (text := first_text(y)) is not None:
        raise ValueError(
            f"y must hold the numbers that a regression predicts; found the text {text!r}. "
            f"{wording().other_label()}, or learn classes with {wording().task('classification')}."
        )


def first_text(values: Any) -> str | None:
    """The first of some values that is text and no number; None if there is no such."""
    array = np.asarray(values)
    if array.dtype.kind not in "OU":
        return None
    for value in array.ravel():
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return str(value)
    return None


def require_classes(y: npt.NDArray[Any]) -> None:
    """Refuse labels of a classification that are quantities: ValueError."""
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"{error} To predict numbers, take {wording().task('regression')}.") from None


def missing_labels(y: npt.NDArray[Any]) -> int:
    """How many labels are None, NaN, or what pandas has for them."""
    if y.dtype.kind == "f":
        return int(np.isnan(y).sum())
    if y.dtype.kind != "O":
        return 0
    return sum(map(is_missing, y))
