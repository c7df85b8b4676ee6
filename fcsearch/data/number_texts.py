"""Numbers that a file writes as text: what keeps them from being read as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_WITH_UNIT = re.compile(r"[-+]?[$€£¥]?\s?[-+]?\d[\d,]*(\.\d+)?(\s?[%$€£¥]|\s[a-zA-Z]{1,3})?")
_MOST = 1000


def number_hint(values: pa.Array | pa.ChunkedArray) -> str:
    """What to change in a file so that a column of text is one of numbers; empty where it seems to hold none.

    Args:
        values: (N,) text.
    """
    texts = pc.unique(values.drop_null()).slice(0, _MOST).to_pylist()
    others = [text for text in texts if not _is_number(text)]
    if texts and len(others) <= len(texts) / 2:
        found = f" but {others[0]!r}" if len(others) == 1 else f" but {others[0]!r} and others" if others else ""
        return f" They are numbers{found}: leave what is no number empty, and the column is one of numbers."
    return next(_mostly(others), "")


def _mostly(texts: list[str]) -> Iterator[str]:
    """What may be done where most of the texts are numbers of some writing."""
    for pattern, advice in (
        (_THOUSANDS, "commas between thousands: write them without"),
        (_DECIMAL_COMMA, "decimal commas: write points"),
        (_WITH_UNIT, "signs beside them: write the number alone"),
    ):
        found = [text for text in texts if pattern.fullmatch(text.strip())]
        if found and 2 * len(found) >= len(texts):
            yield f" They look like numbers with {advice}, such as {found[0]!r}."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
