"""What all forms of export share: the description of the inputs, and the check of the predictions."""

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

# The largest difference from fcsearch's predictions that the check of every export allows: in probabilities, or for a
# regression in standard deviations of its target.
TOLERANCE = 1e-5
ARRAY = "x"
LABEL, PROBABILITIES = "label", "probabilities"


@dataclasses.dataclass(frozen=True)
class InputFacts:
    """One input of an exported model.

    Attributes:
        name: Its name.
        kind: Type of its elements.
        shape: Shape of the array, in words: `rows x 1`.
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
        inputs: The model's inputs.
        difference: Largest difference from fcsearch's predictions on the rows of the check, in the unit of TOLERANCE;
            None without one.
        beside: Other files that belong to it: their text, by the ending that is added to the model's name.
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
    """The shape of a row of a separate input: (1,) for a number or a category."""
    return (item.shape or (1,)) if item.kind == "number" else (1,)


def shape_words(shape: tuple[int, ...]) -> str:
    """`rows x 8 x 8 x 1`."""
    return " x ".join(["rows", *map(str, shape)])


def described(predictor: Predictor, facts: Mapping[str, Any]) -> dict[str, str]:
    """The metadata in an exported file: JSON by name."""
    transform = predictor.transform
    names = {} if transform.target else {"fcsearch.classes": json.dumps(list(transform.class_names))}
    return {
        "fcsearch.version": json.dumps(__version__),
        **names,
        "fcsearch.dataset": json.dumps(facts.get("dataset")),
        "fcsearch.transform": transform.to_json(),
    }


def output_names(transform: FeatureTransform) -> tuple[str, ...]:
    """The names of an exported model's outputs."""
    return (PREDICTION,) if transform.target else (LABEL, PROBABILITIES)


def check(
    predictor: Predictor, raw: npt.NDArray[Any], labels: npt.NDArray[Any] | None, values: npt.NDArray[Any]
) -> float:
    """Compare an exported model's predictions with fcsearch's for the same raw rows.

    Args:
        predictor: The model.
        raw: (N, R) rows.
        labels: (N,) indices of the classes that the exported model predicts; None for a regression.
        values: (N, C) its probabilities, or (N, 1) its predictions for a regression.

    Returns:
        The largest difference, in the unit of TOLERANCE.

    Raises:
        FcsearchError: it is above TOLERANCE, or labels differ although the two best classes are not tied.
    """
    wanted = predictor.values(predictor.transform.apply(raw))
    difference = predictor.output.difference(wanted, values)
    wrong = 0 if labels is None else _other_labels(wanted, labels)
    # NaN is not a small difference.
    if not difference <= TOLERANCE or wrong:
        others = "" if labels is None else f" and {wrong} other labels"
        raise FcsearchError(
            f"an exported model must predict what fcsearch predicts, to {TOLERANCE:g}; found a difference of "
            f"{difference:g}{others} in {len(raw)} rows. Nothing was written. Please report it."
        )
    return difference


def _other_labels(wanted: npt.NDArray[np.float64], labels: npt.NDArray[Any]) -> int:
    """How many labels differ although the two best classes are not tied."""
    first, second = np.sort(wanted, axis=1)[:, :-3:-1].T
    return int(((labels != wanted.argmax(axis=1)) & (first - second > TOLERANCE)).sum())
