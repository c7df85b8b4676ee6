"""The transform from a source's columns to the matrix that a network sees: fitted once, applied by the same code."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fcsearch.data.encodings import Encoding
from fcsearch.data.facts import DATE_PARTS, Reading
from fcsearch.data.layout import Layout, encoder_of, fills
from fcsearch.errors import DataError

FORMAT = 1
# Fits into a core's own cache.
_APPLY_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class NumberInput:
    """A number, a list of them, or an image.

    Attributes:
        name: The column; None if the source is an array without a name.
        source: `number`, `list`, `image` (files such as PNG), or `array`.
        shape: Shape of a row: () for a number, (k,) for a list, (height, width, channels) for an image.
        encoding: How the numbers become features.
        fill: The value that replaces a missing one; None: there must be none.
        pixels: Whether the values are bytes from 0 to 255.
        resized: Whether image files are resized to `shape`; otherwise they must have that size.
        upright: Whether image files are turned as their EXIF orientation says; those of older runs were not.
        reading: How a value of the column becomes the number.
        zoned: Whether the times of a date have a zone; None: it is not known, or this is no part of a date.
    """

    name: str | None
    source: Literal["number", "list", "image", "array"]
    shape: tuple[int, ...]
    encoding: Encoding
    fill: float | None = None
    pixels: bool = False
    resized: bool = False
    upright: bool = False
    reading: Reading = "number"
    zoned: bool | None = None
    kind: Literal["number"] = "number"

    @property
    def width(self) -> int:
        """Values in a row."""
        return math.prod(self.shape)

    @property
    def title(self) -> str:
        """A name of its own, also for one part of a date."""
        return f"{self.name}.{self.reading}" if self.reading in DATE_PARTS else str(self.name)


@dataclasses.dataclass(frozen=True)
class CategoryInput:
    """A column of categories: one 0/1 feature per category of the training rows; an unknown one is 0 in all of them.

    Attributes:
        name: The column.
        categories: Those of the training rows, sorted.
        fill: The category that replaces a missing value.
    """

    name: str
    categories: tuple[str, ...]
    fill: str
    kind: Literal["category"] = "category"

    @property
    def title(self) -> str:
        """Its name."""
        return self.name


@dataclasses.dataclass(frozen=True)
class TargetScale:
    """How a regression's target is standardised: (y - offset) / scale."""

    offset: float
    scale: float


@dataclasses.dataclass(frozen=True)
class FeatureTransform:
    """From a source's columns to features.

    The columns of a raw matrix (N, R) are the inputs in their order: the values of a number input, the code of a
    category input (its index in `categories`, -1 for an unknown one), NaN for missing values. The features (N, D) are
    those of the numbers in this order, then the 0/1 columns of the categories. All numbers have the same kind of
    encoding.

    Attributes:
        inputs: The columns that are read.
        dtype: The type in which the numbers are computed.
        class_names: Name of each class; none for a regression.
        target: Scale of the target, for a regression.
        unused: The other columns that the training rows had, the label aside.
        decimal: The decimal sign of the training rows' files.
        decimal_given: Whether the user said so; later files may otherwise have the other sign.
        delimiter: The delimiter of the training rows' files; later files may have another one.
        label: Column of the classes or targets, if the source names it.
        classes_by_place: Whether the source numbers the classes by their index in `class_names`.
    """

    inputs: tuple[NumberInput | CategoryInput, ...]
    dtype: Literal["float32", "float64"]
    class_names: tuple[str, ...]
    label: str | None = None
    classes_by_place: bool = False
    target: TargetScale | None = None
    unused: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    decimal_given: bool = False
    delimiter: str = ","

    @property
    def width(self) -> int:
        """Number of features D."""
        return self.layout.width

    @property
    def raw_width(self) -> int:
        """Columns R of a raw matrix."""
        return sum(item.width if item.kind == "number" else 1 for item in self.inputs)

    @property
    def array(self) -> NumberInput | None:
        """The only input, of images or lists of numbers; None if columns are matched by name."""
        first = self.inputs[0]
        return first if len(self.inputs) == 1 and first.kind == "number" and first.source != "number" else None

    def apply(self, raw: npt.NDArray[Any], rows: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
        """The features of some rows.

        Args:
            raw: (N, R) uint8, float32 or float64.
            rows: Which rows, in which order; all if not given.

        Returns:
            (n, D) float32, C-contiguous.

        Raises:
            DataError: a feature leaves float32's range.
        """
        count = len(raw) if rows is None else len(rows)
        out = np.empty((count, self.width), dtype=np.float32)
        step = max(1, _APPLY_BYTES // (8 * max(raw.shape[1], self.width)))
        try:
            with np.errstate(over="raise"):
                for start in range(0, count, step):
                    block = slice(start, start + step)
                    self.layout.encode(raw[block] if rows is None else raw[rows[block]], out[block])
        except FloatingPointError as error:
            raise DataError(
                f"scaled features must stay within float32's range; found values outside ({error}). Look for wildly "
                "large values in a column that is nearly constant, and leave it out."
            ) from error
        return out

    @cached_property
    def layout(self) -> Layout:
        """The transform's numbers as arrays."""
        return _layout(self)

    def to_json(self) -> str:
        """The transform as JSON text, exact to the bit."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str) -> FeatureTransform:
        """Read the output of `to_json`; DataError, naming `where`, for anything else."""
        from pydantic import TypeAdapter, ValidationError  # a quarter of a second

        try:
            value = json.loads(text)
            if not isinstance(value, dict) or (found := value.pop("format", None)) != FORMAT:
                raise DataError(
                    f"{where} must hold a transform of format {FORMAT}; found "
                    f"{type(value).__name__ if not isinstance(value, dict) else found}. Use the fcsearch that wrote it."
                )
            # The second is what an earlier version wrote.
            if "parts" in value or "others" in value:
                raise DataError(
                    f"{where} must hold one transform; found several, of an ensemble whose networks learned different "
                    "forms of the rows. Read each of its `parts` by itself."
                )
            transform: FeatureTransform = TypeAdapter(cls).validate_python(value)
            _check(transform)
        except (ValidationError, ValueError) as error:
            reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
            place = ".".join(map(str, reason["loc"]))
            raise DataError(
                f"{where} must hold the transform that fcsearch wrote; found {place + ': ' if place else ''}"
                f"{reason['msg']}. Restore a copy of the file."
            ) from error
        return transform


def _layout(transform: FeatureTransform) -> Layout:
    places: list[int] = []
    gaps: list[float] = []
    encodings: list[Encoding] = []
    categories: list[tuple[int, tuple[str, ...], int]] = []
    place = 0
    for item in transform.inputs:
        if item.kind == "category":
            categories.append((place, item.categories, item.categories.index(item.fill)))
            place += 1
            continue
        encodings.append(item.encoding)
        gaps += [math.nan if item.fill is None else item.fill] * item.width
        places += range(place, place + item.width)
        place += item.width
    encoder = encoder_of(encodings, transform.dtype) if encodings else None
    return Layout(np.array(places, dtype=np.int64), fills(gaps, transform.dtype), encoder, categories)


def _check(transform: FeatureTransform) -> None:
    """Raise ValueError for a transform that no fit can have made."""
    if not transform.inputs:
        raise ValueError("no inputs")
    kinds = set()
    for item in transform.inputs:
        if item.kind == "category":
            if item.fill not in item.categories:
                raise ValueError(
                    f"column {item.name!r} is filled with {item.fill!r}, which is not one of its categories"
                )
            continue
        if len(item.encoding.widths) != item.width:
            raise ValueError(
                f"column {item.name!r} has {item.width} values, of which {len(item.encoding.widths)} are encoded"
            )
        try:
            item.encoding.check()
        except ValueError as error:
            raise ValueError(f"column {item.name!r}: {error}") from error
        kinds.add((item.encoding.kind, getattr(item.encoding, "limit", None)))
    if len(kinds) > 1:
        raise ValueError("numbers of more than one kind of encoding")
