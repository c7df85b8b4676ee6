"""Text from data on a terminal: names of columns and classes may hold control characters."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters other than newline and tab: C0 with ESC, DEL, C1, and those that change the direction of writing.
_ORDERS = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = dict.fromkeys(_ORDERS, "\N{REPLACEMENT CHARACTER}")


def printable(text: str) -> str:
    """The text, with a visible sign in place of each control character."""
    return text.translate(_SHOWN)


class PrintingConsole(Console):
    """A console that sends a terminal no control characters from data."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, with printable text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))
