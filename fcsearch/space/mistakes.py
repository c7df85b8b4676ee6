"""The mistakes of a document, collected so that one error names all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from fcsearch.errors import SpaceError
from fcsearch.space.nodes import PlacedError


class MistakesError(SpaceError):
    """Several mistakes of one document.

    Attributes:
        parts: The errors, one for each.
    """

    def __init__(self, source: str, parts: Sequence[SpaceError]) -> None:
        self.parts = tuple(parts)
        lines = (f"  - {str(part).removeprefix(f'{source}: ')}" for part in parts)
        super().__init__("\n".join([f"{source}: {len(parts)} mistakes", *lines]))


class Collector:
    """Takes errors instead of raising them at once.

    Args:
        source: What to call the document.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[SpaceError] = []

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Take the error that ends the block, if one does."""
        try:
            yield
        except SpaceError as error:
            self.take(error)

    def take(self, error: SpaceError) -> None:
        """Take an error, or each of those that it holds."""
        self._found += error.parts if isinstance(error, MistakesError) else (error,)

    def check(self) -> None:
        """Raise what was taken: the only error, or `MistakesError`."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            own = any(str(error).startswith(self._source) for error in self._found)
            raise MistakesError(self._source if own else "the overrides", sorted(self._found, key=_place))


def _place(error: SpaceError) -> tuple[int, int]:
    """The line and column of an error; those without come first."""
    mark = error.mark if isinstance(error, PlacedError) else None
    return (0, 0) if mark is None else (mark.line or 0, mark.column or 0)
