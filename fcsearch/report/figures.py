"""The pictures of a report: SVG that takes its colours from the page, so that it is legible on light and dark."""

from __future__ import annotations

import io
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from fcsearch.config import HYPERPARAMETERS
from fcsearch.config.objective import Objective
from fcsearch.report.effects import is_number, parameter_value, spread_out, value_order
from fcsearch.report.words import value_text
from fcsearch.results import RANKED_STATES

Row = Mapping[str, Any]
_T = TypeVar("_T")

# Matplotlib draws with these stand-ins; in the page they become the page's own variables.
_INK, _MUTED, _LINE, _ACCENT, _SECOND = "#fc0001", "#fc0002", "#fc0003", "#fc0004", "#fc0005"
_VARIABLES = {_INK: "--ink", _MUTED: "--muted", _LINE: "--line", _ACCENT: "--accent", _SECOND: "--second"}
# A page with more points than this is slow to draw and says no more.
_MAX_POINTS = 1500
# Hyperparameters that act by their magnitude have a logarithmic axis once their values span more than this factor.
_LOG_SPAN = 20
# Characters of tick labels that fit side by side under a panel.
_LABEL_ROOM = 48
# Any: Matplotlib's own type of the keys is a list of all 300.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fcsearch",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _MUTED,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}
# Above the drawing a legend hides nothing.
_ABOVE: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (0, 1),
    "ncols": 4,
    "labelcolor": _MUTED,
    "borderpad": 0,
}


def learning_curves(epochs: Mapping[int, Sequence[Row]], best: int, objective: Objective) -> str:
    """The objective by epoch of the top trials, the best one with its training figure where that is the same.

    Args:
        epochs: Rows of the epochs table by trial.
        best: The best trial.
        objective: What the run went by.
    """
    column, training = objective.column, objective.train_column if objective is objective.own else None
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.6, 3.8)
        others = [trial for trial in epochs if trial != best]
        for index, trial in enumerate(others):
            label = "the other top trials" if not index else None
            _curve(axes, epochs[trial], column, color=_MUTED, linewidth=0.9, alpha=0.45, label=label)
        if training:
            _curve(axes, epochs[best], training, color=_SECOND, linewidth=1.4, linestyle="--", label="its training")
        _curve(axes, epochs[best], column, color=_ACCENT, linewidth=2.2, label=f"trial {best}, the best")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        shown = [row[column] for rows in epochs.values() for row in rows]
        _finish(axes, [value for value in shown if value is not None], objective)
        if training:
            _make_room(axes, [row[training] for row in epochs[best] if row[training] is not None], objective)
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], **_ABOVE)
        return _svg(figure, "curves", f"Validation {objective.title} by epoch of the top trials")


def search_history(rows: Sequence[Row], objective: Objective) -> str:
    """The objective of every trial, in the order of their numbers, and the best so far."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.6, 3.4)
        ranked = [row for row in rows if row["state"] in RANKED_STATES]
        column = objective.column
        edge = _edge([row[column] for row in ranked], objective)
        for state, face in (("complete", _ACCENT), ("stopped", "none")):
            chosen = _thinned([row for row in ranked if row["state"] == state])
            if chosen:
                heights = [_inside(row[column], edge, objective) for row in chosen]
                numbers = [row["trial_id"] for row in chosen]
                axes.scatter(numbers, heights, s=16, facecolors=face, edgecolors=_ACCENT, linewidths=0.9, label=state)
        if lost := _thinned([row for row in rows if row["state"] not in RANKED_STATES]):
            numbers = [row["trial_id"] for row in lost]
            axes.scatter(numbers, [edge] * len(lost), s=18, marker="x", color=_MUTED, label="diverged or failed")
        numbers, heights = _running_best(ranked, objective)
        axes.step(
            numbers,
            [_inside(height, edge, objective) for height in heights],
            where="post",
            color=_SECOND,
            linewidth=1.5,
            label="best so far",
        )
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(axes, [row[column] for row in ranked], objective)
        axes.legend(**_ABOVE)
        return _svg(figure, "history", f"Validation {objective.title} of every trial, and the best so far")


def parameter_panel(name: str, rows: Sequence[Row], objective: Objective) -> str:
    """The objective of every trial against its value of a parameter."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(4.6, 2.2)
        ranked = [row for row in rows if row["state"] in RANKED_STATES and row[name] is not None]
        values = [parameter_value(row[name]) for row in ranked]
        results = [row[objective.column] for row in ranked]
        distinct = sorted(set(values), key=value_order)
        if all(map(is_number, distinct)) and spread_out(values):
            _scatter(axes, values, results, objective)
            if HYPERPARAMETERS[name].log and distinct[0] > 0 and distinct[-1] / distinct[0] > _LOG_SPAN:
                axes.set_xscale("log")
                axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            _strips(axes, values, results, distinct, objective)
        _finish(axes, results, objective)
        return _svg(figure, f"panel-{name}", f"Validation {objective.title} by {name}")


def _scatter(axes: Axes, places: Sequence[float], results: Sequence[float], objective: Objective) -> None:
    edge = _edge(results, objective)
    points = _thinned(list(zip(places, results, strict=True)))
    heights = [_inside(result, edge, objective) for _, result in points]
    axes.scatter([place for place, _ in points], heights, s=12, alpha=0.6, color=_ACCENT, linewidths=0)


def _strips(
    axes: Axes, values: Sequence[Any], results: Sequence[float], distinct: Sequence[Any], objective: Objective
) -> None:
    """A strip of points for each value, with its median."""
    places = {value: index for index, value in enumerate(distinct)}
    # Spread evenly about their strip, so that points of one value do not hide each other.
    spread = [0.5 * (index * 0.618 % 1 - 0.5) for index in range(len(values))]
    _scatter(axes, [places[value] + offset for value, offset in zip(values, spread, strict=True)], results, objective)
    edge = _edge(results, objective)
    for value, place in places.items():
        middle = statistics.median(result for v, result in zip(values, results, strict=True) if v == value)
        axes.hlines(_inside(middle, edge, objective), place - 0.35, place + 0.35, color=_SECOND, linewidth=2)
    labels = [value_text(value, 3) for value in distinct]
    axes.set_xticks(range(len(distinct)), labels)
    axes.set_xlim(-0.6, len(distinct) - 0.4)
    if max(map(len, labels)) * len(labels) > _LABEL_ROOM:
        axes.tick_params(axis="x", labelrotation=25)
    axes.grid(visible=False, axis="x")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _curve(axes: Axes, rows: Sequence[Row], column: str, **style: Any) -> None:
    known = [row for row in rows if row[column] is not None]
    axes.plot([row["epoch"] for row in known], [row[column] for row in known], **style)


def _finish(axes: Axes, results: Sequence[float], objective: Objective) -> None:
    """The limits and ticks of the axis of results."""
    worst, best = _edge(results, objective), max(results, key=objective.gain, default=1.0)
    # Of a fraction no axis spans less than a point; of other figures it would hide what differs.
    least = 0.004 if objective.unit == "fraction" else 0.01 * abs(best) or 0.004
    margin = max(0.06 * abs(best - worst), least)
    low, high = min(worst, best) - margin, max(worst, best) + margin
    if objective.unit == "fraction":
        high = min(high, 1.0 + margin / 2)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.set_ylim(low, high)


def _make_room(axes: Axes, values: Sequence[float], objective: Objective) -> None:
    """Move the limit on the better side so that these values are inside."""
    low, high = axes.get_ylim()
    if not values:
        return
    if objective.maximize:
        axes.set_ylim(low, max(high, max(values) + 0.003))
    else:
        axes.set_ylim(min(low, 0.97 * min(values)), high)


def _inside(value: float, edge: float, objective: Objective) -> float:
    """The value, or the edge where that is better: what lies beyond is drawn at it."""
    return max(value, edge, key=objective.gain)


def _edge(results: Sequence[float], objective: Objective) -> float:
    """Where the axis ends on the worse side: past the bulk of the trials, so that few failures do not flatten it."""
    gains = [objective.gain(result) for result in results]
    if len(gains) < 2:
        only = min(gains, default=0.0)
        return objective.gain(only - (0.05 if objective.unit == "fraction" else 0.05 * abs(only)))
    lower, _, upper = statistics.quantiles(gains, n=4)
    return objective.gain(max(min(gains), lower - 1.5 * (upper - lower)))


def _thinned(rows: Sequence[_T]) -> Sequence[_T]:
    step = -(-len(rows) // _MAX_POINTS) or 1
    return rows[::step]


def _running_best(ranked: Sequence[Row], objective: Objective) -> tuple[list[int], list[float]]:
    numbers: list[int] = []
    heights: list[float] = []
    for row in ranked:
        value = row[objective.column]
        if not heights or objective.gain(value) > objective.gain(heights[-1]):
            numbers.append(row["trial_id"])
            heights.append(value)
    if ranked:
        numbers.append(ranked[-1]["trial_id"])
        heights.append(heights[-1])
    return numbers, heights


def _svg(figure: Figure, identity: str, title: str) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = stream.getvalue()
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing[drawing.index("<svg") :], flags=re.DOTALL)
    # Several drawings share a page: their ids must differ.
    drawing = re.sub(r'id="', f'id="{identity}-', drawing)
    drawing = re.sub(r'(href="|url\()#', rf"\1#{identity}-", drawing)
    for stand_in, variable in _VARIABLES.items():
        drawing = drawing.replace(stand_in, f"var({variable})")
    # The page sets the size; the drawing keeps its proportions by its viewBox.
    drawing = re.sub(r'<svg ([^>]*?)width="[^"]*" ?|<svg ', r"<svg \1", drawing, count=1)
    drawing = re.sub(r'(<svg [^>]*?)height="[^"]*" ?', r"\1", drawing, count=1)
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
