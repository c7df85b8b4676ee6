"""The report as text, for a terminal or a file."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.evaluation import Measurement
from fcsearch.printing import PrintingConsole
from fcsearch.report.class_tables import class_parts
from fcsearch.report.closing import train_again, train_title
from fcsearch.report.confirmed import confirmation_cells, confirmation_remark
from fcsearch.report.importance import METHOD, MIN_TRIALS
from fcsearch.report.model import Best, Effect, Report
from fcsearch.report.number_table import COLUMN_GAP, fit_words, number_table
from fcsearch.report.summary_lines import (
    best_title,
    figure_lines,
    headline,
    importance_text,
    main_lines,
    settings,
    shown_confirmation,
    top_remark,
)
from fcsearch.report.words import value_text
from fcsearch.results.arrow import Row
from fcsearch.selection import Confirmation
from fcsearch.text import PIPE_WIDTH

_MAX_EFFECTS = 8
# What a report on few trials leaves to the page: what its lines of figures already say, and all files but one.
_DETAILS = ("standard_error", "base_line", "calibration")
_MAIN_FILES = ("report",)
_MAX_CLASSES = 12
_INDENT = 2
_EFFECT_COLUMNS = ("parameter", "importance", "value", "trials", "diverged", "best", "median")
# Columns that a narrow terminal leaves out, one after another.
_LESS_NEEDED = ("diverged", "trials", "median", "importance")
_LESS_NEEDED_SEEDS = ("search", "seeds", "deviation")


def render_text(report: Report, *, width: int = PIPE_WIDTH, color: bool = False) -> str:
    """The report as text for a terminal of so many columns; `color`: with ANSI colours."""
    stream = io.StringIO()
    console = PrintingConsole(
        file=stream, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    for part in _parts(report, width):
        # One line, however long, so that it can be copied.
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    title = OBJECTIVES[report.objective].title
    style = {"complete": "green", "failed": "red"}.get(report.ending, "yellow")
    yield Text.assemble((report.name, "bold"), "  ", (report.ending, style))
    if first := report.trust.verdict or report.trust.caution:
        yield _indented(Text(str(first), style="bold yellow"))
    yield from (_indented(Text(line)) for line in headline(report))
    if report.error:
        yield Text(f"  error: {report.error}", style="red", no_wrap=True)
    # Few trials have little to compare, and their page says the rest.
    brief, again = report.work.done < MIN_TRIALS, train_again(report)
    if report.best:
        yield _section(*best_title(report, report.best))
        yield _indented(_best(report, report.best, brief=brief))
        if not brief and (confirmation := shown_confirmation(report)):
            yield _section("Confirmed", confirmation_remark(confirmation))
            yield _indented(_confirmation(confirmation, width - _INDENT))
        yield from _by_class(report.by_class, width, matrix=not brief)
        yield _section(f"Top {len(report.top)}", top_remark(OBJECTIVES[report.objective]))
        yield _indented(_top(report, width))
    if report.effects:
        yield from _what_mattered(report, title, width)
    yield _section("How far to trust it" if report.best else "Remarks", "")
    shown = [found for found in report.trust.findings if not (brief and report.best and found.kind in _DETAILS)]
    yield from (_bullet(finding.sentence) for finding in shown)
    yield _section("Files", "")
    for name, path in report.files.items():
        if name in _MAIN_FILES or not (brief and report.best):
            yield Text.assemble("  ", (f"{name:<9}", "dim"), path, no_wrap=True)
    if report.best and not brief and (report.trust.recommends or again):
        yield _section("With another seed" if again else train_title(report), "")
        yield Text(f"  {shlex.join(again) if again else report.best.train_command}", no_wrap=True)


def _what_mattered(report: Report, title: str, width: int) -> Iterator[RenderableType]:
    if report.importance_note:
        yield _section("What each parameter did", "")
        yield _indented(Text(f"No importances: {report.importance_note}.", style="dim"))
        return
    yield _section("What each parameter did", f"validation {title} of the trials with that value")
    yield _indented(_effects(report.effects[:_MAX_EFFECTS], OBJECTIVES[report.objective], width - _INDENT))
    if rest := [effect.parameter for effect in report.effects[_MAX_EFFECTS:]]:
        yield _indented(Text(f"The others are in report.html: {', '.join(rest)}.", style="dim"))
    yield _indented(Text(METHOD, style="dim"))


def _section(title: str, remark: str) -> Text:
    return Text.assemble("\n", (title, "bold cyan"), (f"  {remark}" if remark else "", "dim"))


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, _INDENT))


def _bullet(sentence: str) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(" ", "-", Text(sentence))
    return grid


def _best(report: Report, best: Best, *, brief: bool) -> Group:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value, remark in main_lines(report, best) if brief else figure_lines(report, best):
        grid.add_row(name, Text(value, style="bold"), Text(remark, style="dim"))
    parameters = Text(", ".join(f"{name} {value}" for name, value in settings(best)))
    size = Text(f"{best.row['num_parameters'] or 0:,} weights and biases", style="dim")
    return Group(parameters, size, Text(""), grid)


def _by_class(found: Measurement | None, width: int, *, matrix: bool) -> Iterator[RenderableType]:
    if found and found.classification:
        yield _section("Class by class", f"the best network on the {found.place} rows")
        for part in class_parts(found.classification, width=width - _INDENT, limit=_MAX_CLASSES, matrix=matrix):
            yield _indented(part)


def _top(report: Report, width: int) -> Group:
    objective = OBJECTIVES[report.objective]
    # Values that all of them share are listed once, below.
    columns = {name: _cells(report, name) for name in report.top_columns}
    results = [_results(row, objective) for row in report.top]
    taken = [max(map(len, cells)) for cells in zip(("trial", "val", "train", "epoch"), *results, strict=True)]
    room, shown = width - _INDENT - sum(taken) - COLUMN_GAP * (len(taken) - 1), []
    for name, cells in columns.items():
        needed = max(map(len, cells)) + COLUMN_GAP
        if needed <= room:
            room -= needed
            shown.append(name)
    table = number_table("trial", *(columns[name][0] for name in shown), "val", "train", "epoch", right=len(shown) + 3)
    for index, (trial, *figures) in enumerate(results, start=1):
        table.add_row(trial, *(columns[name][index] for name in shown), *figures)
    rest = [name for name in columns if name not in shown]
    same = [effect.parameter for effect in report.effects if effect.parameter not in columns]
    values = {name: report.top[0][name] for name in same}
    shared = ", ".join(f"{name} {value_text(value, 3)}" for name, value in values.items() if value is not None)
    notes = [
        f"Also varied, but not shown for lack of room: {', '.join(rest)}." if rest else "",
        f"The same in all of them: {shared}." if shared and len(report.top) > 1 else "",
    ]
    return Group(table, *(Text(note, style="dim") for note in notes if note))


def _results(row: Row, objective: Objective) -> tuple[str, str, str, str]:
    """A top trial's number, its figures, and its best epoch of those run; of an unfinished one, also those planned."""
    figures = objective.show(row[objective.column]), objective.own.show(row[objective.train_column])
    planned = f" of {row['epochs']}" if row["state"] == UNFINISHED else ""
    return str(row["trial_id"]), *figures, f"{row['best_epoch']}/{row['epochs_run'] or '-'}{planned}"


def _cells(report: Report, name: str) -> list[str]:
    """A parameter's column of the top trials: its name, and its values."""
    return [name, *(value_text(row[name], 3) for row in report.top)]


def _confirmation(found: Confirmation, width: int) -> RenderableType:
    """As much of it as fits without cutting a word; a note names what does not."""
    columns, rows = confirmation_cells(found)
    for dropped in range(len(_LESS_NEEDED_SEEDS) + 1):
        kept = [place for place, name in enumerate(columns) if name not in _LESS_NEEDED_SEEDS[:dropped]]
        table = number_table(*(columns[place] for place in kept), right=len(kept) - 1)
        for row in rows:
            table.add_row(*(row[place] for place in kept))
        if fit_words(table, width):
            break
    return _noting(table, _LESS_NEEDED_SEEDS[:dropped])


def _noting(table: Table, left_out: Sequence[str]) -> RenderableType:
    """The table, and below it the columns that a narrow terminal is spared."""
    if not left_out:
        return table
    return Group(table, Text(f"Left out for lack of room: {', '.join(left_out)}; see report.html.", style="dim"))


def _effects(effects: tuple[Effect, ...], objective: Objective, width: int) -> RenderableType:
    """As much of it as fits without cutting a word: the results of each value are the last to go."""
    for dropped in range(len(_LESS_NEEDED) + 1):
        table = _effects_table(effects, objective, without=_LESS_NEEDED[:dropped])
        if fit_words(table, width):
            break
    return _noting(table, _LESS_NEEDED[:dropped])


def _effects_table(effects: tuple[Effect, ...], objective: Objective, *, without: Sequence[str]) -> Table:
    names = [name for name in _EFFECT_COLUMNS if name not in without]
    table = number_table(*names, right=len(set(names) - {"parameter", "importance", "value"}))
    for effect in effects:
        name, importance = effect.parameter, importance_text(effect.importance)
        for group in effect.groups:
            cells = {
                "parameter": name,
                "importance": importance,
                "value": group.label,
                "trials": f"{group.trials:,}",
                "diverged": f"{group.diverged:,}" if group.diverged else "",
                "best": objective.show(group.best),
                "median": objective.show(group.median),
            }
            table.add_row(*(cells[column] for column in names))
            name = importance = ""
        table.add_section()
    return table
