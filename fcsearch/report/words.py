"""Values in words, for reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcsearch.results import Status

_CLASSES = 6


def value_text(value: Any, digits: int = 4) -> str:
    """A parameter's value: numbers with that many significant digits, lists as `256-128`."""
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return "-".join(map(str, value)) or "none"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals."""
    return "-" if fraction is None else f"{100 * fraction:.2f}%"


def points(fraction: float) -> str:
    """A difference of fractions, in percentage points."""
    return f"{100 * fraction:.2f} points"


def number(value: float | None, digits: int = 4) -> str:
    """A number with that many significant digits."""
    return "-" if value is None else f"{value:.{digits}g}"


def rate(value: float) -> str:
    """How many per minute: three digits, or a whole number with all of its digits."""
    return number(value, 3) if value < 999.5 else f"{value:,.0f}"


def pace(status: Status) -> str:
    """How many trials, or trainings of a later stage, end per minute; the finished part of those in training counts."""
    counted = " with those in training" if status.packs else ""
    return "" if status.per_minute is None else f"{rate(status.per_minute)} {status.what} per minute{counted}"


def duration(seconds: float) -> str:
    """A time span with its two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    first = next(index for index, (_, size) in enumerate(units) if whole >= size)
    parts = []
    for name, size in units[first : first + 2]:
        count, whole = divmod(whole, size)
        parts.append(f"{count} {name}")
    return " ".join(parts)


def about(seconds: float) -> str:
    """An estimated time span, no more precise than the estimate."""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    step = 10 if seconds < 600 else 60
    return f"about {duration(step * round(seconds / step)).removesuffix(' 0 s')}"


def plural(count: int, noun: str) -> str:
    """`1 trial`, `2 trials`, `3 classes`."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def capitalised(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def listing(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def trial_list(trial_ids: Sequence[int]) -> str:
    """`trial 3`, `trials 3 and 5`."""
    return f"trial{'s' if len(trial_ids) > 1 else ''} {listing([str(trial_id) for trial_id in trial_ids])}"


def class_list(names: Sequence[str]) -> str:
    """`class 'a'`, `classes 'a' and 'b'`, `classes 'a', 'b' and 12 more`."""
    words = [repr(name) for name in names[:_CLASSES]]
    if len(names) > _CLASSES:
        words.append(f"{len(names) - _CLASSES:,} more")
    return f"class{'es' if len(names) > 1 else ''} {listing(words)}"
