"""Which column holds the classes, and which class each row has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.instants import holds_dates
from fcsearch.data.kinds import is_text
from fcsearch.data.number_texts import Writing, look_like_dates, number_hint
from fcsearch.data.readings import true_and_false
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, first_columns, first_few, nearest, spaced_twins
from fcsearch.wording import option, wording

LABEL_NAMES = ("label", "labels", "target", "class", "y")


def find_label(schema: pa.Schema, label: str | None, where: str) -> str:
    """Name of the label column.

    Args:
        schema: Columns of the table.
        label: The name that the user gave; None: found by common names or the Hugging Face hub's metadata.
        where: The file, for messages.

    Raises:
        DataError: there is no such column, or more than one is possible.
    """
    columns = first_columns(schema.names, 40)
    if label is not None:
        if label in schema.names:
            return label
        hint = did_you_mean(nearest(label, schema.names), sentence=True)
        raise DataError(f"{where} must have the label column {label!r}; found the columns {columns}.{hint}")
    candidates = list(_hub_class_labels(schema)) or [name for name in schema.names if name.lower() in LABEL_NAMES]
    if len(candidates) == 1:
        return candidates[0]
    found = f"both {' and '.join(candidates)} are possible" if candidates else f"found the columns {columns}"
    raise DataError(
        f"{where} must have one column of classes, called {', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}; {found}. "
        f"Say which column it is with {wording().label()}" + ("." if candidates else f"{wording().first_line()}.")
    )


def class_names_of(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Class names that the file's metadata gives: the hub's `features`, or `class_names` (commas or JSON)."""
    if label in (hub := _hub_class_labels(schema)):
        return hub[label]
    text = (schema.metadata or {}).get(b"class_names", b"").decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        names = json.loads(text)
    except json.JSONDecodeError:
        names = text.split(",")
    if not isinstance(names, list) or len(names) < 2:
        return None
    return tuple(str(name).strip() for name in names)


def _hub_class_labels(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Class names by column, for the columns that the hub's metadata declares as classes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        labels = {name: feature for name, feature in features.items() if feature.get("_type") == "ClassLabel"}
        return {name: tuple(map(str, feature["names"])) for name, feature in labels.items() if name in schema.names}
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return {}  # the metadata are optional; the column itself decides


def encode_labels(
    values: pa.Array | pa.ChunkedArray, names: Sequence[str] | None, where: str, decimal: Writing | None = None
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Number the classes.

    Args:
        values: (N,) labels: integers, whole floats, booleans or text.
        names: Names of the classes 0, 1, ..., if the source gives them.
        where: File and column, for messages.
        decimal: How the numbers of the file were read, if it is text.

    Returns:
        (N,) int64 classes from 0, in the order of `names`, else sorted; and the name of each class.

    Raises:
        DataError: missing or non-finite labels, numbers that are not classes, one class, a label outside `names`.
    """
    refuse_dates(values, where)
    values = _plain_labels(values, where)
    distinct = sorted(pc.unique(values).to_pylist())
    if len(distinct) < 2:
        raise DataError(
            f"{where} must hold at least 2 classes to tell apart; found only {distinct[0]!r} in every row. "
            f"{wording().other_label()}, or add rows of another class."
        )
    if len(distinct) > 20 and len(distinct) > len(values) / 2:
        hint = label_hint(values, decimal) if is_text(values.type) else ""
        raise DataError(
            f"{where} must hold classes; found {len(distinct)} distinct values in {len(values)} rows, as of a quantity "
            f"or an identifier.{hint} {wording().other_label()}."
        )
    if isinstance(distinct[0], str) and (twins := spaced_twins(distinct)):
        raise DataError(
            f"{where} must write each class in one way; found {twins[0]!r} and {twins[1]!r}. Remove the spaces."
        )
    known = _order_of_classes(distinct, names, where)
    index = pc.index_in(values, value_set=pa.array(known, type=values.type))
    return np.ascontiguousarray(index.to_numpy(zero_copy_only=False), dtype=np.int64), tuple(
        names if names and len(names) == len(known) else map(str, known)
    )


def refuse_dates(values: pa.Array | pa.ChunkedArray, where: str) -> None:
    """DataError if labels are of a type of dates, which are neither classes nor numbers; texts may be classes."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if holds_dates(kind):
        raise DataError(
            f"{where} must hold classes, or numbers to predict; found {kind}, which are dates. To predict them, write "
            "them as numbers, such as of days; to tell them apart as classes, write words, such as the names of "
            f"months. {wording().other_label()}."
        )


def label_hint(values: pa.Array | pa.ChunkedArray, decimal: Writing | None) -> str:
    """A sentence, after a space, on what keeps texts from being numbers to predict; empty where they seem no such."""
    if look_like_dates(values):
        example = values.drop_null()[0].as_py()
        return f" They look like dates, such as {example!r}: to predict them, write them as numbers, such as of days."
    hint = number_hint(values, decimal)
    return f" {hint.strange}: leave out such rows, and it is a number to predict." if hint.strange else hint.words


def codes_of_labels(
    values: pa.Array | pa.ChunkedArray, names: Sequence[str] | None, known: Sequence[str], *, by_place: bool, where: str
) -> npt.NDArray[np.int64]:
    """Number the classes as in training, by their names.

    Args:
        values: (N,) labels, as in `encode_labels`.
        names: Names of the classes 0, 1, ..., if the source of the labels gives them.
        known: Names of the known classes.
        by_place: Whether bare numbers are indices into `known`.
        where: File and column, for messages.

    Returns:
        (N,) int64 indices into `known`.

    Raises:
        DataError: missing labels, or unknown classes.
    """
    values = _plain_labels(values, where)
    if pa.types.is_integer(values.type) and (names or by_place):
        order = names or known
        places = dict(enumerate(order))
        texts = pa.array([places.get(value, str(value)) for value in values.to_pylist()], pa.string())
    else:
        texts = _as_known(pc.cast(values, pa.string()), known)
    index = pc.index_in(texts, value_set=pa.array(list(known), pa.string()))
    if index.null_count:
        strange = pc.value_counts(texts.filter(pc.is_null(index))).to_pylist()
        named = ", ".join(f"{entry['values']!r} ({_rows(entry['counts'])})" for entry in strange[:10])
        other = f"Write them as in the training rows, or name another column with {option('label')}."
        raise DataError(
            f"{where} must hold the classes that the network learned ({first_few(known)}); found "
            f"{_rows(index.null_count)} of {'another class' if len(strange) == 1 else 'other classes'}: {named}. "
            f"{other if index.null_count == len(texts) else 'Leave these rows out.'}"
        )
    return np.ascontiguousarray(index.to_numpy(zero_copy_only=False), dtype=np.int64)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _as_known(texts: pa.Array, known: Sequence[str]) -> pa.Array:
    """Labels (N,) with true and false in the writing of the known classes, if these are true and false, or 1 and 0."""
    if {*known} == {"false", "true"}:
        true, false = true_and_false(texts)
    elif {*known} == {"0", "1"}:
        # Not yes and no: which of them 1 stood for, nobody has said.
        lower = pc.utf8_lower(texts)
        true, false = pc.equal(lower, "true"), pc.equal(lower, "false")
    else:
        return texts
    first, second = sorted(known)
    return pc.if_else(true, second, pc.if_else(false, first, texts))


def classes_by_place(kind: pa.DataType, names: Sequence[str] | None) -> bool:
    """Whether labels of this type number the classes that `names` names."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(names) and not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind))


def is_boolean(name: str) -> bool:
    """Whether a class's name is what `encode_labels` makes of a boolean."""
    return name in ("true", "false")


def is_integer(name: str) -> bool:
    """Whether a class's name is what `encode_labels` makes of an integer."""
    return name.removeprefix("-").isdecimal() and str(int(name)) == name


def _order_of_classes(distinct: list[Any], names: Sequence[str] | None, where: str) -> list[Any]:
    if not names:
        return distinct
    if isinstance(distinct[0], str):
        return list(names) if set(distinct) <= set(names) else distinct
    outside = [value for value in distinct if not 0 <= value < len(names)]
    if outside:
        raise DataError(
            f"{where} must hold 0 to {len(names) - 1}, the indices of the file's {len(names)} class names; "
            f"found {outside[0]}"
            + (" (the hub's mark of rows without a label)" if outside[0] == -1 else "")
            + ". Leave such rows out."
        )
    return list(range(len(names)))


def _plain_labels(values: pa.Array | pa.ChunkedArray, where: str) -> pa.Array:
    """The labels as one array of int64 or string without nulls."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    missing = array.null_count
    if pa.types.is_floating(array.type):
        array = pc.cast(array, pa.float64())
        missing += pc.sum(pc.invert(pc.is_finite(array))).as_py() or 0
    if missing:
        raise DataError(
            f"{where} must give every row a class; found {missing} missing or non-finite labels. Drop those rows."
        )
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.cast(array, pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _whole_numbers(array, where)
    if pa.types.is_integer(kind):
        return _whole_numbers(array, where) if pa.types.is_uint64(kind) else pc.cast(array, pa.int64())
    raise DataError(f"{where} must hold integers, text or booleans; found {kind}. {wording().other_label()}.")


def _whole_numbers(array: pa.Array, where: str) -> pa.Array:
    try:
        return pc.cast(array, pa.int64())
    except pa.ArrowInvalid as error:
        example = next(value for value in array.to_pylist() if value != int(value) or abs(value) >= 2**53)
        raise DataError(
            f"{where} must hold classes; found numbers such as {example}, like a quantity to predict (regression). "
            f"{wording().other_label()}, or turn the quantity into classes."
        ) from error
