"""What `fcsearch run` and `fcsearch resume` show while they search: a live view, or lines where there is no screen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fcsearch.cli.console import open_console
from fcsearch.config.objective import OBJECTIVES
from fcsearch.report.words import duration, plural, value_text
from fcsearch.results import TrialRecord
from fcsearch.search.loop.logs import own_stderr
from fcsearch.search.loop.view import Best, SilentView, Status, View

_CLOSING = {
    "interrupt": "ending: what is finished is kept, the rest can be resumed (Ctrl-C again ends at once)",
    "terminate": "asked to end (SIGTERM): what is finished is kept, the rest can be resumed",
    "time_budget": "the time budget is used up: packs end at their next epoch",
}
_PACKS_SHOWN = 8


@contextlib.contextmanager
def open_view(*, parameters: Collection[str], quiet: bool, verbose: bool) -> Iterator[View]:
    """The view that fits the terminal. It writes to standard error, so that the report alone is the output.

    Args:
        parameters: The parameters that vary, by which trials are told apart.
        quiet: Show nothing.
        verbose: Also show a line for every trial.
    """
    if quiet:
        yield SilentView()
        return
    with own_stderr() as stream:
        console = open_console(stream)
        # Colours may be forced on a pipe; a screen that lines can be drawn anew on cannot.
        kind = LiveView if stream.isatty() and console.is_interactive else LineView
        yield kind(console, parameters=parameters, verbose=verbose)


class LineView:
    """Plain lines, for logs and pipes; those on progress come at most every so many seconds."""

    def __init__(
        self, console: Console, *, parameters: Collection[str], verbose: bool, line_seconds: float = 5.0
    ) -> None:
        self._console = console
        self._line_seconds = line_seconds
        self._parameters = parameters
        self._verbose = verbose
        self._said: tuple[float, int] = (time.monotonic(), 0)
        self._closing: str | None = None

    def started(self, lines: Mapping[str, str]) -> None:
        """Print the plan."""
        for label, text in lines.items():
            self._print(f"{label:<15} {text}")

    def update(self, status: Status) -> None:
        """Print a line, if there is something new and the last line is old enough."""
        if status.closing != self._closing:
            self._closing = status.closing
            self._print(_CLOSING.get(status.closing or "", ""))
        now = time.monotonic()
        if status.done > self._said[1] and now - self._said[0] >= self._line_seconds:
            self._said = (now, status.done)
            self._print(", ".join(part for part in (_done(status), _time(status), self._best(status.best)) if part))

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Print the trials, if verbose."""
        for trial in trials if self._verbose else ():
            self._print(trial_line(trial, self._parameters))

    def notice(self, text: str) -> None:
        """Print it."""
        self._print(text)

    def ended(self, status: Status) -> None:
        """Print the last status."""
        self._print(f"{_done(status)} in {duration(status.seconds)}")

    def _best(self, best: Best | None) -> str:
        return f"best {best.objective.show(best.value)} (trial {best.trial_id})" if best else ""

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class LiveView:
    """A few lines that are drawn anew several times a second."""

    def __init__(self, console: Console, *, parameters: Collection[str], verbose: bool) -> None:
        self._parameters = parameters
        self._verbose = verbose
        self._console = console
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def started(self, lines: Mapping[str, str]) -> None:
        """Print the plan, and begin to draw below it."""
        for label, text in lines.items():
            self._console.print(Text.assemble((f"{label:<15} ", "dim"), text))
        self._live.start()

    def update(self, status: Status) -> None:
        """Draw the status."""
        self._live.update(_panel(status, self._parameters), refresh=True)

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Print the trials above the status, if verbose."""
        for trial in trials if self._verbose else ():
            self._console.print(Text(trial_line(trial, self._parameters)))

    def notice(self, text: str) -> None:
        """Print it above the status."""
        self._console.print(Text(text, style="yellow"))

    def ended(self, status: Status) -> None:
        """Stop drawing, and leave one line."""
        self._live.stop()
        self._console.print(Text(f"{_done(status)} in {duration(status.seconds)}"))


def trial_line(trial: TrialRecord, parameters: Collection[str]) -> str:
    """A trial in one line."""
    objective = OBJECTIVES[trial.objective]
    result = objective.show(trial.value) if trial.value is not None else trial.error or ""
    configuration = _configuration(trial.config.parameters(), parameters)
    return f"trial {trial.trial_id:>4}  {trial.state:<9} {result:>7}  {configuration}"


def _panel(status: Status, parameters: Collection[str]) -> RenderableType:
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        Text(_done(status), style="bold"),
        ProgressBar(total=status.total, completed=status.done, width=30),
        _time(status),
    )
    lines: list[RenderableType] = [bar]
    if status.best:
        lines.append(
            Text.assemble(
                "best ",
                (status.best.objective.show(status.best.value), "bold green"),
                f"  trial {status.best.trial_id}: {_configuration(status.best.parameters, parameters)}",
            )
        )
    for pack in status.packs[:_PACKS_SHOWN]:
        where = f"{pack.place.node}, {pack.place.device}"
        lines.append(
            Text(
                f"pack {pack.pack_id}: {plural(pack.alive, 'trial')}, epoch {pack.epoch}/{pack.epochs}, {where}",
                style="dim",
            )
        )
    if len(status.packs) > _PACKS_SHOWN:
        lines.append(Text(f"and {plural(len(status.packs) - _PACKS_SHOWN, 'pack')} more", style="dim"))
    if status.closing:
        lines.append(Text(_CLOSING[status.closing], style="yellow"))
    return Group(*lines)


def _done(status: Status) -> str:
    others = ", ".join(f"{count} {state}" for state, count in status.counts.items() if count and state != "complete")
    return f"{status.done}/{status.total} {status.what}" + (f" ({others})" if others else "")


def _time(status: Status) -> str:
    left = (
        f", about {duration(status.seconds_left)} left"
        if status.seconds_left is not None and not status.closing
        else ""
    )
    return f"{duration(status.seconds)}{left}"


def _configuration(values: Mapping[str, Any], parameters: Collection[str]) -> str:
    return ", ".join(f"{name} {value_text(values[name])}" for name in parameters if values.get(name) is not None)
