"""Which parameters mattered: their importances, each parameter alone, and the two most important together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.report.model import Effect
from fcsearch.report.page.charts.axis import Axis, axis_of
from fcsearch.report.page.charts.figure import ACCENT, BAD, INK, MUTED, SECOND, Figure, Results, best_last
from fcsearch.report.page.charts.grammar import OPENS, Spec, chart, either, inline, mark, nominal, quantity, tip, valid
from fcsearch.report.page.trials import PageTrials
from fcsearch.report.summary_lines import importance_text

_MOST_OF_A_SLICE = 1000
# Points with the same value are spread around it, so that they do not hide each other; the same in every drawing.
_JITTER: Spec = {"calculate": "((datum.trial * 0.618034) % 1) - 0.5", "as": "jitter"}
_LOST: Spec = {"filter": "!isValid(datum.value)"}


def importance_chart(effects: Sequence[Effect]) -> Figure | None:
    """The importances with their intervals."""
    known = [(effect.parameter, effect.importance) for effect in effects if effect.importance]
    if not known:
        return None
    rows = [
        {"parameter": name, "share": entry.share, "low": entry.low, "high": entry.high, "trials": entry.trials}
        for name, entry in known
    ]
    shares = [tip(name, title, ".0%") for name, title in (("share", "importance"), ("low", "from"), ("high", "to"))]
    x = quantity("share", "share of the variance of ranks", axis={"format": ".0%", "tickCount": 5})
    spec = chart(
        26 * len(rows),
        data=inline(rows),
        encoding={
            "y": nominal("parameter", sort=None, axis={"labelLimit": 150}),
            "tooltip": [tip("parameter"), *shares, tip("trials")],
        },
        layer=[
            {
                "mark": mark("bar", color=ACCENT, opacity=0.55, cornerRadiusEnd=3, height={"band": 0.6}),
                "encoding": {"x": x},
            },
            {
                "mark": mark("rule", color=INK, strokeWidth=1.6),
                "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            },
        ],
    )
    return Figure("importances", "Which parameters mattered", "Bars with their 95% intervals.", spec, wide=True)


def slice_chart(effect: Effect, trials: PageTrials, space: Mapping[str, Any], results: Results) -> Figure | None:
    """The result of every trial against its value of one parameter."""
    axis = axis_of(effect.parameter, trials, space)
    if axis is None:
        return None
    x, y = axis.encode(), results.axis(field="shown")
    shared = {
        "x": x,
        **({"xOffset": _spread("jitter")} if axis.categories else {}),
        "tooltip": results.tooltip(axis.name),
    }
    points = {
        "transform": [valid("value"), _JITTER, results.held()],
        "mark": mark("point", filled=True, size=26, opacity=0.55, color=ACCENT, clip=True, **OPENS),
        "encoding": {**shared, "y": y, "shape": results.shape()},
    }
    lost = {
        "transform": [_LOST, _JITTER],
        "mark": mark("point", shape="cross", angle=45, size=30, color=BAD, yOffset=-6, clip=False, **OPENS),
        "encoding": {**shared, "y": {"value": "height"}},
    }
    within = chart(
        190,
        data={"name": "trials"},
        transform=[{"filter": f"isValid(datum['{axis.name}'])"}],
        layer=[lost, points, *([_medians(axis, results)] if axis.categories else [])],
    )
    medians = f" Short lines are medians{_held_medians(results)}." if axis.categories else ""
    share = f"Importance {importance_text(effect.importance)}." if effect.importance else ""
    meaning = HYPERPARAMETERS[axis.name].meaning
    text = f"{meaning}. {share}{medians}".strip()
    fields = ("trial", "value", "state", axis.name)
    return Figure(f"slice-{axis.name}", axis.name, text, results.zoomed(within), fields, most=_MOST_OF_A_SLICE)


def _medians(axis: Axis, results: Results) -> Spec:
    """The median of each value's trials: a line, or at the edge of the axis a triangle if it lies beyond."""
    middle = {"op": "median", "field": "value", "as": "value"}
    width = max(8, min(56, 190 // max(len(axis.categories), 1)))
    # Two layers would each need a domain, which one of them has no data for.
    beyond = "datum.shown != datum.value"
    return {
        "transform": [valid("value"), {"aggregate": [middle], "groupby": [axis.name]}, results.held()],
        "mark": mark("point", fill=SECOND, stroke=SECOND, opacity=0.9, aria=False),
        "encoding": {
            "x": axis.encode(),
            "y": results.axis(field="shown"),
            "shape": results.shape(within="stroke"),
            "size": either(beyond, 60, width**2),
            "strokeWidth": either(beyond, 1, 3),
            "tooltip": [tip(axis.name), tip("value", f"{results.title}, median", results.format)],
        },
    }


def _held_medians(results: Results) -> str:
    """How medians beyond the axis are shown, where some may be."""
    side = "below" if results.objective.maximize else "above"
    return f", large triangles those {side} this axis" if results.outliers else ""


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
        _JITTER,
        {"calculate": "((datum.trial * 0.754878) % 1) - 0.5", "as": "other"},
    ]
    encoding: Spec = {"x": first.encode(), "y": second.encode()}
    if second.categories:
        encoding["y"]["axis"] = {"labelLimit": 90}
        # Numbers grow upwards.
        encoding["y"]["scale"] = {"domain": list(second.categories[:: -1 if second.is_ordered else 1])}
    for axis, channel, name in ((first, "xOffset", "jitter"), (second, "yOffset", "other")):
        if axis.categories:
            encoding[channel] = _spread(name)
    encoding["tooltip"] = results.tooltip(first.name, second.name)
    point = mark("point", filled=True, size=70, opacity=0.95, stroke="var(--card)", strokeWidth=0.6, **OPENS)
    spec = chart(
        340,
        data={"name": "trials"},
        transform=transform,
        layer=[
            {
                "transform": [_LOST],
                "mark": mark("point", shape="cross", angle=45, size=40, color=MUTED, **OPENS),
                "encoding": encoding,
            },
            {
                "transform": [valid("value")],
                "mark": point,
                "encoding": {**encoding, "color": results.color(results.title), "order": best_last(results)},
            },
        ],
    )
    text = f"{first.name} and {second.name} of every trial, coloured by its result. Crosses: diverged or failed trials."
    fields = ("trial", "value", "state", first.name, second.name)
    return Figure("map", "The two that matter most, together", text, spec, fields, wide=True)


def _spread(field: str) -> Spec:
    """The channel that spreads the points of one value."""
    return {"field": field, "type": "quantitative", "scale": {"domain": [-0.9, 0.9]}}
