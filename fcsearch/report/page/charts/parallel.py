"""Every trial as a line across its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.report.model import Effect
from fcsearch.report.page.charts.axis import axis_of
from fcsearch.report.page.charts.figure import ACCENT, MUTED, Figure, Results
from fcsearch.report.page.charts.grammar import OPENS, Spec, inline, mark
from fcsearch.report.page.trials import PageTrials

_MOST_LINES = 400
_MOST_AXES = 8
# Pixels.
_LABEL_LIMIT = 72
_AXIS: Spec = {
    "labelLimit": _LABEL_LIMIT, "labelFontSize": 11, "labelPadding": 3, "grid": False, "domain": True,
    "domainColor": MUTED, "domainWidth": 1.5, "titleAngle": 0, "titleAlign": "center", "titleAnchor": "start",
    "titleX": 0, "titleFontWeight": "bold", "titleFontSize": 11, "zindex": 1,
}  # fmt: skip


def parallel_chart(
    effects: Sequence[Effect], trials: PageTrials, space: Mapping[str, Any], results: Results
) -> Figure | None:
    """Every trial as a line across its parameters; a range drawn on an axis keeps the lines that pass through it."""
    axes = [axis for effect in effects if (axis := axis_of(effect.parameter, trials, space)) is not None][:_MOST_AXES]
    if len(axes) < 2:
        return None
    names = [axis.name for axis in axes]
    (low, high), rows = results.ends, []
    # Its ends have labels: no share is above 1.
    high = min(high, 1.0) if results.objective.unit == "fraction" else high
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
        "Each line is a trial, coloured by its result. Drag along one or more axes to keep only the lines that pass "
        "there; double-click to reset. A line below an axis: the parameter does not apply."
    )
    room = tuple(min(_LABEL_LIMIT, 7 * _longest(axis.labels())) for axis in axes)
    return Figure("parallel", "All of them side by side", text, spec, wide=True, labels=room)


def _between(
    number: int, titles: Sequence[str], labels: Sequence[tuple[float, str]], results: Results, count: int
) -> Spec:
    """An axis, and the lines to the next one."""
    last = number == count - 1
    told = " : ".join(f"abs(datum.value - {place}) < 0.002 ? {_lines(text)}" for place, text in labels) + " : ''"
    scale = {"domain": [-0.1, 1.04], "nice": False, "zero": False}
    axis = {
        "values": [place for place, _ in labels],
        "labelExpr": told,
        "title": titles[number].split("_") if "_" in titles[number] else titles[number],
        "titleY": -22 if "_" in titles[number] else -10,
        **_AXIS,
    }
    kept = {"test": {"and": [{"param": f"range{other}"} for other in range(count)]}}
    encoding: Spec = {
        "y": {"field": f"p{number}", "type": "quantitative", "scale": scale, "axis": axis},
        "x": {"value": 0},
        "color": {"condition": {**kept, **results.color(results.title), "legend": None}, "value": "var(--line)"},
        "opacity": {"condition": {**kept, "value": 0.75}, "value": 0.15},
        "tooltip": results.tooltip(),
    }
    looks = mark("point", filled=True, size=14, **OPENS) if last else mark("rule", strokeWidth=1.3, **OPENS)
    if not last:
        encoding |= {"x2": {"value": "width"}, "y2": {"field": f"p{number + 1}"}}
    brush = {"fill": ACCENT, "fillOpacity": 0.15, "stroke": ACCENT}
    select = {"type": "interval", "encodings": ["y"], "mark": brush}
    params = [{"name": f"range{number}", "select": select}]
    return {"width": 44 if last else 90, "height": 300, "params": params, "mark": looks, "encoding": encoding}


def _few(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many trials as can be drawn: half of them the best, the others evenly thinned."""
    if len(rows) <= _MOST_LINES:
        return list(rows)
    half = _MOST_LINES // 2
    return [*rows[:half], *rows[half :: -(-(len(rows) - half) // half)]]


def _result_text(results: Results, value: float) -> str:
    return f"{100 * value:.1f}%" if results.objective.unit == "fraction" else results.objective.show(value)


def _longest(labels: Sequence[tuple[float, str]]) -> int:
    """Characters of the longest label; a label with underscores has one line per part."""
    return max(len(word) for _, text in labels for word in text.split("_"))


def _lines(text: str) -> str:
    """A label as a Vega expression: words joined by underscores go on separate lines."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"split('{quoted}', '_')"
