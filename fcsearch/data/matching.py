"""Later rows, with or without a label, matched with a transform by column name; also part by part."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.images import ImageForm, decode_image_files, decode_images
from fcsearch.data.kinds import category_texts, holds_images
from fcsearch.data.labels import is_boolean, is_integer
from fcsearch.data.lists import is_list_of_numbers, list_values
from fcsearch.data.readings import read_values
from fcsearch.data.transform import CategoryInput, FeatureTransform, NumberInput
from fcsearch.errors import DataError
from fcsearch.text import column_quoted, first_columns, nearest
from fcsearch.wording import wording

Locate = Callable[[int], str]
# By column and value: how often it occurs, of the values that the training rows do not have.
Unseen = dict[str, Counter[str]]


@dataclasses.dataclass(frozen=True)
class Matched:
    """Features of some rows.

    Attributes:
        X: (N, D) float32, as the network takes them.
        unseen: Categories that the training rows do not have; they are encoded as none of the known ones.
        ignored: Columns that the network does not read.
    """

    X: npt.NDArray[np.float32]
    unseen: Unseen
    ignored: tuple[str, ...]


def match_table(transform: FeatureTransform, table: pa.Table, locate: Locate, source: str) -> Matched:
    """The features of a table's rows. Columns may have any order; others are ignored.

    Args:
        transform: Fitted on the training rows.
        table: (N rows) With or without the label.
        locate: Names the place of a row, for messages.
        source: Names the table, for messages.

    Raises:
        DataError: columns that are missing or differ in kind from those in training; all of them are named.
    """
    read = columns_read(transform, table.schema, source)
    unseen: Unseen = {}
    if (array := transform.array) is not None:
        raw = _array_of(array, table[read[0]], read[0], locate, source)
    else:
        raw, unseen = _raw(transform, table, locate, source)
    ignored = tuple(name for name in table.column_names if name not in read and name != transform.label)
    return Matched(transform.apply(raw), unseen, ignored)


def with_empty_texts(transform: FeatureTransform, table: pa.Table) -> pa.Table:
    """A table of a CSV file with empty texts for missing values, where the training rows have them as a category.

    Such a file does not tell the two apart, as a Parquet file does.
    """
    for item in transform.inputs:
        if item.kind == "category" and "" in item.categories and item.name in table.column_names:
            place = table.column_names.index(item.name)
            table = table.set_column(place, item.name, pc.fill_null(category_texts(table[item.name]), ""))
    return table


def columns_read(transform: FeatureTransform, schema: pa.Schema, source: str) -> list[str]:
    """The columns of a table that the features are made of; DataError naming all that are missing."""
    if transform.array is not None:
        return [_array_column(transform.array, schema, transform.label, source)]
    names = list(dict.fromkeys(str(item.name) for item in transform.inputs))
    _require_columns(names, schema.names, transform, source)
    return names


def match_images(transform: FeatureTransform, files: Sequence[Path], source: str) -> npt.NDArray[np.float32]:
    """The features of image files, which become what those of training were; errors as `match_array`."""
    array = _array_input(transform, source)
    pixels, shape = decode_image_files(files, _image_form(array))
    return transform.apply(_like_training(array, pixels.reshape(-1, *shape), source))


def match_array(transform: FeatureTransform, X: npt.NDArray[Any], source: str) -> npt.NDArray[np.float32]:
    """The features of rows in an array.

    Args:
        transform: Fitted on the training rows.
        X: (N, ...) numbers; a row has the shape of the training rows.
        source: Names the array, for messages.

    Raises:
        DataError: rows of another shape or another kind of number, or the training rows came from named columns.
    """
    return transform.apply(_like_training(_array_input(transform, source), X, source))


def text_columns(transform: FeatureTransform, label: str | None) -> tuple[str, ...]:
    """Columns that the reader of a CSV file must leave as text: `01` and `1` are different categories.

    The column `label` is among them unless its classes survive a reader that takes them for integers or booleans.
    """
    names = text_inputs(transform)
    if label is not None and not all(is_boolean(name) or is_integer(name) for name in transform.class_names):
        names.append(label)
    return tuple(names)


def text_inputs(transform: FeatureTransform) -> list[str]:
    """The features among `text_columns`: categories, and what is not read as a plain number."""
    return [
        str(item.name)
        for item in transform.inputs
        if item.kind == "category" or (item.source == "number" and item.reading != "number")
    ]


def count_unseen(total: Unseen, part: Unseen) -> None:
    """Add the counts of a part of the rows."""
    for name, counts in part.items():
        total.setdefault(name, Counter()).update(counts)


def _array_input(transform: FeatureTransform, source: str) -> NumberInput:
    if transform.array is None:
        names = ", ".join(dict.fromkeys(str(item.name) for item in transform.inputs))
        raise DataError(
            f"{source} must be a table with the columns {names}, as the training rows had; found images or an array, "
            f"without column names. {wording().naming_columns()}."
        )
    return transform.array


def _raw(transform: FeatureTransform, table: pa.Table, locate: Locate, source: str) -> tuple[npt.NDArray[Any], Unseen]:
    raw = np.empty((table.num_rows, transform.raw_width), dtype=transform.dtype)
    unseen: Unseen = {}
    problems = []
    left = 0
    for item in transform.inputs:
        values, place = table[str(item.name)], f"column {item.name!r} of {source}"
        right = left + (1 if item.kind == "category" else item.width)
        try:
            if item.kind == "category":
                raw[:, left], counts = _codes(item, values, place)
                unseen.update({item.name: counts} if counts else {})
            elif item.source == "number":
                raw[:, left] = read_values(values, item.reading, place, zoned=item.zoned)
            else:
                raw[:, left:right] = _array_of(item, values, str(item.name), locate, source)
        except DataError as error:
            problems.append(str(error))
        left = right
    if problems:
        raise DataError("\n".join(dict.fromkeys(problems)))
    return raw, unseen


def _require_columns(wanted: list[str], found: Collection[str], transform: FeatureTransform, source: str) -> None:
    missing = [name for name in wanted if name not in found]
    if not missing:
        return
    # A column that the training rows had beside it is not the one that is missing.
    known = {*wanted, *transform.unused, transform.label}
    others = [name for name in found if name not in known]
    raise DataError(
        f"{source} must have the columns that the network learned from; {', '.join(map(column_quoted, missing))} "
        f"{'is' if len(missing) == 1 else 'are'} missing. {_called_otherwise(missing, others)}"
    )


def _called_otherwise(missing: Sequence[str], others: Sequence[str]) -> str:
    """What to do about missing columns, of which some of the others may be."""
    near = {name: match for name in missing if (match := nearest(name, others))}
    if not near:
        return "Add what is missing."
    named, found = (", ".join(map(column_quoted, names)) for names in (near.keys(), near.values()))
    one = len(near) == 1
    return f"{'Is' if one else 'Are'} {named} called {found} here? Rename {'it' if one else 'them'}."


def _codes(item: CategoryInput, values: pa.ChunkedArray, place: str) -> tuple[npt.NDArray[Any], Counter[str]]:
    """Indices into the training rows' categories (-1: unknown, NaN: missing), and counts of the unknown ones.

    An empty text is missing, as in a CSV file, unless the training rows have it as a category.
    """
    try:
        texts = category_texts(values)
    except pa.ArrowException as error:
        raise DataError(f"{place} must hold categories, as in the training rows; found {values.type}.") from error
    if "" not in item.categories:
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    index = pc.index_in(texts, value_set=pa.array(item.categories, pa.string()))
    other = pc.and_(pc.is_valid(texts), pc.is_null(index))
    codes = pc.if_else(other, pa.scalar(-1, pa.int32()), index)
    found = pc.value_counts(texts.filter(other)).to_pylist()
    counts = Counter({entry["values"]: entry["counts"] for entry in found})
    return pc.cast(codes, pa.float64()).to_numpy(), counts


def _array_column(item: NumberInput, schema: pa.Schema, label: str | None, source: str) -> str:
    """The column of the images or lists: the one of that name, or the only one of its kind."""
    if item.name in schema.names:
        return str(item.name)
    fields = [field for field in schema if field.name != label]
    images = [field.name for field in fields if holds_images(field.type)]
    lists = [field.name for field in fields if is_list_of_numbers(field.type)]
    found = images or lists
    if len(found) == 1 and (item.name is None or len(fields) == 1):
        return str(found[0])
    what = "x".join(map(str, item.shape))
    wanted = f"{what} numbers" if len(item.shape) == 1 else f"images of {what} (height x width x channels)"
    name = "one column" if item.name is None else f"the column {item.name!r}"
    raise DataError(
        f"{source} must have {name} of {wanted}, which the network learned from; found the columns "
        f"{first_columns(schema.names)}."
    )


def _array_of(item: NumberInput, values: pa.ChunkedArray, name: str, locate: Locate, source: str) -> npt.NDArray[Any]:
    """(N, width) numbers of a column of images or lists."""
    if len(values) == 0:
        return np.empty((0, item.width), dtype=np.float32)
    if holds_images(values.type):
        pixels, shape = decode_images(values, locate, _image_form(item))
        found = pixels.reshape(-1, *shape)
    elif is_list_of_numbers(values.type):
        numbers, shape_of_lists = list_values(values, name, locate)
        found = numbers.reshape(-1, *shape_of_lists)
    else:
        raise DataError(
            f"column {name!r} of {source} must hold images or lists of numbers, as in the training rows; found "
            f"{values.type}."
        )
    return _like_training(item, found, f"column {name!r} of {source}")


def _image_form(item: NumberInput) -> ImageForm | None:
    """What later images become; None if the training rows were no images."""
    if len(item.shape) != 3 or item.shape[2] not in (1, 3):
        return None
    height, width, channels = item.shape
    return ImageForm((height, width), channels, resize=item.resized, upright=item.upright)


def _like_training(item: NumberInput, X: npt.NDArray[Any], place: str) -> npt.NDArray[Any]:
    """(N, width) numbers of the same kind as in training."""
    shape = item.shape[:2] if len(item.shape) == 3 and item.shape[2] == 1 and X.ndim == 3 else item.shape
    if X.ndim == 4 and X.shape[1:3] == item.shape[:2] and X.shape[3] == 1 and item.shape[2:] == (3,):
        X = np.repeat(X, 3, axis=3)  # grey images, where the training rows have colour
    flat = X.ndim == 2 and X.shape[1] == item.width
    if X.shape[1:] != shape and not flat:
        raise DataError(
            f"the rows of {place} must have the shape {'x'.join(map(str, item.shape))}, as in training; found "
            f"{'x'.join(map(str, X.shape[1:]))}. Give rows of that shape."
        )
    X = X.reshape(len(X), -1)
    if item.pixels and X.dtype != np.uint8:
        if len(X) and not (X.min() >= 0 and X.max() <= 255 and (np.floor(X) == X).all()):
            raise DataError(
                f"{place} must hold bytes from 0 to 255, as in training; found {X.dtype} from {X.min():g} to "
                f"{X.max():g}. Give the pixels as they were."
            )
        return X.astype(np.uint8)
    return X
