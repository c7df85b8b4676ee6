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
from fcsearch.inference.predictor import Predictor

# How far probabilities may be from those of fcsearch, at the check that every export passes.
TOLERANCE = 1e-5
ARRAY = "x"


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
        difference: Largest difference of a probability from fcsearch's on the rows of the check; None without one.
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
    return {
        "fcsearch.version": json.dumps(__version__),
        "fcsearch.classes": json.dumps(list(predictor.transform.class_names)),
        "fcsearch.dataset": json.dumps(facts.get("dataset")),
        "fcsearch.transform": predictor.transform.to_json(),
    }


def check(predictor: Predictor, raw: npt.NDArray[Any], labels: npt.NDArray[Any], values: npt.NDArray[Any]) -> float:
    """Compare what an exported model says with what fcsearch says of the same raw rows.

    Args:
        predictor: The model.
        raw: (N, R) rows.
        labels: (N,) places of the predicted classes, by the exported model.
        values: (N, C) probabilities, likewise.

    Returns:
        The largest difference of a probability.

    Raises:
        FcsearchError: it is above TOLERANCE, or labels differ where the two best classes are no tie.
    """
    wanted = predictor.values(predictor.transform.apply(raw))
    difference = float(np.abs(wanted - values).max())
    first, second = np.sort(wanted, axis=1)[:, :-3:-1].T
    wrong = (labels != wanted.argmax(axis=1)) & (first - second > TOLERANCE)
    # A difference that is not a number is no small one.
    if not difference <= TOLERANCE or wrong.any():
        raise FcsearchError(
            f"an exported model must predict what fcsearch predicts, to {TOLERANCE:g}; found a difference of "
            f"{difference:g} and {wrong.sum()} other labels in {len(raw)} rows. Nothing was written. Please report it."
        )
    return difference
