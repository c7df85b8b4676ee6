"""The progress of a search from Python: one line that is redrawn, in a notebook or on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from fcsearch.report.words import duration
from fcsearch.results import Status
from fcsearch.search.loop.logs import own_stderr
from fcsearch.search.loop.view import SilentView, View


@contextlib.contextmanager
def open_view(progress: bool | None) -> Iterator[View]:
    """The view that fits where the program runs.

    Args:
        progress: Whether to show progress; None: only in a notebook.
    """
    display = notebook_display()
    if progress is False or (progress is None and display is None):
        yield SilentView()
        return
    with own_stderr() as stream:
        yield LineInPlace(display or terminal_display(stream))


class LineInPlace(SilentView):
    """Shows one line; notices are in the run's log.

    Args:
        show: Shows a line in place of the one before; the second argument says whether it is the last one.
    """

    def __init__(self, show: Callable[[str, bool], None]) -> None:
        self._show = show

    def started(self, lines: Mapping[str, str]) -> None:
        """Say that the search begins."""
        shown = [f"{name} {lines[name]}" for name in ("trials", "confirmation", "refit") if name in lines]
        shown += [lines["workers"]] if "workers" in lines else []
        self._show(f"fcsearch: {'; '.join(shown)}", False)

    def update(self, status: Status) -> None:
        """Show where the search stands."""
        self._show(status_line(status), False)

    def ended(self, status: Status) -> None:
        """Show the last status of the search."""
        self._show(status_line(status), True)


def status_line(status: Status) -> str:
    """The status of a search, in one line."""
    parts = [f"fcsearch: {status.done}/{status.total} {status.what} in {duration(status.seconds)}"]
    if status.best:
        parts.append(f"best {status.best[0].shown} (trial {status.best[0].trial_id})")
    if status.seconds_left is not None and not status.closing and status.done < status.total:
        parts.append(f"about {duration(status.seconds_left)} left")
    return ", ".join(parts)


def terminal_display(stream: TextIO) -> Callable[[str, bool], None]:
    """Redraws the line on a terminal; elsewhere, as in a log, writes only the last one."""

    def show(line: str, last: bool) -> None:
        if stream.isatty():
            stream.write(f"\r\x1b[2K{line}" + ("\n" if last else ""))
            stream.flush()
        elif last:
            stream.write(line + "\n")

    return show


def notebook_display() -> Callable[[str, bool], None] | None:
    """Redraws the line in the output of a notebook's cell; None outside a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    handles: list[Any] = []

    def show(line: str, last: bool) -> None:  # noqa: ARG001 (a notebook keeps what was shown last)
        content = {"text/plain": line}
        if handles:
            handles[0].update(content, raw=True)
        else:
            handles.append(ipython.display.display(content, raw=True, display_id=True))

    return show
