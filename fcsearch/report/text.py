"""The report as text, for a terminal or a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fcsearch.report.model import Best, Effect, Report
from fcsearch.report.words import duration, number, percent, plural, points, value_text
from fcsearch.text import PIPE_WIDTH

# What trial, val and train take in the top table, the margin included.
_RESULTS_WIDTH = 28
_COLUMN_GAP = 3
_MAX_EFFECTS = 8


def render_text(report: Report, *, width: int = PIPE_WIDTH, color: bool = False) -> str:
    """The report as text.

    Args:
        report: What to say.
        width: Columns.
        color: Whether the reader understands ANSI colours.
    """
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    for part in _parts(report, width):
        # One line, however long: it is there to be copied.
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def headline(report: Report) -> list[str]:
    """What ran: on which data, how much, how fast, where."""
    data, work = report.dataset, report.work
    rows = [
        f"{count:,} {name}"
        for name, count in (("training", data.train_rows), ("validation", data.val_rows), ("test", data.test_rows))
        if count is not None
    ]
    lines = [f"{data.name}: {', '.join(rows)} rows, {plural(data.classes or 0, 'class')}" if rows else data.name]
    states = ", ".join(f"{count:,} {state}" for state, count in work.counts.items() if count)
    planned = f" of {work.planned:,}" if work.planned and work.planned != work.done else ""
    if work.done:
        lines.append(f"{work.done:,}{planned} trials in {plural(work.packs, 'pack')}: {states}")
    else:
        lines.append(f"no trial{planned} is done yet")
    if work.trials_per_minute:
        lines.append(
            f"{duration(work.elapsed_seconds)} in all, {number(work.trials_per_minute, 3)} trials a minute; "
            f"{duration(work.train_seconds)} of training"
        )
    if work.places:
        lines.append("trained on " + ", ".join(f"{place} ({count:,})" for place, count in work.places.items()))
    settings = [("sampler", report.sampler), ("seed", report.seed), ("started", _moment(report.created_at))]
    lines.append(", ".join(f"{name} {value}" for name, value in settings if value is not None))
    return [line for line in lines if line]


def _moment(time: str | None) -> str | None:
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else None


def settings(best: Best) -> list[tuple[str, str]]:
    """The best network's parameters as words, each fact once."""
    return [(name, value_text(value)) for name, value in best.parameters.items() if name != "hidden_dim"]


def accuracies(report: Report, best: Best) -> list[tuple[str, str, str]]:
    """The best network's accuracies: which, how much, and a remark."""
    row, error = best.row, report.trust.standard_error
    spread = f"standard error {points(error)}" if error is not None else ""
    found = [
        ("validation", percent(row["val_accuracy"]), f"at epoch {row['best_epoch']}, the best; {spread}".rstrip("; ")),
        ("validation, final", percent(row["final_val_accuracy"]), f"after {plural(row['epochs_run'] or 0, 'epoch')}"),
        ("training", percent(row["train_accuracy"]), "at the best epoch"),
    ]
    if measured := report.test.measurement:
        remark = f"standard error {points(measured.standard_error)}; measured once, on this network alone"
        found.append(("test", percent(measured.accuracy), remark))
    else:
        found.append(("test", "-", f"not measured: {report.test.note}"))
    return found


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    style = {"complete": "green", "failed": "red"}.get(report.state, "yellow")
    yield Text.assemble((report.name, "bold"), "  ", (report.state, style))
    yield from (Text(f"  {line}") for line in headline(report))
    if report.error:
        yield Text(f"  error: {report.error}", style="red", no_wrap=True)
    if report.best:
        yield _section("Best network", f"trial {report.best.row['trial_id']}")
        yield _indented(_best(report, report.best))
        yield _section(f"Top {len(report.top)}", "by validation accuracy at the best epoch")
        yield _indented(_top(report, width))
    if report.effects:
        yield _section("What each parameter did", "validation accuracy of the trials with that value")
        yield _indented(_effects(report.effects[:_MAX_EFFECTS]))
        if rest := [effect.parameter for effect in report.effects[_MAX_EFFECTS:]]:
            yield Text(f"  The others are in report.html: {', '.join(rest)}.", style="dim")
        if report.importance_note:
            yield Text(f"  No importances: {report.importance_note}.", style="dim")
    yield _section("How far to trust it" if report.best else "Remarks", "")
    yield from (_bullet(remark) for remark in report.trust.remarks)
    yield _section("Files", "")
    for name, path in report.files.items():
        yield Text.assemble("  ", (f"{name:<9}", "dim"), path, no_wrap=True)
    if report.best:
        yield _section("Train the best network again", "")
        yield Text(f"  {report.best.train_command}", no_wrap=True)


def _section(title: str, remark: str) -> Text:
    return Text.assemble("\n", (title, "bold cyan"), (f"  {remark}" if remark else "", "dim"))


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2))


def _bullet(sentence: str) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(" ", "-", Text(sentence))
    return grid


def _best(report: Report, best: Best) -> Group:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value, remark in accuracies(report, best):
        grid.add_row(name, Text(value, style="bold"), Text(remark, style="dim"))
    parameters = Text(", ".join(f"{name} {value}" for name, value in settings(best)))
    size = Text(f"{best.row['num_parameters'] or 0:,} weights and biases", style="dim")
    return Group(parameters, size, Text(""), grid)


def _table(*columns: str, right: int) -> Table:
    """A table whose last `right` columns hold numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index >= len(columns) - right else "left", overflow="fold")
    return table


def _top(report: Report, width: int) -> Group:
    # The parameters that matter most come first; those for which there is no room are named below.
    columns = {effect.parameter: _cells(report, effect.parameter) for effect in report.effects}
    epochs = ["epoch", *(f"{row['best_epoch']}/{row['epochs_run'] or '-'}" for row in report.top)]
    room, shown = width - _RESULTS_WIDTH - max(map(len, epochs)), []
    for name, cells in columns.items():
        needed = max(len(line) for cell in cells for line in cell.split("\n")) + _COLUMN_GAP
        if needed <= room:
            room -= needed
            shown.append(name)
    table = _table("trial", *(columns[name][0] for name in shown), "val", "train", "epoch", right=len(shown) + 3)
    for index, row in enumerate(report.top, start=1):
        results = (percent(row["val_accuracy"]), percent(row["train_accuracy"]))
        table.add_row(str(row["trial_id"]), *(columns[name][index] for name in shown), *results, epochs[index])
    rest = [name for name in columns if name not in shown]
    return Group(table, *([Text(f"Also varied, no room here: {', '.join(rest)}.", style="dim")] if rest else []))


def _cells(report: Report, name: str) -> list[str]:
    """A parameter's column of the top trials: its name, broken where it can be, and its values."""
    return [name.replace("_", "_\n"), *(value_text(row[name], 3) for row in report.top)]


def _effects(effects: tuple[Effect, ...]) -> Table:
    table = _table("parameter", "importance", "value", "trials", "diverged", "best", "median", right=4)
    for effect in effects:
        name = effect.parameter
        importance = "-" if effect.importance is None else f"{100 * effect.importance:.0f}%"
        for group in effect.groups:
            counts = (f"{group.trials:,}", f"{group.diverged:,}" if group.diverged else "")
            table.add_row(name, importance, group.label, *counts, percent(group.best), percent(group.median))
            name = importance = ""
        table.add_section()
    return table
