"""The live view's lines: progress, best figures, what each worker does, and why nothing happens when nothing does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fcsearch.config.objective import OBJECTIVES
from fcsearch.report.words import about, duration, pace, plural, value_text
from fcsearch.results import Best, PackStatus, Status

CLOSING = {
    "interrupt": "ending: finished trials are kept, the rest can be resumed (Ctrl-C again ends at once)",
    "terminate": "asked to end (SIGTERM): finished trials are kept, the rest can be resumed",
    "time_budget": "the time budget is used up: packs in training end",
}
_BAR = 30
_LEAST_BAR = 8
_PACKS_SHOWN = 8
_SPARKS = "▁▂▃▄▅▆▇█"
_MOST_SPARKS = 60
# The first results are far from the rest, and would flatten the line.
_PASSED_OVER = 0.1
_SILENCE_SECONDS = 10.0


class Panel:
    """The status of a search, drawn to the available width."""

    def __init__(self, status: Status, parameters: Collection[str]) -> None:
        self._status = status
        self._parameters = parameters

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        status, width = self._status, options.max_width
        yield from _head(status, width)
        if len(status.course) > 1 and not options.ascii_only:
            yield spark_line(status, width)
        yield from _best(status.best, self._parameters, width)
        room = max(1, min(_PACKS_SHOWN, console.height - 10))
        for pack in status.packs[:room]:
            yield Text(pack_line(pack, width), style="dim")
        if len(status.packs) > room:
            yield Text(f"and {plural(len(status.packs) - room, 'pack')} more", style="dim")
        if why := CLOSING.get(status.closing or "", status.waiting):
            yield Text(why, style="yellow")


def fitted(pieces: Sequence[str], width: int, *, lines: int = 2) -> list[str]:
    """Pieces of text, joined by commas, in at most `lines` lines; no piece is broken, `...` stands for those left off.

    Args:
        pieces: Each at most as wide as a line.
        width: Width of a line, in columns.
        lines: The largest number of lines.
    """
    found: list[str] = []
    for place, piece in enumerate(pieces):
        last = place == len(pieces) - 1
        told = piece if last else f"{piece},"
        # The last line leaves room for the dots.
        room = width if last or len(found) < lines else width - 4
        if found and len(found[-1]) + 1 + len(told) <= room:
            found[-1] += f" {told}"
        elif len(found) < lines:
            found.append(told)
        else:
            found[-1] += " ..."
            break
    return found


def done_text(status: Status) -> str:
    """How much is done, and with what results."""
    others = ", ".join(f"{count:,} {state}" for state, count in status.counts.items() if count and state != "complete")
    what = status.what.removesuffix("s") if status.total == 1 else status.what
    return f"{status.done:,}/{status.total:,} {what}" + (f" ({others})" if others else "")


def time_pieces(status: Status) -> list[str]:
    """The time taken, the rate, and the time left."""
    pieces = [duration(status.seconds)]
    pieces += [speed] if (speed := pace(status)) else []
    if status.seconds_left is not None and not status.closing and status.done < status.total:
        pieces.append(f"{about(status.seconds_left)} left")
        pieces += [f"then {status.then}"] if status.then else []
    return pieces


def _head(status: Status, width: int) -> Iterator[Text | Table]:
    done = done_text(status)
    bar = min(_BAR, width - len(done) - 2)
    grid = Table.grid(padding=(0, 2, 0, 0))
    cells: list[Text | ProgressBar] = [Text(done, style="bold", no_wrap=len(done) <= width)]
    if bar >= _LEAST_BAR:
        cells.append(ProgressBar(total=max(status.total, 1), completed=status.done, width=bar))
    grid.add_row(*cells)
    yield grid
    for line in fitted(time_pieces(status), width):
        yield Text(line)


def spark_line(status: Status, width: int) -> Text:
    """The best value so far, over the trials."""
    objective = OBJECTIVES[status.best[0].objective] if status.best else OBJECTIVES["accuracy"]
    name = "best so far"
    label = max(len(objective.show(value)) for _, value in status.course)
    columns = max(4, min(_MOST_SPARKS, width - len(name) - 2 * label - 6))
    values = _resampled(status.course, max(status.done, status.course[-1][0]), columns)
    known = [value for value in values[int(_PASSED_OVER * columns) :] if value is not None]
    low, high = min(known), max(known)
    sparks = "".join(" " if value is None else _spark(value, low, high) for value in values)
    ends = (objective.show(known[0]), objective.show(known[-1]))
    return Text.assemble(f"{name}  ", (ends[0], "dim"), " ", (sparks, "green"), " ", (ends[1], "bold green"))


def _resampled(course: Sequence[tuple[int, float]], done: int, columns: int) -> list[float | None]:
    """The best value at `columns` evenly spaced places from the first trial to the last."""
    found: list[float | None] = []
    for column in range(1, columns + 1):
        until = done * column / columns
        found.append(next((value for place, value in reversed(course) if place <= until), None))
    return found


def _spark(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return _SPARKS[round(min(max(share, 0.0), 1.0) * (len(_SPARKS) - 1))]


def _best(best: Sequence[Best], parameters: Collection[str], width: int) -> Iterator[Text]:
    """The best trials; the first has two lines for its configuration."""
    value = max((len(entry.shown) for entry in best), default=0)
    trial = max((len(f"trial {entry.trial_id}") for entry in best), default=0)
    for place, entry in enumerate(best):
        shown, name = entry.shown.rjust(value), f"trial {entry.trial_id}".ljust(trial)
        head = f"{shown}  {name}  "
        lines = fitted(settings(entry.parameters, parameters), width - len(head), lines=1 if place else 2)
        yield Text.assemble((shown, "" if place else "bold green"), f"  {name}  {lines[0] if lines else ''}")
        for line in lines[1:]:
            yield Text(" " * len(head) + line)


def settings(values: Mapping[str, Any], parameters: Collection[str]) -> list[str]:
    """A configuration's parameters by name, those that apply."""
    return [f"{name} {value_text(values[name])}" for name in parameters if values.get(name) is not None]


def pack_line(pack: PackStatus, width: int) -> str:
    """What the worker of a pack does."""
    if pack.node is None:
        text = f"pack {pack.pack_id}: {plural(pack.trials, 'trial')}, handed out"
    else:
        members = f"{pack.alive:,} of {plural(pack.trials, 'trial')}" if pack.alive < pack.trials else ""
        text = f"pack {pack.pack_id}: {members or plural(pack.trials, 'trial')}, epoch {pack.epoch}/{pack.epochs}"
    if pack.silent_seconds > _SILENCE_SECONDS:
        text += f", {duration(round(pack.silent_seconds))} ago"
    node, device = pack.node or "", pack.device or ""
    # The address first, then the domain.
    places = [f", {node}, {device}", f", {node.split(' ')[0]}, {device}", f", {node.split('.')[0]}, {device}"]
    return text + next((place for place in [*places, f", {device}"] if node and len(text + place) <= width), "")
