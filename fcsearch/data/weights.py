"""How much each training row counts: by its own weight, and by its class."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, StrictFloat

from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_few, nearest

Weights = npt.NDArray[np.float64]


def class_name(key: object) -> str:
    """The name of a class that a program gives as a text, a number or a boolean."""
    if isinstance(key, (bool, np.bool_)):
        return str(key).lower()
    return str(int(float(key))) if isinstance(key, numbers.Real) and float(key).is_integer() else str(key)


def _by_name(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    # A program's numbers may be NumPy's.
    return {
        class_name(key): float(weight) if isinstance(weight, numbers.Real) and not isinstance(weight, bool) else weight
        for key, weight in value.items()
    }


ClassWeight = Annotated[
    Literal["balanced"]
    | Annotated[Mapping[str, Annotated[StrictFloat, Field(ge=0, allow_inf_nan=False)]], Field(min_length=1)],
    BeforeValidator(_by_name),
    Field(title="balanced, or a number of at least 0 for each of some classes"),
]


def check_class_weight(class_weight: ClassWeight | None, class_names: tuple[str, ...]) -> None:
    """Refuse weights of unknown classes; `class_names` is empty for a regression."""
    if class_weight is None:
        return
    if not class_names:
        raise DataError(
            "class_weight belongs to a classification; found a label of numbers to predict. Leave it out, or learn "
            "classes with --set task=classification."
        )
    unknown = [] if class_weight == "balanced" else [name for name in class_weight if name not in class_names]
    if unknown:
        hints = [did_you_mean(nearest(name, class_names), sentence=True) for name in unknown]
        raise DataError(
            f"class_weight must name classes of the label ({first_few(class_names)}); found "
            f"{', '.join(map(repr, unknown))}.{next(filter(None, hints), '')}"
        )


def training_weights(
    y: npt.NDArray[Any], given: Weights | None, class_weight: ClassWeight | None, class_names: tuple[str, ...]
) -> Weights | None:
    """How much each training row counts, 1 on average: the product of its own weight and that of its class.

    Args:
        y: (N,) classes of the training rows; for a regression the targets, which have no class weights.
        given: (N,) weights of the rows, at least 0; None: all equally.
        class_weight: Of classes by name, 1 if a class is not named; `balanced`: N / (C * rows of the class).
        class_names: Name of each class.

    Returns:
        (N,), or None if all rows count alike.

    Raises:
        DataError: all weights are 0, or unknown classes are named.
    """
    check_class_weight(class_weight, class_names)
    if given is None and class_weight is None:
        return None
    weights = np.ones(len(y)) if given is None else given
    if class_weight is not None:
        weights = weights * _of_classes(y, class_weight, class_names)[y]
    if not weights.sum() > 0:
        raise DataError(
            f"the training rows must have weights above 0; found zero for each of the {len(y):,}. Give other weights."
        )
    normalised: Weights = weights / weights.mean()
    return normalised


def _of_classes(y: npt.NDArray[Any], class_weight: ClassWeight, class_names: tuple[str, ...]) -> Weights:
    """(C,)"""
    if class_weight == "balanced":
        counts = np.bincount(y, minlength=len(class_names))
        return len(y) / (len(class_names) * np.maximum(counts, 1))
    return np.array([class_weight.get(name, 1.0) for name in class_names])
