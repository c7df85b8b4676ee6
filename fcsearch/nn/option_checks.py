"""Checks of options, each with a message that says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from fcsearch.errors import ConfigError
from fcsearch.text import did_you_mean, nearest


def one_of(what: str, found: Iterable[object], known: Collection[str]) -> None:
    """Refuse the first of some names that is not known.

    Args:
        what: What the names are, for the message.
        found: Names to check.
        known: Names that are allowed.

    Raises:
        ConfigError: names the unknown name, the nearest known one and all known ones.
    """
    for name in found:
        if name not in known:
            hint = did_you_mean(nearest(name, known))
            raise ConfigError(f"unknown {what} {name!r}{hint} (known: {', '.join(sorted(known)) or 'none'})")


def number(name: str, value: object, *, minimum: float, below: float = math.inf, whole: bool = False) -> None:
    """Refuse what is not a finite number in [minimum, below).

    Args:
        name: The option, for the message.
        value: What was given.
        minimum: Smallest allowed value.
        below: Upper bound, itself not allowed.
        whole: Whether it must be an integer.

    Raises:
        ConfigError: names the option, the range and the value.
    """
    kind = int if whole else (int, float)
    if isinstance(value, kind) and not isinstance(value, bool) and minimum <= value < below:
        return
    noun = "an integer" if whole else "a number"
    limit = f"in [{minimum}, {below})" if below < math.inf else f"of at least {minimum}"
    raise ConfigError(f"{name} must be {noun} {limit}; found {value!r}")
