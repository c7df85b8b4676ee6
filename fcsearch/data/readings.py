"""How a value of a column becomes a number: as it is, as true or false, or as a part of a date."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.facts import DATE_PARTS, Reading
from fcsearch.data.kinds import is_number, is_text, number_values
from fcsearch.errors import DataError

_TRUE, _FALSE = ("true", "yes", "t", "y", "1"), ("false", "no", "f", "n", "0")
# What ISO 8601 texts are read as: times without a zone, or all with one.
_INSTANTS = (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ns"))


def read_values(values: pa.ChunkedArray, reading: Reading, place: str) -> npt.NDArray[Any]:
    """(N,) numbers, NaN for missing values; DataError, naming `place`, for values of another kind than in training."""
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    if values.null_count == len(values):
        return np.full(len(values), np.nan, dtype=np.float32)
    if reading == "boolean":
        return _booleans(values, place)
    if reading != "number":
        return date_part(values, reading, place)
    if not is_number(values.type):
        example = f"text such as {_no_number(values)!r}" if is_text(values.type) else ""
        raise DataError(
            f"{place} must hold numbers, as in the training rows; found {example or values.type}. Turn it into "
            "numbers, and leave missing values empty."
        )
    return number_values(values, place)


def holds_dates(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates, with or without a time of day."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def parts_of_dates(values: pa.ChunkedArray, place: str) -> dict[Reading, npt.NDArray[Any]]:
    """The parts of a training column of dates; the hour only where one is not midnight."""
    parts = {part: date_part(values, part, place) for part in DATE_PARTS}
    if not np.nan_to_num(parts["hour"]).any():
        del parts["hour"]
    return parts


def date_part(values: pa.ChunkedArray, part: Reading, place: str) -> npt.NDArray[np.float32]:
    """(N,) One part of dates, in UTC where they have a zone."""
    times = _instants(values, place)
    if part == "hour":
        seconds = pc.add(pc.multiply(pc.hour(times), 3600), pc.add(pc.multiply(pc.minute(times), 60), pc.second(times)))
        numbers = pc.divide(pc.cast(seconds, pa.float64()), 3600.0)
    else:
        numbers = getattr(pc, part)(times)
    return np.asarray(pc.cast(numbers, pa.float32()).to_numpy())


def _instants(values: pa.ChunkedArray, place: str) -> pa.ChunkedArray:
    kinds = _INSTANTS if is_text(values.type) else (_INSTANTS[0],)
    texts = pc.utf8_trim_whitespace(values) if is_text(values.type) else values
    if is_text(values.type) or holds_dates(values.type):
        for kind in kinds:
            try:
                # Without its zone: a time of UTC, whatever the machine knows of zones.
                return pc.cast(pc.cast(texts, kind, safe=False), pa.timestamp(kind.unit), safe=False)
            except pa.ArrowException:
                continue
    example = f"text such as {values.drop_null()[0].as_py()!r}" if is_text(values.type) else values.type
    raise DataError(
        f"{place} must hold dates, as in the training rows; found {example}. Write them as 2026-01-31 or "
        "2026-01-31 18:00, and leave missing ones empty."
    )


def _booleans(values: pa.ChunkedArray, place: str) -> npt.NDArray[np.float32]:
    if pa.types.is_boolean(values.type):
        return np.asarray(number_values(values, place), dtype=np.float32)
    if is_number(values.type):
        texts = pc.cast(pc.cast(values, pa.float64()), pa.string())
    elif is_text(values.type):
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    else:
        raise _no_boolean(place, str(values.type))
    true, false = (pc.is_in(texts, value_set=pa.array(words)) for words in (_TRUE, _FALSE))
    strange = values.filter(pc.and_(pc.is_valid(texts), pc.invert(pc.or_(true, false))))
    if len(strange):
        raise _no_boolean(place, repr(strange[0].as_py()))
    numbers = pc.if_else(pc.is_valid(texts), pc.cast(true, pa.float32()), pa.scalar(None, pa.float32()))
    return np.asarray(numbers.to_numpy())


def _no_boolean(place: str, found: str) -> DataError:
    return DataError(
        f"{place} must hold true or false, as in the training rows (or yes and no, t and f, 1 and 0); found {found}. "
        "Write one of them, and leave missing values empty."
    )


def _no_number(values: pa.ChunkedArray) -> str:
    """The first text that is not a number, or, if all look like numbers, the first one."""
    texts = pc.cast(values, pa.string()).drop_null()
    strange = texts.filter(pc.invert(pc.match_substring_regex(texts, r"^[\s\d.eE+-]+$")))
    return str((strange if len(strange) else texts)[0])
