"""Numbers and dates that a file writes as text: what keeps them from being read as such."""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.text import DECIMAL_COMMA, THOUSANDS_COMMAS, first_few
from fcsearch.wording import wording

_THOUSANDS_BY_POINTS = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_THOUSANDS_BY_SPACES = re.compile(r"[-+]?[1-9]\d{0,2}([ \u00a0\u2009\u202f'\u2019]\d{3})+([.,]\d+)?")
_DATE = re.compile(r"(\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})([ T].*)?")
_WHOLE = re.compile(r"[-+]?\d+")
_WITH_UNIT = re.compile(r"[-+]?[$€£¥]?\s?[-+]?\d[\d,]*(\.\d+)?(\s?[%$€£¥]|\s[a-zA-Z]{1,3})?")
_DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_MOST = 1000
_WITHOUT = "Write them without."
_WRITINGS = (
    (_THOUSANDS_BY_POINTS, "points between thousands", _WITHOUT),
    (THOUSANDS_COMMAS, "commas between thousands", _WITHOUT),
    (_THOUSANDS_BY_SPACES, "signs between thousands", _WITHOUT),
    (_DECIMAL_POINT, "decimal points", "Write them with commas."),
    (_WITH_UNIT, "signs beside them", "Write the number alone."),
)

# The sign before fractions.
Decimal = Literal[".", ","]
# How the numbers of a text file were read: with this sign, or with points that some columns have, of which another sign
# would make texts.
Writing = Decimal | Literal["points"]


@dataclasses.dataclass(frozen=True)
class NumberHint:
    """What to change so that a column of text is one of numbers or dates.

    Attributes:
        words: Sentences after a space; empty where the texts seem to hold neither.
        remedy: What is to change: a few values, how all numbers are written, or only the option that reads them.
        strange: Where it is a few values: how many, and which.
    """

    words: str = ""
    remedy: Literal["none", "values", "writing", "option"] = "none"
    strange: str = ""


def number_hint(values: pa.Array | pa.ChunkedArray, decimal: Writing | None = None) -> NumberHint:
    """Look for numbers in (N,) texts.

    Args:
        values: The texts.
        decimal: How the numbers of their file were read; None: they are of no text file, and no option says it.
    """
    texts = _texts(values)
    if points := _only(texts, _THOUSANDS_BY_POINTS):
        return _written("points between thousands", points[0], _WITHOUT)
    others = [text for text in texts if not _is_number(text, decimal)]
    if texts and len(others) <= len(texts) / 2:
        return _of_numbers(values, decimal)
    if others and all(_DATE.fullmatch(text) for text in others):
        return NumberHint(
            f" They look like dates, such as {others[0]!r}. Write them as 2026-01-31, 2026-01-31 18:00 or "
            "31.01.2026, all with a zone (+02:00 or Z) or all without, and the column is one of dates.",
            "writing",
        )
    commas = _commas(others, decimal)
    if commas and 2 * len(commas) >= len(others):
        return _with_commas(commas, texts, decimal)
    return _in_writing(others)


def has_decimal_commas(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether texts are numbers with decimal commas, and not all of these could be commas between thousands."""
    commas = _only(_texts(values), DECIMAL_COMMA)
    return not all(THOUSANDS_COMMAS.fullmatch(text) for text in commas)


def has_decimal_points(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether texts, which are numbers, have points that cannot all be points between thousands."""
    texts = _texts(values)
    return any("." in text for text in texts) and not _only(texts, _THOUSANDS_BY_POINTS)


def look_like_dates(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all texts look like dates, in whatever writing."""
    texts = _texts(values)
    return bool(texts) and all(_DATE.fullmatch(text) for text in texts)


def _of_numbers(values: pa.Array | pa.ChunkedArray, decimal: Writing | None) -> NumberHint:
    """The hint for (N,) texts most of which are numbers."""
    there = values.drop_null()
    texts = pc.unique(there).to_pylist()
    others = [text for text in texts if not _is_number(text, decimal)]
    if not others:
        return NumberHint(" They are numbers in a column of texts. Write them as numbers, if they are quantities.")
    # All are looked at: to empty those that are numbers in another writing would lose them.
    stripped = [text.strip() for text in others]
    if commas := _commas(stripped, decimal):
        return _with_commas(commas, texts, decimal)
    if (hint := _in_writing(stripped)).words:
        return hint
    count = pc.sum(pc.is_in(there, value_set=pa.array(others, values.type))).as_py()
    examples = first_few([*map(repr, others)], 3)
    strange = f"{count:,} of {len(there):,} values {'is' if count == 1 else 'are'} not a number ({examples})"
    return NumberHint(f" {strange}; empty {'it' if count == 1 else 'them'}.", "values", strange)


def _commas(others: list[str], decimal: Writing | None) -> list[str]:
    """The decimal commas among texts that are not numbers, unless all of them could be commas between thousands."""
    commas = [] if decimal == "," else [text for text in others if DECIMAL_COMMA.fullmatch(text)]
    return [] if all(THOUSANDS_COMMAS.fullmatch(text) for text in commas) else commas


def _with_commas(commas: list[str], texts: list[str], decimal: Writing | None) -> NumberHint:
    """The hint for decimal commas among texts."""
    if any("." in text and _is_number(text, decimal) for text in texts):
        return _written("decimal commas beside decimal points", commas[0], "Write all with one sign.")
    if decimal is None:
        return _written("decimal commas", commas[0], "Convert the column to numbers.")
    if decimal == "points":
        return _written("decimal commas", commas[0], "Write them with points, as the other columns have.")
    hint = _written("decimal commas", commas[0], f"Read them with {wording().dataset_option('decimal', ',')}.")
    return dataclasses.replace(hint, remedy="option")


def _in_writing(others: list[str]) -> NumberHint:
    """The hint for texts that are not numbers, if half of them are in another writing."""
    for pattern, what, advice in _WRITINGS:
        matching = [text for text in others if pattern.fullmatch(text)]
        if matching and 2 * len(matching) >= len(others):
            return _written(what, matching[0], advice)
    return NumberHint()


def _texts(values: pa.Array | pa.ChunkedArray) -> list[str]:
    return [text.strip() for text in pc.unique(values.drop_null()).slice(0, _MOST).to_pylist()]


def _only(texts: list[str], pattern: re.Pattern[str]) -> list[str]:
    """The texts of a writing if all others are whole numbers, else none."""
    found = [text for text in texts if pattern.fullmatch(text)]
    return found if all(_WHOLE.fullmatch(text) for text in {*texts}.difference(found)) else []


def _written(what: str, example: str, advice: str) -> NumberHint:
    return NumberHint(f" They look like numbers with {what}, such as {example!r}. {advice}", "writing")


def _is_number(text: str, decimal: Writing | None) -> bool:
    if decimal == ",":
        if "." in text:
            return False
        text = text.replace(",", ".")
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
