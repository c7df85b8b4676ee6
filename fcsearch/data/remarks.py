"""What a user should know of a column that is a feature."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fcsearch.data.facts import ColumnFacts
from fcsearch.data.instants import holds_dates
from fcsearch.data.kinds import is_number, is_text
from fcsearch.data.number_texts import NumberHint, Writing, number_hint
from fcsearch.text import cased_twins, spaced_twins

# Names of codes that look like numbers, if there are more than a few.
_CODE = re.compile(r"(.*_)?(zip|zip_?code|post_?code|postal_?code|plz|code)", re.IGNORECASE)
_FEW_CODES = 20
# How a remark begins on texts that may be numbers.
AS_CATEGORIES = "as categories."
# Of a column of integers that may be an identifier, by its values alone.
NUMBERS_ROWS = "a different number in every row, without gaps; if it is an identifier, leave it out"
# In fewer rows chance may make such a column.
_ROWS_TO_NUMBER = 50


def remark_on(facts: ColumnFacts, table: pa.Table, decimal: Writing | None) -> str:
    """What a user should know of a column that is used."""
    values = table[facts.name]
    if not facts.gaps and _is_constant(values, facts.categories):
        return "it has one value in all rows, and tells nothing"
    if is_text(values.type) and facts.categories:
        if twins := spaced_twins(facts.categories):
            return f"as categories, of which {twins[0]!r} and {twins[1]!r} differ only in spaces"
        if twins := cased_twins(facts.categories):
            return f"as categories, of which {twins[0]!r} and {twins[1]!r} differ only in capitals"
        hint = hint_on(values, decimal)
        if hint.remedy == "none":
            return ""
        # A few numbers may be codes.
        unsure = hint.remedy == "values" and len(facts.categories) <= _FEW_CODES
        words = f"{hint.words.removesuffix('.')}, if the others are quantities." if unsure else hint.words
        return f"{AS_CATEGORIES}{words}"
    if pa.types.is_integer(values.type) and _CODE.fullmatch(facts.name):
        few = pc.count_distinct(values).as_py() <= _FEW_CODES
        return "" if few else "as a number; if it is a code, write it as text to make it a category"
    return NUMBERS_ROWS if _numbers_rows(values) else ""


def _numbers_rows(values: pa.ChunkedArray) -> bool:
    """Whether it has each of as many integers in turn as there are rows, in any order."""
    if not pa.types.is_integer(values.type) or len(values) < _ROWS_TO_NUMBER:
        return False
    extremes = pc.min_max(values).as_py()
    spread = extremes["max"] is not None and extremes["max"] - extremes["min"] + 1 == len(values)
    return bool(spread and pc.count_distinct(values).as_py() == len(values))


def _is_constant(values: pa.ChunkedArray, categories: Sequence[str]) -> bool:
    """Whether a column without gaps has one value; to count the numbers would take much longer."""
    if not is_number(values.type) and not holds_dates(values.type):
        return len(categories) == 1
    # Arrow cannot compare half floats.
    extremes = pc.min_max(pc.cast(values, pa.float32()) if pa.types.is_float16(values.type) else values).as_py()
    return bool(extremes["min"] == extremes["max"])


def hint_on(values: pa.Array | pa.ChunkedArray, decimal: Writing | None) -> NumberHint:
    """What keeps a column of text from being one of numbers."""
    return number_hint(values, decimal) if is_text(values.type) else NumberHint()
