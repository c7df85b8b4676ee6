"""Text from data on a terminal: names of columns and classes may hold what a terminal takes for orders."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# What is neither a character nor the end of a line or column: C0 with ESC, DEL, C1, and what turns the direction of
# writing round.
_ORDERS = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = dict.fromkeys(_ORDERS, "\N{REPLACEMENT CHARACTER}")


def printable(text: str) -> str:
    """The text, with a sign in place of each character that a terminal would obey."""
    return text.translate(_SHOWN)


class PrintingConsole(Console):
    """A console that sends a terminal no orders but its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, with printable text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))
