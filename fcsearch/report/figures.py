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


def learning_curves(epochs: Mapping[int, Sequence[Row]], best: int) -> str:
    """Validation accuracy by epoch of the top trials, the best one with its training accuracy.

    Args:
        epochs: Rows of the epochs table by trial.
        best: The best trial.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.6, 3.8)
        others = [trial for trial in epochs if trial != best]
        for index, trial in enumerate(others):
            label = "the other top trials" if not index else None
            _curve(axes, epochs[trial], "val_accuracy", color=_MUTED, linewidth=0.9, alpha=0.45, label=label)
        _curve(axes, epochs[best], "train_accuracy", color=_SECOND, linewidth=1.4, linestyle="--", label="its training")
        _curve(axes, epochs[best], "val_accuracy", color=_ACCENT, linewidth=2.2, label=f"trial {best}, the best")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        shown = [row["val_accuracy"] for rows in epochs.values() for row in rows]
        _finish(axes, [value for value in shown if value is not None])
        highest = max((row["train_accuracy"] or 0.0 for row in epochs[best]), default=0.0)
        axes.set_ylim(top=max(axes.get_ylim()[1], highest + 0.003))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], **_ABOVE)
        return _svg(figure, "curves", "Validation accuracy by epoch of the top trials")


def search_history(rows: Sequence[Row]) -> str:
    """Validation accuracy of every trial, in the order of their numbers, and the best so far."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.6, 3.4)
        ranked = [row for row in rows if row["state"] in RANKED_STATES]
        floor = _floor([row["val_accuracy"] for row in ranked])
        for state, face in (("complete", _ACCENT), ("stopped", "none")):
            chosen = _thinned([row for row in ranked if row["state"] == state])
            if chosen:
                heights = [max(row["val_accuracy"], floor) for row in chosen]
                numbers = [row["trial_id"] for row in chosen]
                axes.scatter(numbers, heights, s=16, facecolors=face, edgecolors=_ACCENT, linewidths=0.9, label=state)
        if lost := _thinned([row for row in rows if row["state"] not in RANKED_STATES]):
            numbers = [row["trial_id"] for row in lost]
            axes.scatter(numbers, [floor] * len(lost), s=18, marker="x", color=_MUTED, label="diverged or failed")
        numbers, heights = _running_best(ranked)
        axes.step(
            numbers,
            [max(height, floor) for height in heights],
            where="post",
            color=_SECOND,
            linewidth=1.5,
            label="best so far",
        )
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(axes, [row["val_accuracy"] for row in ranked])
        axes.legend(**_ABOVE)
        return _svg(figure, "history", "Validation accuracy of every trial, and the best so far")


def parameter_panel(name: str, rows: Sequence[Row]) -> str:
    """Validation accuracy of every trial against its value of a parameter."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(4.6, 2.2)
        ranked = [row for row in rows if row["state"] in RANKED_STATES and row[name] is not None]
        values = [parameter_value(row[name]) for row in ranked]
        accuracies = [row["val_accuracy"] for row in ranked]
        distinct = sorted(set(values), key=value_order)
        if all(map(is_number, distinct)) and spread_out(values):
            _scatter(axes, values, accuracies)
            if HYPERPARAMETERS[name].log and distinct[0] > 0 and distinct[-1] / distinct[0] > _LOG_SPAN:
                axes.set_xscale("log")
                axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            _strips(axes, values, accuracies, distinct)
        _finish(axes, accuracies)
        return _svg(figure, f"panel-{name}", f"Validation accuracy by {name}")


def _scatter(axes: Axes, places: Sequence[float], accuracies: Sequence[float]) -> None:
    floor = _floor(accuracies)
    points = _thinned(list(zip(places, accuracies, strict=True)))
    heights = [max(accuracy, floor) for _, accuracy in points]
    axes.scatter([place for place, _ in points], heights, s=12, alpha=0.6, color=_ACCENT, linewidths=0)


def _strips(axes: Axes, values: Sequence[Any], accuracies: Sequence[float], distinct: Sequence[Any]) -> None:
    """A strip of points for each value, with its median."""
    places = {value: index for index, value in enumerate(distinct)}
    # Spread evenly about their strip, so that points of one value do not hide each other.
    spread = [0.5 * (index * 0.618 % 1 - 0.5) for index in range(len(values))]
    _scatter(axes, [places[value] + offset for value, offset in zip(values, spread, strict=True)], accuracies)
    floor = _floor(accuracies)
    for value, place in places.items():
        middle = statistics.median(a for v, a in zip(values, accuracies, strict=True) if v == value)
        axes.hlines(max(middle, floor), place - 0.35, place + 0.35, color=_SECOND, linewidth=2)
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


def _finish(axes: Axes, accuracies: Sequence[float]) -> None:
    floor, top = _floor(accuracies), max(accuracies, default=1.0)
    margin = max(0.06 * (top - floor), 0.004)
    axes.set_ylim(floor - margin, min(top + margin, 1.0 + margin / 2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))


def _floor(accuracies: Sequence[float]) -> float:
    """Where the axis starts: below the bulk of the trials, so that a few failures do not flatten the rest."""
    if len(accuracies) < 2:
        return min(accuracies, default=0.0) - 0.05
    lower, _, upper = statistics.quantiles(accuracies, n=4)
    return max(min(accuracies), lower - 1.5 * (upper - lower))


def _thinned(rows: Sequence[_T]) -> Sequence[_T]:
    step = -(-len(rows) // _MAX_POINTS) or 1
    return rows[::step]


def _running_best(ranked: Sequence[Row]) -> tuple[list[int], list[float]]:
    numbers: list[int] = []
    heights: list[float] = []
    for row in ranked:
        if not heights or row["val_accuracy"] > heights[-1]:
            numbers.append(row["trial_id"])
            heights.append(row["val_accuracy"])
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
