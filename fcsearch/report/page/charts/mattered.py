"""Which parameters mattered: their importances, each parameter alone, and the two most important together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.report.model import Effect
from fcsearch.report.page.charts.axis import axis_of
from fcsearch.report.page.charts.figure import ACCENT, BAD, MUTED, SECOND, Figure, Results, Spec, best_last, inline
from fcsearch.report.page.trials import PageTrials
from fcsearch.report.summary_lines import importance_text

_MOST_OF_A_SLICE = 1000
# Points with the same value are spread around it, so that they do not hide each other; the same in every drawing.
_JITTER = "((datum.trial * 0.618034) % 1) - 0.5"


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
        "transform": [{"filter": "isValid(datum.value)"}, results.held()],
        "mark": {
            "type": "tick",
            "color": SECOND,
            "thickness": 3,
            "size": max(8, min(56, 190 // max(len(axis.categories), 1))),
            "clip": True,
            "aria": False,
        },
        "encoding": {"x": x, "y": {**results.axis(field="shown"), "aggregate": "median"}},
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
                    "order": best_last(results),
                    "tooltip": tip,
                },
            },
        ],
    }
    text = f"{first.name} and {second.name} of every trial, coloured by its result. Crosses: diverged or failed trials."
    fields = ("trial", "value", "state", first.name, second.name)
    return Figure("map", "The two that matter most, together", text, spec, fields, wide=True)
