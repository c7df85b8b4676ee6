"""What every form of export has in common: what goes in, what was checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch import __version__
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput
from fcsearch.errors import FcsearchError
from fcsearch.inference.outputs import PREDICTION
from fcsearch.inference.predictor import Predictor

# How far predictions may be from those of fcsearch, at the check that every export passes: probabilities, or a
# regression's in standard deviations of its target.
TOLERANCE = 1e-5
ARRAY = "x"
LABEL, PROBABILITIES = "label", "probabilities"


@dataclasses.dataclass(frozen=True)
class InputFacts:
    """One input of an exported model.

    Attributes:
        name: What it is called.
        kind: Type of its elements.
        shape: Of the array, in words: `rows x 1`.
        meaning: What it holds.
    """

    name: str
    kind: str
    shape: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Exported:
    """A model in another form.

    Attributes:
        content: The file's bytes.
        inputs: What the model takes.
        difference: Largest difference from fcsearch's predictions on the rows of the check, in the unit of TOLERANCE;
            None without one.
        beside: Other files that belong to it: text by the ending that is added to the model's name.
    """

    content: bytes
    inputs: tuple[InputFacts, ...] = ()
    difference: float | None = None
    beside: Mapping[str, str] = dataclasses.field(default_factory=dict)


def raw_kind(transform: FeatureTransform) -> str:
    """Type of the elements of raw rows."""
    array = transform.array
    return "uint8" if array is not None and array.pixels else transform.dtype


def shape_of(item: NumberInput | CategoryInput) -> tuple[int, ...]:
    """The shape of a row of an input that stands by itself: a number and a category are (1,)."""
    return (item.shape or (1,)) if item.kind == "number" else (1,)


def shape_words(shape: tuple[int, ...]) -> str:
    """`rows x 8 x 8 x 1`."""
    return " x ".join(["rows", *map(str, shape)])


def described(predictor: Predictor, facts: Mapping[str, Any]) -> dict[str, str]:
    """What an exported file says of itself, JSON by name."""
    transform = predictor.transform
    names = {} if transform.target else {"fcsearch.classes": json.dumps(list(transform.class_names))}
    return {
        "fcsearch.version": json.dumps(__version__),
        **names,
        "fcsearch.dataset": json.dumps(facts.get("dataset")),
        "fcsearch.transform": transform.to_json(),
    }


def output_names(transform: FeatureTransform) -> tuple[str, ...]:
    """What the outputs of an exported model are called."""
    return (PREDICTION,) if transform.target else (LABEL, PROBABILITIES)


def check(
    predictor: Predictor, raw: npt.NDArray[Any], labels: npt.NDArray[Any] | None, values: npt.NDArray[Any]
) -> float:
    """Compare what an exported model says with what fcsearch says of the same raw rows.

    Args:
        predictor: The model.
        raw: (N, R) rows.
        labels: (N,) places of the predicted classes, by the exported model; None for a regression.
        values: (N, C) probabilities, or a regression's predictions (N, 1), likewise.

    Returns:
        The largest difference, in the unit of TOLERANCE.

    Raises:
        FcsearchError: it is above TOLERANCE, or labels differ where the two best classes are no tie.
    """
    wanted = predictor.values(predictor.transform.apply(raw))
    difference = predictor.output.difference(wanted, values)
    wrong = 0 if labels is None else _other_labels(wanted, labels)
    # A difference that is not a number is not a small one.
    if not difference <= TOLERANCE or wrong:
        others = "" if labels is None else f" and {wrong} other labels"
        raise FcsearchError(
            f"an exported model must predict what fcsearch predicts, to {TOLERANCE:g}; found a difference of "
            f"{difference:g}{others} in {len(raw)} rows. Nothing was written. Please report it."
        )
    return difference


def _other_labels(wanted: npt.NDArray[np.float64], labels: npt.NDArray[Any]) -> int:
    """How many labels differ where the two best classes are no tie."""
    first, second = np.sort(wanted, axis=1)[:, :-3:-1].T
    return int(((labels != wanted.argmax(axis=1)) & (first - second > TOLERANCE)).sum())
