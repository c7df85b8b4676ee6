"""The declaration of one hyperparameter: its type, range and meaning, and when it applies."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

Kind = Literal["integer", "number", "word", "widths"]

_METADATA_KEY = "fcsearch.hyperparameter"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """One hyperparameter.

    Attributes:
        name: Its name in spaces, tables and options.
        kind: `integer`, `number`, `word` (one of `words`), or `widths` (a list of integers).
        default: Its value if none is given.
        meaning: A phrase that explains it, without a full stop.
        unit: Its unit, if it has one.
        low: The smallest value of a number; None: there is none.
        high: The largest one.
        low_open: Whether `low` itself is outside.
        high_open: Whether `high` itself is outside.
        space_high: The largest integer that a space may name: it catches a zero too many before memory fills up.
        words: The values of a word.
        old_words: Words that files of earlier versions have in place of a number; see `TrialConfig.from_parameters`.
        under: Another hyperparameter and its values under which this one is read at all; None: always.
        implies_parent: Whether a space that names this one and not the other means the first of those values.
        needs_hidden_layer: Whether it is read only in networks with a hidden layer.
        log: Whether its order of magnitude matters, so that its axes are logarithmic.
        shares_lane: Whether members of a pack that differ in it can still train as one stack (a lane).
    """

    name: str
    kind: Kind
    default: Any
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    space_high: int | None = None
    words: tuple[str, ...] = ()
    old_words: tuple[str, ...] = ()
    under: tuple[str, tuple[str, ...]] | None = None
    implies_parent: bool = False
    needs_hidden_layer: bool = False
    log: bool = False
    shares_lane: bool = True

    @property
    def requirement(self) -> str:
        """What must hold of a value, in words."""
        if self.kind == "word":
            return f"one of {', '.join(self.words)}"
        if self.kind == "widths":
            return "a list of integers, each at least 1"
        noun = "an integer" if self.kind == "integer" else "a number"
        if self.high is None:
            return f"{noun} above {self.low:g}" if self.low_open else f"{noun} of at least {self.low:g}"
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{noun} in {left}{self.low:g}, {self.high:g}{right}"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is of the right type and within the range."""
        if self.kind == "word":
            return isinstance(value, str) and value in self.words
        if self.kind == "widths":
            return isinstance(value, (list, tuple)) and all(is_integer(width) and width >= 1 for width in value)
        return (is_integer(value) if self.kind == "integer" else is_finite(value)) and self._in_range(value)

    def _in_range(self, value: float) -> bool:
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return self.high is None or value < self.high or (value == self.high and not self.high_open)


def entry(default: Any, meaning: str, *, kind: Kind = "number", **known: Any) -> Any:
    """A field of `TrialConfig`: its default, and the rest of its declaration (see `Hyperparameter`)."""
    return dataclasses.field(
        default=default, metadata={_METADATA_KEY: {"kind": kind, "default": default, "meaning": meaning, **known}}
    )


def word(default: str, meaning: str, *, words: tuple[str, ...], **known: Any) -> Any:
    """A field that takes one of some words."""
    return entry(default, meaning, kind="word", words=words, **known)


def integer(default: int, meaning: str, *, space_high: int, low: int = 1, **known: Any) -> Any:
    """A field that counts something."""
    return entry(default, meaning, kind="integer", low=low, space_high=space_high, **known)


def share(default: float, meaning: str, **known: Any) -> Any:
    """A field in [0, 1), such as a probability."""
    return entry(default, meaning, low=0.0, high=1.0, high_open=True, **known)


def hyperparameters_of(config: type) -> dict[str, Hyperparameter]:
    """The entries of a configuration class, by name, in its order; other fields are skipped."""
    fields = [field for field in dataclasses.fields(config) if _METADATA_KEY in field.metadata]
    return {field.name: Hyperparameter(name=field.name, **field.metadata[_METADATA_KEY]) for field in fields}


def is_integer(value: Any) -> bool:
    """Whether it is an integer; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it is a finite number; a truth value is none."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False
