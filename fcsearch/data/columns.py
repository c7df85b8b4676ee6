"""Which columns of a table are features, and the matrix that they make."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.facts import ColumnFacts, ColumnsError, Reading, Use
from fcsearch.data.images import ImageForm, decode_images
from fcsearch.data.instants import holds_dates, with_instants
from fcsearch.data.kinds import category_texts, holds_images, is_number, is_text, kind_in_words, number_values
from fcsearch.data.lists import is_list_of_numbers, list_values
from fcsearch.data.number_texts import Writing, number_hint
from fcsearch.data.readings import parts_of_dates
from fcsearch.data.remarks import hint_on, remark_on
from fcsearch.data.rows import PIXEL_SCALE, Column
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError
from fcsearch.text import column_quoted, nearest
from fcsearch.wording import wording

# The most one-hot columns of a text column; with more categories it is an identifier or free text.
MAX_CATEGORIES = 1000
_BLOCK_ROWS = 256

# Names of identifiers: id, RowNumber, customer_id, order no, user.id, unnamed: 0, Kundennr; CustomerId. Not snr, a
# ratio, nor atomicNumber: a table may have a row for each.
_IDENTIFIER = re.compile(
    r"(?i:|(row[-._ ]?)?(id|index|number|nr|no)|.*[-._ ](id|nr|no)|.*[a-z]{3}nr|unnamed: \d+)|.*[a-z](Id|ID|Nr|No)"
)
_LEAVE_OUT = "Leave it out."


@dataclasses.dataclass(frozen=True)
class Features:
    """The features of a table; see `Rows` for the fields."""

    X: npt.NDArray[Any]
    columns: tuple[Column, ...] = ()
    column: str | None = None
    layout: Literal["list", "image", "array"] = "array"
    scale: float = 1.0
    image_shape: tuple[int, int, int] | None = None
    resized: bool = False
    ignored: tuple[str, ...] = ()
    facts: tuple[ColumnFacts, ...] = ()


def features_of(
    table: pa.Table,
    label: str,
    spec: DatasetSpec,
    locate: Callable[[int], str],
    source: str,
    *,
    apart: Mapping[str, tuple[Use, str]],
    left_out: Sequence[str],
    problems: Mapping[str, str],
    decimal: Writing | None = None,
) -> Features:
    """Make a matrix of a table's columns.

    If there is a column of images, it alone makes the features, and other columns are ignored. Otherwise every column
    except those in `apart` is a feature: numbers, lists of numbers of one length, text as categories.

    Args:
        table: All rows.
        label: The column of the classes, for messages.
        spec: How columns are used: those to leave out, the size of images, and what becomes of dates.
        locate: Names the place of a row, for messages.
        source: Names the table, for messages.
        apart: Columns with a use other than as features, the label among them: the use, and a description of it.
        left_out: Columns that the reader left out because they only number the rows.
        problems: Problems of columns that are already known.
        decimal: How the numbers of its files were read, if they are text.

    Raises:
        DataError: a column that cannot be used, or none that can; `ColumnsError` names all of them.
    """
    names = _feature_names(table, label, [name for name in spec.drop if name not in left_out], apart, source)
    table = with_instants(table, names)
    images = [name for name in names if holds_images(table.schema.field(name).type)]
    if len(images) > 1:
        raise DataError(
            f"{source} must have one column of images; found {', '.join(images)}. "
            f"Leave the others out: {wording().leaving_out([*spec.drop, *images[1:]])}"
        )
    uses = _uses(table, spec.drop, images, apart)
    facts = [ColumnFacts(name, "number", "ignored", "numbers the rows") for name in left_out]
    facts += [_facts(table[name], name, *uses[name]) for name in table.column_names]
    refused = dict(problems)
    parts = []
    # A wrong label column is reported before 50,000 images are decoded.
    if not (refused and images):
        for name in images or names:
            try:
                if images:
                    parts.append(_images(table[name], name, locate, spec))
                else:
                    parts.append(_feature(table[name], name, locate, source, spec, decimal, alone=len(names) == 1))
            except DataError as error:
                refused[name] = str(error)
    facts = _with_categories(facts, [column for part in parts for column in part.columns])
    told = tuple(
        dataclasses.replace(item, why=remark_on(item, table, decimal)) if item.use == "used" else item for item in facts
    )
    if refused:
        readable = [name for name in refused if hint_on(table[name], decimal).remedy in ("option", "values")]
        raise ColumnsError(source, refused, told, readable)
    features = parts[0] if len(parts) == 1 else _side_by_side(parts)
    ignored = (*left_out, *(name for name in table.column_names if uses[name][0] in ("dropped", "ignored")))
    return dataclasses.replace(features, ignored=ignored, facts=told)


def _uses(
    table: pa.Table, drop: Sequence[str], images: Sequence[str], apart: Mapping[str, tuple[Use, str]]
) -> dict[str, tuple[Use, str]]:
    """The use of each column, and the reason if it is not used."""
    uses: dict[str, tuple[Use, str]] = dict.fromkeys(table.column_names, ("used", ""))
    if images:
        uses = dict.fromkeys(uses, ("ignored", f"the images of {images[0]!r} are the features"))
        uses[images[0]] = ("used", "")
    return {**uses, **{name: ("dropped", "by the option drop") for name in drop if name in uses}, **apart}


def _facts(values: pa.ChunkedArray, name: str, use: Use, why: str) -> ColumnFacts:
    gaps = values.null_count
    if pa.types.is_floating(values.type):
        gaps += pc.sum(pc.is_nan(values)).as_py() or 0
    return ColumnFacts(name, kind_in_words(values.type), use, why, gaps)


def _with_categories(facts: Sequence[ColumnFacts], columns: Sequence[Column]) -> list[ColumnFacts]:
    categories = {column.name: column.categories for column in columns}
    return [
        dataclasses.replace(item, categories=categories.get(item.name, ())) if item.use == "used" else item
        for item in facts
    ]


def _feature_names(table: pa.Table, label: str, drop: Sequence[str], apart: Collection[str], source: str) -> list[str]:
    if unknown := [name for name in drop if name not in table.column_names or name == label]:
        near = [nearest(name, table.column_names) for name in unknown if name != label]
        meant = [match for match in near if match]
        hint = f" Did you mean {', '.join(map(repr, meant))}?" if meant else ""
        for parts in (re.split(r"\s*,\s*", name.strip()) for name in unknown):
            if len(parts) > 1 and {*parts} <= {*table.column_names} - {label}:
                hint = f" Name each column by itself: {', '.join(map(repr, parts))}."
        found = ", ".join(map(repr, unknown))
        raise DataError(f"dataset option drop must name feature columns of {source}; found {found}.{hint}")
    names = [name for name in table.column_names if name not in apart and name not in drop]
    if not names:
        raise DataError(
            f"{source} must have a column of features besides the label {label!r}; found none. "
            "Name another file, or drop fewer columns."
        )
    return names


def _images(values: pa.ChunkedArray, name: str, locate: Callable[[int], str], spec: DatasetSpec) -> Features:
    size = spec.image_size
    pixels, shape = decode_images(values, locate, None if size is None else ImageForm(size))
    return Features(pixels, column=name, layout="image", scale=PIXEL_SCALE, image_shape=shape, resized=size is not None)


def _feature(
    values: pa.ChunkedArray,
    name: str,
    locate: Callable[[int], str],
    source: str,
    spec: DatasetSpec,
    decimal: Writing | None,
    *,
    alone: bool,
) -> Features:
    """The features of one column; `alone` if there is no other one."""
    kind, place = values.type, f"column {column_quoted(name)} of {source}"
    if is_list_of_numbers(kind):
        X, lengths = list_values(values, name, locate)
        if alone:
            return _one_list(X, lengths, name)
        return Features(X, tuple(Column(f"{name}[{index}]", list_name=name) for index in range(X.shape[1])))
    if values.null_count == len(values):
        raise DataError(f"{place} must have values; found none in any row. {_LEAVE_OUT}")
    if pa.types.is_dictionary(kind) or is_text(kind):
        # Categories by declaration, including numbered ones.
        return _categories(category_texts(values), name, place, decimal)
    if is_number(kind):
        reading: Reading = "boolean" if pa.types.is_boolean(kind) else "number"
        return Features(_numbers(values, name, place)[:, None], (Column(name, reading=reading),))
    if holds_dates(kind):
        return _dates(values, name, place, spec)
    nature = f"the type {kind}"
    if pa.types.is_temporal(kind):
        nature = "durations" if pa.types.is_duration(kind) else "dates or times"
    raise DataError(
        f"{place} must hold numbers, text, images or lists of numbers; found {nature}. Turn it into numbers, or:"
        f" {_LEAVE_OUT.lower()}"
    )


def _dates(values: pa.ChunkedArray, name: str, place: str, spec: DatasetSpec) -> Features:
    if spec.dates is None:
        raise DataError(
            f"{place} must hold numbers, text, images or lists of numbers; found dates or times. Say what they mean: "
            f"{wording().dataset_key('dates', 'parts')} makes features of year, month, day of the week, day of the "
            f"year and hour; {wording().dataset_key('time', name)} tests on the latest rows. Or: "
            f"{_LEAVE_OUT.lower()}"
        )
    found = parts_of_dates(values, place)
    columns = tuple(Column(name, reading=part, zoned=found.zoned) for part in found.parts)
    return Features(np.stack(list(found.parts.values()), axis=1), columns)


def _one_list(X: npt.NDArray[Any], shape: tuple[int, ...], name: str) -> Features:
    """A column of lists that makes all the features: pixels if they are bytes, an image if they are nested."""
    image_shape = (shape[0], shape[1], (*shape, 1)[2]) if len(shape) in (2, 3) else None
    scale = PIXEL_SCALE if X.dtype == np.uint8 else 1.0
    return Features(X, column=name, layout="list", scale=scale, image_shape=image_shape)


def _numbers(values: pa.ChunkedArray, name: str, place: str) -> npt.NDArray[Any]:
    """Numbers with NaN for missing values; float32 if it holds them exactly."""
    if _IDENTIFIER.fullmatch(name) and (which := _rows_it_tells_apart(values)):
        raise DataError(
            f"{place} must describe the row; found a different number in {which}: an identifier. {_LEAVE_OUT}"
        )
    numbers = number_values(values, place)
    if np.isnan(numbers).all():
        raise DataError(f"{place} must have values; found NaN in every row. {_LEAVE_OUT}")
    return numbers


def _rows_it_tells_apart(values: pa.ChunkedArray) -> str:
    """Which rows have integers of which no two are equal, if most have one; pandas writes those with gaps as `7.0`."""
    decimals = pa.types.is_float32(values.type) or pa.types.is_float64(values.type)
    if not decimals and not pa.types.is_integer(values.type):
        return ""
    known = values.filter(pc.is_finite(values)) if decimals else values.drop_null()
    if 2 * len(known) <= len(values) or (decimals and not pc.all(pc.equal(known, pc.floor(known))).as_py()):
        return ""
    if pc.count_distinct(known).as_py() < len(known):
        return ""
    return "every row" if len(known) == len(values) else "every row that has one"


def _categories(values: pa.ChunkedArray, name: str, place: str, decimal: Writing | None) -> Features:
    """Indices into the sorted categories, NaN for missing values."""
    categories = sorted(pc.unique(values.drop_null()).to_pylist())
    if len(categories) > MAX_CATEGORIES or len(categories) > max(50, len(values) / 2):
        raise _no_categories(categories, values, place, decimal)
    index = pc.index_in(values, value_set=pa.array(categories, pa.string()))
    codes = pc.cast(index, pa.float32()).to_numpy()
    return Features(codes[:, None], (Column(name, "category", tuple(categories)),))


def _no_categories(
    categories: Sequence[str], values: pa.ChunkedArray, place: str, decimal: Writing | None
) -> DataError:
    """The error for a column of too many texts, by what they are."""
    hint = number_hint(values, decimal)
    if hint.remedy == "values":
        return DataError(f"{place} must hold numbers:{hint.words}")
    found = f"{len(categories)} texts in {len(values)} rows, such as {categories[0]!r}"
    must = f"{place} must hold categories (at most {MAX_CATEGORIES}, each in several rows); found {found}"
    if hint.words:
        return DataError(f"{must}.{hint.words}{'' if hint.remedy == 'option' else ' Or leave it out.'}")
    return DataError(f"{must}: an identifier or free text. {_LEAVE_OUT}")


def _side_by_side(parts: Sequence[Features]) -> Features:
    exact = all(np.can_cast(part.X.dtype, np.float32) for part in parts)
    columns = tuple(column for part in parts for column in part.columns)
    X = np.empty((len(parts[0].X), len(columns)), dtype=np.float32 if exact else np.float64)
    # In blocks of rows that fit the cache: writing whole columns would touch a new cache line with every value.
    for top in range(0, len(X), _BLOCK_ROWS):
        block, left = X[top : top + _BLOCK_ROWS], 0
        for part in parts:
            right = left + part.X.shape[1]
            block[:, left:right] = part.X[top : top + _BLOCK_ROWS]
            left = right
    return Features(X, columns)
