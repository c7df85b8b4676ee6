"""What every reader returns: all rows of a source, labelled, before they are split and scaled."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fcsearch.data.facts import ColumnFacts, Reading

if TYPE_CHECKING:
    from fcsearch.data.split_keys import SplitKey

PIXEL_SCALE = 1 / 255

Indices = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: a number, or a category as its index in `categories`; NaN is a missing value.

    For a number from a list, `list_name` is the column of the list; `reading` says how values become numbers, and for a
    part of a date `zoned` whether the times have a zone.
    """

    name: str
    kind: Literal["number", "category"] = "number"
    categories: tuple[str, ...] = ()
    list_name: str | None = None
    reading: Reading = "number"
    zoned: bool | None = None


@dataclasses.dataclass(frozen=True)
class PartSizes:
    """Numbers of rows that the source itself assigns to train, val and test; 0 for a split that it does not have."""

    train: int
    val: int = 0
    test: int = 0


@dataclasses.dataclass(frozen=True)
class Rows:
    """All rows of a source: those of its training split first, then validation, then test.

    Attributes:
        X: (N, D) uint8, float32 or float64, in the source's own units; NaN only where `columns` is given.
        y: (N,) int64, the class of each row; for a regression (N,) float64, its targets.
        class_names: Name of each class; none for a regression.
        sizes: How many rows belong to each given split; they add up to N.
        scale: Factor that scales X to [0, 1], if X holds pixels; else 1.
        image_shape: (height, width, channels) if a row is an image.
        resized: Whether the images were resized to it.
        columns: What each column of X is, if the source is a table; else empty.
        column: Name of the one column that holds a row's image or list, if the source is a table.
        layout: What a row is if `columns` is empty: an image file, a list, or an array of the source.
        label: Column of the classes, if it has a name.
        classes_by_place: Whether the source numbers the classes by their index in `class_names`.
        row_weights: (N,) float64, how much each row counts in training, at least 0; None: all equally.
        ignored: Columns of the source that are not used.
        facts: Every column of the source, if it is a table.
        decimal: The decimal sign of the source, if it is text.
        decimal_given: Whether the user said so.
        delimiter: The delimiter of the source, if it is a CSV file.
        split_key: The column that rows are split by, if any.
        details: What else the manifest should say about the source (JSON types).
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    class_names: tuple[str, ...]
    sizes: PartSizes
    scale: float = 1.0
    image_shape: tuple[int, int, int] | None = None
    resized: bool = False
    columns: tuple[Column, ...] = ()
    column: str | None = None
    layout: Literal["list", "image", "array"] = "array"
    label: str | None = None
    classes_by_place: bool = False
    row_weights: npt.NDArray[np.float64] | None = None
    ignored: tuple[str, ...] = ()
    facts: tuple[ColumnFacts, ...] = ()
    decimal: Literal[".", ","] = "."
    decimal_given: bool = False
    delimiter: str = ","
    split_key: SplitKey | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_pixels(self) -> bool:
        """Whether all features share one unit: the brightness of a pixel."""
        return self.image_shape is not None or self.scale != 1
