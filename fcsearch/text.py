"""Words that every room says alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

# A pipe or a file has no width of its own. This one makes output the same on every machine.
PIPE_WIDTH = 100


def nearest(word: object, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The one of `known` that is most like a word which is not among them; None if none is like it.

    Args:
        word: What was found.
        known: What would do.
        cutoff: How alike they must be, from 0 to 1, by `difflib.SequenceMatcher.ratio`.
    """
    return next(iter(difflib.get_close_matches(str(word), list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(near: object | None, *, sentence: bool = False) -> str:
    """The end of a message that says what was meant: a clause, or a sentence of its own; empty if `near` is None."""
    if near is None:
        return ""
    shown = repr(near) if isinstance(near, str) else str(near)
    return f" Did you mean {shown}?" if sentence else f"; did you mean {shown}?"


def first_few(words: Sequence[str], most: int = 20) -> str:
    """The first words, with commas between them; `...` stands for the others."""
    return ", ".join([*words[:most], *(["..."] if len(words) > most else [])])
