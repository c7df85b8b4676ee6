"""Numbers that a file writes as text: what keeps them from being read as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d+")
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


def has_decimal_commas(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether texts are numbers with decimal commas, and not all of these could be commas between thousands."""
    texts = [text.strip() for text in pc.unique(values.drop_null()).slice(0, _MOST).to_pylist()]
    commas = [text for text in texts if _DECIMAL_COMMA.fullmatch(text)]
    if not commas or all(_THOUSANDS.fullmatch(text) for text in commas):
        return False
    return all(_DECIMAL_COMMA.fullmatch(text) or _WHOLE.fullmatch(text) for text in texts)


def _mostly(texts: list[str]) -> Iterator[str]:
    """What may be done where most of the texts are numbers of some writing."""
    for pattern, what, advice in (
        (_THOUSANDS, "commas between thousands", "Write them without."),
        (_DECIMAL_COMMA, "decimal commas", """Read them with --set 'dataset.decimal=","'."""),
        (_WITH_UNIT, "signs beside them", "Write the number alone."),
    ):
        found = [text for text in texts if pattern.fullmatch(text.strip())]
        if found and 2 * len(found) >= len(texts):
            yield f" They look like numbers with {what}, such as {found[0]!r}. {advice}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
