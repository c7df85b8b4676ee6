"""What `fcsearch run` and `fcsearch resume` show while they search: a live view, or lines if there is no terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fcsearch.cli.console import fields_grid, open_console
from fcsearch.cli.panel import CLOSING, Panel, done_text, settings, time_pieces
from fcsearch.config.objective import OBJECTIVES
from fcsearch.report.words import duration
from fcsearch.results import Status, TrialRecord
from fcsearch.search.loop.logs import own_stderr
from fcsearch.search.loop.view import SilentView, View

# While nothing happens, the view says why, this often.
_WHY_SECONDS = 30.0


@contextlib.contextmanager
def open_view(*, parameters: Collection[str], quiet: bool, verbose: bool, at_once: bool = False) -> Iterator[View]:
    """The view that fits the terminal. It writes to standard error, so that standard output has only the report.

    Args:
        parameters: The parameters that vary, by which trials are told apart.
        quiet: Show nothing.
        verbose: Also show a line for every trial.
        at_once: Show the first status at once, even if nothing is done.
    """
    if quiet:
        yield SilentView()
        return
    with own_stderr() as stream:
        console = open_console(stream)
        # Colours can be forced on a pipe, but lines cannot be redrawn there.
        if stream.isatty() and console.is_interactive:
            yield LiveView(console, parameters=parameters, verbose=verbose)
        else:
            yield LineView(console, parameters=parameters, verbose=verbose, at_once=at_once)


class LineView:
    """Plain lines, for logs and pipes; a line of progress comes at most every few seconds."""

    def __init__(
        self,
        console: Console,
        *,
        parameters: Collection[str],
        verbose: bool,
        line_seconds: float = 5.0,
        at_once: bool = False,
    ) -> None:
        self._console = console
        self._line_seconds = line_seconds
        self._parameters = parameters
        self._verbose = verbose
        self._said_at = time.monotonic()
        # What is counted, and how many: another stage counts anew.
        self._said = ("", 0)
        self._at_once = at_once
        self._quiet_since = time.monotonic()
        self._closing: str | None = None

    def started(self, lines: Mapping[str, str]) -> None:
        """Print the plan."""
        for label, text in lines.items():
            self._print(f"{label:<15} {text}")

    def update(self, status: Status) -> None:
        """Print a line, if there is news and the last line is old enough."""
        if status.closing != self._closing:
            self._closing = status.closing
            # A later stage begins with nothing that ends it.
            if why := CLOSING.get(status.closing or ""):
                self._print(why)
        now = time.monotonic()
        news = (status.what, status.done) != self._said and status.done > 0
        if self._at_once or (news and now - self._said_at >= self._line_seconds):
            self._said_at, self._said, self._at_once = now, (status.what, status.done), False
            best = [f"best {status.best[0].shown} (trial {status.best[0].trial_id})"] if status.best else []
            self._print(", ".join([done_text(status), *time_pieces(status), *best]))
        elif status.waiting and now - self._quiet_since >= _WHY_SECONDS:
            self._print(status.waiting)

    def recorded(self, trials: Sequence[TrialRecord]) -> None:
        """Print the trials, if verbose."""
        for trial in trials if self._verbose else ():
            self._print(trial_line(trial, self._parameters))

    def notice(self, text: str) -> None:
        """Print it."""
        self._print(text)

    def ended(self, status: Status) -> None:
        """Print the last status."""
        self._print(f"{done_text(status)} in {duration(status.seconds)}")

    def _print(self, text: str) -> None:
        self._quiet_since = time.monotonic()
        self._console.print(Text(text), soft_wrap=True)


class LiveView:
    """A few lines that are redrawn several times a second."""

    def __init__(self, console: Console, *, parameters: Collection[str], verbose: bool) -> None:
        self._parameters = parameters
        self._verbose = verbose
        self._console = console
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def started(self, lines: Mapping[str, str]) -> None:
        """Print the plan, and start drawing below it."""
        self._console.print(fields_grid(lines.items(), style="dim"))
        self._live.start()

    def update(self, status: Status) -> None:
        """Draw the status."""
        self._live.update(Panel(status, self._parameters), refresh=True)

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
        self._console.print(Text(f"{done_text(status)} in {duration(status.seconds)}"))


def trial_line(trial: TrialRecord, parameters: Collection[str]) -> str:
    """A trial in one line."""
    objective = OBJECTIVES[trial.objective]
    result = objective.show(trial.value) if trial.value is not None else trial.error or ""
    configuration = ", ".join(settings(trial.config.parameters(), parameters))
    return f"trial {trial.trial_id:>4}  {trial.state:<9} {result:>7}  {configuration}"
