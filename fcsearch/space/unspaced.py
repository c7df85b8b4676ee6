"""Lines such as `depth:3`, which YAML takes for a text: named where they may be why it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Container

from fcsearch.config import HYPERPARAMETERS
from fcsearch.space.keys import KEYS
from fcsearch.space.reading import PARAMETER_KEYS

# A key, and its value, with no space after the colon; and how far back it may lie from where it is noticed.
_UNSPACED = re.compile(r"\s*(?:- )?([A-Za-z_][\w-]*):([^\s:/\\][^#]*?)\s*(?:#.*)?$")
_LINES_BACK = 5
_KNOWN = {*KEYS, *PARAMETER_KEYS, *HYPERPARAMETERS}


def missing_space(text: str, last: int, quoted: Container[int]) -> str:
    """The end of a message about text that YAML cannot read, if a known key lacks its space near; else empty.

    Args:
        text: The document.
        last: The line, from 1, where YAML noticed.
        quoted: The lines that lie in quotes or in a block of text, and so are sound.
    """
    lines = text.splitlines()[:last]
    for number in range(len(lines), max(len(lines) - _LINES_BACK, 0), -1):
        found = _UNSPACED.match(lines[number - 1])
        if found and number not in quoted and found[1].replace("-", "_") in _KNOWN:
            return f"; write a space after the colon in line {number}: {found[1]}: {found[2]}"
    return ""
