"""How a value of a column becomes a number: as it is, as true or false, or as a part of a date."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.facts import DATE_PARTS, Reading
from fcsearch.data.instants import Instants, read_instants
from fcsearch.data.kinds import is_number, is_text, number_values
from fcsearch.errors import DataError

# Those with a point are what pandas writes if there are gaps.
_TRUE, _FALSE = ("true", "yes", "t", "y", "1", "1.0"), ("false", "no", "f", "n", "0", "0.0", "-0.0")


def read_values(
    values: pa.ChunkedArray, reading: Reading, place: str, *, zoned: bool | None = None
) -> npt.NDArray[Any]:
    """Later rows' values of a column as numbers.

    Args:
        values: (N,) the column.
        reading: How its values become numbers.
        place: Names the column, for messages.
        zoned: Whether the training rows' times had a zone; None: it is not known, and either will do.

    Returns:
        (N,) numbers, NaN for missing values.

    Raises:
        DataError: values of another kind than in training.
    """
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    if values.null_count == len(values):
        return np.full(len(values), np.nan, dtype=np.float32)
    if reading == "boolean":
        return _booleans(values, place)
    if reading != "number":
        return _part(_instants(values, place, zoned), reading)
    if not is_number(values.type):
        example = f"text such as {_no_number(values)!r}" if is_text(values.type) else ""
        raise DataError(
            f"{place} must hold numbers, as in the training rows; found {example or values.type}. Turn it into "
            "numbers, and leave missing values empty."
        )
    return number_values(values, place)


@dataclasses.dataclass(frozen=True)
class DateParts:
    """The parts of a training column of dates.

    Attributes:
        parts: By name, (N,) float32 each.
        zoned: Whether the times have a zone; the parts are then in UTC.
    """

    parts: dict[Reading, npt.NDArray[np.float32]]
    zoned: bool


def parts_of_dates(values: pa.ChunkedArray, place: str) -> DateParts:
    """The parts of a column of dates; the hour only where some time is not midnight.

    Whether it is a feature, the training rows among these decide later.
    """
    instants = _instants(values, place)
    parts = {part: _part(instants, part) for part in DATE_PARTS}
    if not np.nan_to_num(parts["hour"]).any():
        del parts["hour"]
    return DateParts(parts, instants.zoned)


def _part(instants: Instants, part: Reading) -> npt.NDArray[np.float32]:
    times = instants.plain
    if part == "hour":
        seconds = pc.add(pc.multiply(pc.hour(times), 3600), pc.add(pc.multiply(pc.minute(times), 60), pc.second(times)))
        numbers = pc.divide(pc.cast(seconds, pa.float64()), 3600.0)
    else:
        numbers = getattr(pc, part)(times)
    return np.asarray(pc.cast(numbers, pa.float32()).to_numpy())


def _instants(values: pa.ChunkedArray, place: str, zoned: bool | None = None) -> Instants:
    """The instants of dates; DataError for anything else, or if they do not have a zone as `zoned` says."""
    found = read_instants(values)
    example = f"text such as {values.drop_null()[0].as_py()!r}" if is_text(values.type) else str(values.type)
    if found is None:
        raise DataError(
            f"{place} must hold dates, as in the training rows; found {example}. Write them as 2026-01-31 or "
            "2026-01-31 18:00, all with a zone such as +02:00 or Z or all without, and leave missing ones empty."
        )
    if zoned is None or found.zoned == zoned:
        return found
    if zoned:
        raise DataError(
            f"{place} must hold times with a zone, as in the training rows; found {example}. Write them as "
            "2026-01-31 18:00+02:00, or with Z for UTC."
        )
    raise DataError(
        f"{place} must hold dates or times without a zone, as in the training rows; found {example}. Write them in the "
        "zone of the training rows, without its name or offset."
    )


def _booleans(values: pa.ChunkedArray, place: str) -> npt.NDArray[np.float32]:
    if is_number(values.type):
        numbers = np.asarray(number_values(values, place), dtype=np.float64)
        strange = ~(np.isnan(numbers) | (numbers == 0) | (numbers == 1))
        if strange.any():
            raise _no_boolean(place, f"{numbers[strange][0]:g}")
        # 0 is added so that -0 is 0.
        return numbers.astype(np.float32) + np.float32(0)
    if not is_text(values.type):
        raise _no_boolean(place, str(values.type))
    true, false = true_and_false(values)
    unknown = values.filter(pc.and_(pc.is_valid(values), pc.invert(pc.or_(true, false))))
    if len(unknown):
        raise _no_boolean(place, repr(unknown[0].as_py()))
    found = pc.if_else(pc.is_valid(values), pc.cast(true, pa.float32()), pa.scalar(None, pa.float32()))
    return np.asarray(found.to_numpy())


def true_and_false(values: pa.Array | pa.ChunkedArray) -> tuple[pa.Array | pa.ChunkedArray, ...]:
    """(N,) Which of some texts say true, and (N,) which say false, in any of the usual writings."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    return tuple(pc.is_in(texts, value_set=pa.array(words)) for words in (_TRUE, _FALSE))


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
