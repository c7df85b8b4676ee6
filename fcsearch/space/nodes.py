"""The values of a document with their places, and what errors need of them."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

from fcsearch.config import OTHER_NAMES
from fcsearch.errors import SpaceError
from fcsearch.text import did_you_mean, nearest, without_commas

Scalar = None | bool | int | float | str


@dataclasses.dataclass(frozen=True)
class Mark:
    """Where something stands: a file or the option that held it, with line and column (from 1) where it has them."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"


class PlacedError(SpaceError):
    """An error with the place that it is about.

    Attributes:
        mark: That place.
    """

    def __init__(self, mark: Mark, message: str) -> None:
        self.mark = mark
        super().__init__(message)


@dataclasses.dataclass(frozen=True)
class Node:
    """A value of the document and its place.

    Attributes:
        value: A scalar, a tuple of nodes (a list), or a dict of nodes by key (a mapping).
        mark: Where the value stands.
        key_mark: Where its key stands, for a mapping's values.
        overridden: The override (`--set ...`) that put it here, or something into it.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    mark: Mark
    key_mark: Mark | None = None
    overridden: str = ""

    def plain(self) -> Any:
        """The value as plain Python: scalars, lists and dicts."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def found(self, *, integer: bool = False) -> str:
        """The value in words, for the `found ...` of a message; `integer`: an integer is needed."""
        if isinstance(self.value, dict):
            return "a mapping" if self.value else "an empty mapping"
        if isinstance(self.value, tuple):
            return f"the list {reprlib.repr(self.plain())}"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, str):
            plain = without_commas(self.value, integer=integer)
            return f"the text {reprlib.repr(self.value)}{f' ({plain})' if plain else ''}"
        return f"the number {self.value}"

    def fail(self, key: str, message: str) -> SpaceError:
        """The error that `message` is said of this value, which stands under `key` (dotted)."""
        return PlacedError(self.mark, f"{self._where(self.mark)}: {key}: {message}")

    def fail_key(self, key: str, message: str) -> SpaceError:
        """As `fail`, but pointing at the key that the value stands under."""
        mark = self.key_mark or self.mark
        return PlacedError(mark, f"{self._where(mark)}: {key}: {message}")

    def _where(self, mark: Mark) -> str:
        changed = self.overridden and self.overridden != mark.source
        return f"{mark} (changed by {self.overridden})" if changed else str(mark)


def instead(word: str, known: Iterable[str], *, listed: Iterable[str] | None = None) -> str:
    """The end of a message: what to write instead of `word`: the nearest of `known`, or all of them.

    Args:
        word: What was found.
        known: What would do.
        listed: Those of them that are named where none is near; None: all.
    """
    names = list(known)
    near = did_you_mean(nearest(word, names, other_names=OTHER_NAMES))
    return spaced(word, names) or near or f"; known: {', '.join(names if listed is None else listed)}"


def is_cut_off(name: str, field: Node) -> bool:
    """Whether a key may be what YAML cut off a number at its comma: digits without a value."""
    return name.isdecimal() and field.value is None


def instead_of_key(name: str, field: Node, known: Iterable[str], *, listed: Iterable[str] | None = None) -> str:
    """As `instead`, of a key, which may be the end of a number with a comma."""
    comma = "; a number has a decimal point, not a comma, and nothing between thousands"
    return comma if is_cut_off(name, field) else instead(name, known, listed=listed)


def spaced(text: str, known: Iterable[str]) -> str:
    """The end of a message about a text such as `low:1`, which YAML does not split; empty where the key is unknown."""
    key, colon, value = text.partition(":")
    first = value.partition(" ")[0]
    return f"; write a space after the colon: {key}: {first}" if colon and key in set(known) else ""


def fields_of(node: Node, key: str, *, known: Sequence[str], what: str) -> dict[str, Node]:
    """The fields of a mapping, after checking that it is one and that every key is among `known`."""
    if not isinstance(node.value, dict):
        raise node.fail(key, f"{what} must be a mapping of {', '.join(known)}; found {node.found()}")
    for name, field in node.value.items():
        if name not in known:
            raise field.fail_key(key, f"unknown key {reprlib.repr(name)}{instead_of_key(name, field, known)}")
    return node.value
