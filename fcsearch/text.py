"""Words that every room says alike."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

# A number with a comma before its fraction.
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
# A number with commas between its thousands; with one of them, it may also have a comma before its fraction.
THOUSANDS_COMMAS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
# A pipe or a file has no width of its own. This one makes output the same on every machine.
PIPE_WIDTH = 100

# Control characters other than newline and tab: C0 with ESC, DEL, C1, and those that change the direction of writing.
_ORDERS = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = dict.fromkeys(_ORDERS, "\N{REPLACEMENT CHARACTER}")


def nearest(
    word: object, known: Iterable[str], *, cutoff: float = 0.65, other_names: Mapping[str, str] | None = None
) -> str | None:
    """The one of `known` that a word which is not among them means, or is most like; None if there is none.

    One that differs only in capitals, or in spaces around it, comes first; one that it is a part of, between
    underscores, last.

    Args:
        word: What was found.
        known: What would do.
        cutoff: How alike they must be, from 0 to 1, by `difflib.SequenceMatcher.ratio`.
        other_names: What others call some of the known ones, in lower case.
    """
    known = list(known)
    if (named := (other_names or {}).get(str(word).lower())) in known:
        return named
    if (plain := str(word).strip().casefold()) and (
        same := [name for name in known if str(name).strip().casefold() == plain]
    ):
        return same[0]
    alike = difflib.get_close_matches(str(word), known, n=1, cutoff=cutoff)
    return next(iter([*alike, *(name for name in known if str(word) in str(name).split("_"))]), None)


def did_you_mean(near: object | None, *, sentence: bool = False) -> str:
    """The end of a message that says what was meant: a clause, or a sentence of its own; empty if `near` is None."""
    if near is None:
        return ""
    shown = repr(near) if isinstance(near, str) else str(near)
    return f" Did you mean {shown}?" if sentence else f"; did you mean {shown}?"


def without_commas(text: str, *, integer: bool = False) -> str:
    """What to write in place of a text that is a number, or integer, but for its commas; empty for any other text."""
    if THOUSANDS_COMMAS.fullmatch(text):
        return "" if integer and "." in text else f"write it without commas: {text.replace(',', '')}"
    pointed = not integer and DECIMAL_COMMA.fullmatch(text)
    return f"a number has a decimal point: {text.replace(',', '.')}" if pointed else ""


def first_few(words: Sequence[str], most: int = 20) -> str:
    """The first words, with commas between them; `...` stands for the others."""
    return ", ".join([*words[:most], *(["..."] if len(words) > most else [])])


def column_title(name: str) -> str:
    """The name of a column to print: in quotes if spaces begin or end it; a CSV file may have one without."""
    return (name or "(unnamed)") if name == name.strip() else repr(name)


def column_quoted(name: str) -> str:
    """The name of a column in a sentence: in quotes, if it has one."""
    return repr(name) if name else column_title(name)


def first_columns(names: Sequence[str], most: int = 20) -> str:
    """The first names of columns, as `first_few` lists words."""
    return first_few([*map(column_title, names)], most)


def spaced_twins(words: Iterable[str]) -> tuple[str, str] | None:
    """Two of some different words that differ only in the spaces around them, if there are such."""
    return _twins(words, str.strip)


def cased_twins(words: Iterable[str]) -> tuple[str, str] | None:
    """Two of some different words that differ only in capitals, if there are such."""
    return _twins(words, str.casefold)


def _twins(words: Iterable[str], plain: Callable[[str], str]) -> tuple[str, str] | None:
    seen: dict[str, str] = {}
    for word in words:
        if (other := seen.setdefault(plain(word), word)) != word:
            return other, word
    return None


def printable(text: str) -> str:
    """The text, with a visible sign in place of each control character."""
    return text.translate(_SHOWN)
