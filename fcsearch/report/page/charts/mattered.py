"""What mattered: the parameters' importances, each one by itself, two together, and all side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.report.effects import is_number, spread_out, value_order
from fcsearch.report.model import Effect
from fcsearch.report.page.charts.figure import (
    ACCENT,
    BAD,
    MUTED,
    SECOND,
    Figure,
    Results,
    Spec,
    inline,
    number_axis,
    spans,
)
from fcsearch.report.page.trials import PageTrials
from fcsearch.report.phrases import importance_text
from fcsearch.report.words import value_text

# Hyperparameters that act by their magnitude have a logarithmic axis once their values span more than this factor.
_LOG_SPAN = 20
_MOST_OF_A_SLICE = 1000
_MOST_LINES = 400
_MOST_AXES = 8
_AXIS_LABELS = 8
# Pixels.
_LABEL_LIMIT = 62
# Points of one value are spread about their place, so that they do not hide each other; the same in every drawing.
_JITTER = "((datum.trial * 0.618034) % 1) - 0.5"


@dataclass(frozen=True)
class Axis:
    """A parameter as an axis.

    Attributes:
        name: Of the parameter.
        categories: Its values, where they are drawn one by one; none where the axis is one of numbers.
        log: Whether that is logarithmic.
        values: Of all trials to which it applies.
    """

    name: str
    categories: tuple[Any, ...]
    log: bool
    values: tuple[Any, ...]

    def encode(self, **changes: Any) -> Spec:
        """As a channel of a chart."""
        if not self.categories:
            numbers = [value for value in self.values if is_number(value)]
            return number_axis(self.name, self.name, numbers, log=self.log, **changes)
        return {
            "field": self.name,
            "type": "nominal",
            "title": self.name,
            "scale": {"domain": list(self.categories)},
            "axis": {
                "labelAngle": -30 if self._is_crowded() else 0,
                "labelLimit": 90,
                "grid": False,
                "labelOverlap": True,
            },
            **changes,
        }

    def place(self, value: Any) -> float | None:
        """Where a value lies on the axis, from 0 to 1."""
        if value is None:
            return None
        if self.categories:
            return self.categories.index(value) / max(len(self.categories) - 1, 1) if value in self.categories else None
        low, high = min(self.values), max(self.values)
        scale = math.log if self.log else float
        return (scale(value) - scale(low)) / (scale(high) - scale(low)) if high > low else 0.5

    def labels(self) -> list[tuple[float, str]]:
        """What stands at the axis where lines cross it."""
        if self.categories:
            step = -(-len(self.categories) // _AXIS_LABELS)
            shown = self.categories[::step]
        else:
            low, high = min(self.values), max(self.values)
            shown = (low, math.sqrt(low * high) if self.log else (low + high) / 2, high)
        return [(round(place, 3), value_text(value, 3)) for value in shown if (place := self.place(value)) is not None]

    @property
    def is_ordered(self) -> bool:
        """Whether its values are numbers."""
        return all(map(is_number, self.categories))

    def _is_crowded(self) -> bool:
        labels = [value_text(value, 3) for value in self.categories]
        return max(map(len, labels)) * len(labels) > 34


def axis_of(name: str, trials: PageTrials, space: Mapping[str, Any]) -> Axis | None:
    """A parameter as an axis; None where no trial with a result has it."""
    if not trials.values(name):
        return None
    values = tuple(value for value in trials.columns[name] if value is not None)
    distinct = sorted(set(values), key=value_order)
    if not (all(map(is_number, distinct)) and spread_out(values)):
        return Axis(name, tuple(distinct), log=False, values=values)
    defined = (space.get("parameters") or {}).get(name)
    asked = isinstance(defined, dict) and bool(defined.get("log"))
    log = distinct[0] > 0 and (asked or (HYPERPARAMETERS[name].log and spans(values, _LOG_SPAN)))
    return Axis(name, (), log=log and distinct[-1] > distinct[0], values=values)


def importance_chart(effects: Sequence[Effect]) -> Figure | None:
    """The importances with their intervals."""
    known = [(effect.parameter, effect.importance) for effect in effects if effect.importance]
    if not known:
        return None
    rows = [
        {"parameter": name, "share": entry.share, "low": entry.low, "high": entry.high, "trials": entry.trials}
        for name, entry in known
    ]
    axis = {"format": ".0%", "tickCount": 5}
    spec: Spec = {
        "data": inline(rows),
        "width": "container",
        "height": 26 * len(rows),
        "encoding": {
            "y": {"field": "parameter", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 150}},
            "tooltip": [
                {"field": "parameter"},
                {"field": "share", "title": "importance", "format": ".0%"},
                {"field": "low", "title": "from", "format": ".0%"},
                {"field": "high", "title": "to", "format": ".0%"},
                {"field": "trials"},
            ],
        },
        "layer": [
            {
                "mark": {
                    "type": "bar",
                    "color": ACCENT,
                    "opacity": 0.55,
                    "cornerRadiusEnd": 3,
                    "height": {"band": 0.6},
                },
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "title": "share of the variance of ranks",
                        "axis": axis,
                    }
                },
            },
            {
                "mark": {"type": "rule", "color": "var(--ink)", "strokeWidth": 1.6},
                "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            },
        ],
    }
    return Figure("importances", "Which parameters mattered", "Bars with their 95% intervals.", spec, wide=True)


def slice_chart(effect: Effect, trials: PageTrials, space: Mapping[str, Any], results: Results) -> Figure | None:
    """The result of every trial against its value of one parameter."""
    axis = axis_of(effect.parameter, trials, space)
    if axis is None:
        return None
    offset = (
        {"xOffset": {"field": "jitter", "type": "quantitative", "scale": {"domain": [-0.9, 0.9]}}}
        if axis.categories
        else {}
    )
    x = axis.encode()
    points: Spec = {
        "transform": [{"filter": "isValid(datum.value)"}, {"calculate": _JITTER, "as": "jitter"}, results.held()],
        "mark": {
            "type": "point",
            "filled": True,
            "size": 26,
            "opacity": 0.55,
            "color": ACCENT,
            "clip": True,
            "cursor": "pointer",
            "aria": False,
        },
        "encoding": {
            "x": x,
            "y": results.axis(field="shown"),
            "shape": results.shape(),
            **offset,
            "tooltip": results.tooltip(axis.name),
        },
    }
    lost: Spec = {
        "transform": [{"filter": "!isValid(datum.value)"}, {"calculate": _JITTER, "as": "jitter"}],
        "mark": {
            "type": "point",
            "shape": "cross",
            "angle": 45,
            "size": 30,
            "color": BAD,
            "yOffset": -6,
            "clip": False,
            "cursor": "pointer",
            "aria": False,
        },
        "encoding": {"x": x, "y": {"value": "height"}, **offset, "tooltip": results.tooltip(axis.name)},
    }
    middle: Spec = {
        "transform": [{"filter": "isValid(datum.value)"}],
        "mark": {
            "type": "tick",
            "color": SECOND,
            "thickness": 3,
            "size": max(8, min(56, 190 // max(len(axis.categories), 1))),
            "clip": True,
            "aria": False,
        },
        "encoding": {"x": x, "y": {**results.axis(), "aggregate": "median"}},
    }
    within: Spec = {
        "data": {"name": "trials"},
        "transform": [{"filter": f"isValid(datum['{axis.name}'])"}],
        "width": "container",
        "height": 190,
        "layer": [lost, points, *([middle] if axis.categories else [])],
    }
    medians = " Short lines are medians." if axis.categories else ""
    share = f"Importance {importance_text(effect.importance)}." if effect.importance else ""
    meaning = HYPERPARAMETERS[axis.name].meaning
    text = f"{meaning}. {share}{medians}".strip()
    fields = ("trial", "value", "state", axis.name)
    return Figure(f"slice-{axis.name}", axis.name, text, results.zoomed(within), fields, most=_MOST_OF_A_SLICE)


def map_chart(
    effects: Sequence[Effect], trials: PageTrials, space: Mapping[str, Any], results: Results
) -> Figure | None:
    """The results over the two parameters that mattered most."""
    axes = [axis for effect in effects if (axis := axis_of(effect.parameter, trials, space)) is not None]
    if len(axes) < 2:
        return None
    first, second = axes[:2]
    transform: list[Spec] = [
        {"filter": f"isValid(datum['{first.name}']) && isValid(datum['{second.name}'])"},
        {"calculate": _JITTER, "as": "jitter"},
        {"calculate": "((datum.trial * 0.754878) % 1) - 0.5", "as": "other"},
    ]
    encoding: Spec = {"x": first.encode(), "y": second.encode()}
    if second.categories:
        encoding["y"]["axis"] = {"labelLimit": 90}
        # Numbers grow upwards.
        encoding["y"]["scale"] = {"domain": list(second.categories[:: -1 if second.is_ordered else 1])}
    for axis, channel, name in ((first, "xOffset", "jitter"), (second, "yOffset", "other")):
        if axis.categories:
            encoding[channel] = {"field": name, "type": "quantitative", "scale": {"domain": [-0.9, 0.9]}}
    tip = results.tooltip(first.name, second.name)
    spec: Spec = {
        "data": {"name": "trials"},
        "transform": transform,
        "width": "container",
        "height": 340,
        "layer": [
            {
                "transform": [{"filter": "!isValid(datum.value)"}],
                "mark": {
                    "type": "point",
                    "shape": "cross",
                    "angle": 45,
                    "size": 40,
                    "color": MUTED,
                    "cursor": "pointer",
                    "aria": False,
                },
                "encoding": {**encoding, "tooltip": tip},
            },
            {
                "transform": [{"filter": "isValid(datum.value)"}],
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 70,
                    "opacity": 0.95,
                    "stroke": "var(--card)",
                    "strokeWidth": 0.6,
                    "cursor": "pointer",
                    "aria": False,
                },
                "encoding": {
                    **encoding,
                    "color": results.color(results.title),
                    "order": _best_last(results),
                    "tooltip": tip,
                },
            },
        ],
    }
    text = f"{first.name} and {second.name} of every trial, its result as colour. Crosses diverged or failed."
    fields = ("trial", "value", "state", first.name, second.name)
    return Figure("map", "The two that matter most, together", text, spec, fields, wide=True)


def _best_last(results: Results) -> Spec:
    """What is drawn last lies above the rest."""
    return {
        "field": "value",
        "type": "quantitative",
        "sort": "ascending" if results.objective.maximize else "descending",
    }


def parallel_chart(
    effects: Sequence[Effect], trials: PageTrials, space: Mapping[str, Any], results: Results
) -> Figure | None:
    """Every trial as a line across its parameters; a range drawn on an axis keeps the lines that pass through it."""
    axes = [axis for effect in effects if (axis := axis_of(effect.parameter, trials, space)) is not None][:_MOST_AXES]
    if len(axes) < 2:
        return None
    names = [axis.name for axis in axes]
    (low, high), rows = results.ends, []
    span = high - low or 1.0
    for row in _few(list(trials.rows("trial", "state", "value", *names, ranked=True))):
        places = [axis.place(row[axis.name]) for axis in axes]
        end = min(max((row["value"] - low) / span, 0.0), 1.0)
        # A parameter that does not apply lies below the axis.
        known = {
            f"p{number}": round(-0.08 if place is None else place, 4) for number, place in enumerate([*places, end])
        }
        rows.append({"trial": row["trial"], "state": row["state"], "value": row["value"], **known})
    rows.reverse()
    ends = [(round(share, 3), _result_text(results, low + share * span)) for share in (0, 0.25, 0.5, 0.75, 1)]
    titles = [*names, results.objective.title]
    views = [_between(number, titles, axis.labels(), results, len(axes) + 1) for number, axis in enumerate(axes)]
    views.append(_between(len(axes), titles, ends, results, len(axes) + 1))
    spec: Spec = {"data": inline(rows), "hconcat": views, "spacing": 0, "config": {"view": {"stroke": None}}}
    text = (
        "Each line is a trial, its result as colour. Drag along an axis to keep the lines that pass there, on several "
        "axes if you like; a double click lets go. A line below an axis: the parameter does not apply."
    )
    room = 130 + sum(min(_LABEL_LIMIT, 6 * max(len(text) for _, text in axis.labels())) for axis in axes)
    return Figure("parallel", "All of them side by side", text, spec, wide=True, labels=room)


def _between(
    number: int, titles: Sequence[str], labels: Sequence[tuple[float, str]], results: Results, count: int
) -> Spec:
    """An axis, and the lines to the next one."""
    last = number == count - 1
    told = " : ".join(f"abs(datum.value - {place}) < 0.002 ? '{_quoted(text)}'" for place, text in labels) + " : ''"
    scale = {"domain": [-0.1, 1.04], "nice": False, "zero": False}
    axis = {
        "values": [place for place, _ in labels],
        "labelExpr": told,
        "labelLimit": _LABEL_LIMIT,
        "labelFontSize": 11,
        "labelPadding": 3,
        "grid": False,
        "domain": True,
        "domainColor": MUTED,
        "domainWidth": 1.5,
        "title": titles[number].split("_") if "_" in titles[number] else titles[number],
        "titleAngle": 0,
        "titleAlign": "center",
        "titleAnchor": "start",
        "titleX": 0,
        "titleY": -22 if "_" in titles[number] else -10,
        "titleFontWeight": "bold",
        "titleFontSize": 11,
        "zindex": 1,
    }
    kept = {"test": {"and": [{"param": f"range{other}"} for other in range(count)]}}
    encoding: Spec = {
        "y": {"field": f"p{number}", "type": "quantitative", "scale": scale, "axis": axis},
        "x": {"value": 0},
        "color": {"condition": {**kept, **results.color(results.title), "legend": None}, "value": "var(--line)"},
        "opacity": {"condition": {**kept, "value": 0.75}, "value": 0.15},
        "tooltip": results.tooltip(),
    }
    mark: Spec = {"type": "rule", "strokeWidth": 1.3, "cursor": "pointer", "aria": False}
    if last:
        mark = {"type": "point", "filled": True, "size": 14, "cursor": "pointer", "aria": False}
    else:
        encoding |= {"x2": {"value": "width"}, "y2": {"field": f"p{number + 1}"}}
    return {
        "width": 44 if last else 90,
        "height": 300,
        "params": [
            {
                "name": f"range{number}",
                "select": {
                    "type": "interval",
                    "encodings": ["y"],
                    "mark": {"fill": ACCENT, "fillOpacity": 0.15, "stroke": ACCENT},
                },
            }
        ],
        "mark": mark,
        "encoding": encoding,
    }


def _few(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best half of what can be drawn, and of the others every so many."""
    if len(rows) <= _MOST_LINES:
        return list(rows)
    half = _MOST_LINES // 2
    return [*rows[:half], *rows[half :: -(-(len(rows) - half) // half)]]


def _result_text(results: Results, value: float) -> str:
    return f"{100 * value:.1f}%" if results.objective.unit == "fraction" else f"{value:.3g}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
