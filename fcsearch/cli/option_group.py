"""Options that several commands share, added together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Command = Callable[..., None]
Option = Callable[[Command], Command]


def add_options(command: Command, options: Sequence[Option]) -> Command:
    """The command with these options, which its help lists in this order."""
    for option in reversed(options):
        command = option(command)
    return command
