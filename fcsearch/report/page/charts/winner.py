"""What won: its figures beside each other, which classes it confuses, how it learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.evaluation import Measurement
from fcsearch.evaluation.classification import Classification
from fcsearch.report.model import Report
from fcsearch.report.page.charts.figure import (
    ACCENT,
    INK,
    LINE_LEGEND,
    MUTED,
    SECOND,
    Figure,
    Results,
    Spec,
    inline,
    spans,
)
from fcsearch.report.words import plural

Curve = Mapping[str, Sequence[Any]]
Row = Mapping[str, Any]

# A matrix of more classes than this is no longer read as one; of more than the second, its cells hold no numbers.
MAX_MATRIX = 40
_MAX_NUMBERS = 20
_ROW = 26
# Characters of class names that fit side by side.
_NAME_ROOM = 30
# Losses that span more than this factor have a logarithmic axis.
_LOG_SPAN = 10
# The first part of a curve, in which it rises, may lie beyond the axis.
_RISEN = 0.2
_SPLITS = {"val": "validation", "test": "test"}


def figures_chart(report: Report, results: Results) -> Figure | None:
    """The winner's figures, what could be used in its place, and the base line, with what is known of their spread."""
    rows = list(_figures(report, results.objective))
    if len(rows) < 2:
        return None
    order = [row["figure"] for row in rows]
    y = {"field": "figure", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 170}}
    x = {**results.axis(), "title": results.objective.title, "scale": {"zero": False, "padding": 16}}
    tip = [
        {"field": "figure", "title": "figure"},
        {"field": "value", "title": results.objective.title, "format": results.format},
        {"field": "spread", "title": "spread"},
    ]
    spec: Spec = {
        "data": inline(rows),
        "width": "container",
        "height": 30 * len(rows),
        "encoding": {"y": y, "tooltip": tip},
        "layer": [
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 3, "opacity": 0.45},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {
                    "x": x,
                    "color": {"condition": {"test": "datum.kind == 'base'", "value": MUTED}, "value": ACCENT},
                    "shape": {"condition": {"test": "datum.kind == 'base'", "value": "diamond"}, "value": "circle"},
                },
            },
        ],
    }
    text = "Lines are one standard error to each side; of the confirmed figure, one standard deviation over the seeds."
    if report.base_line:
        text += f" The base line, {results.objective.show(report.base_line.value)}, is not in the picture."
    return Figure("figures", "The figures beside each other", text, spec)


def _figures(report: Report, objective: Objective) -> Iterator[dict[str, Any]]:
    winner = report.confirmation.winner if report.confirmation else None
    if winner is not None and winner.mean is not None:
        yield _figure("confirmed", winner.mean, winner.deviation, "standard deviation", objective)
    if report.validation:
        yield _measured("validation", report.validation, objective)
    if report.test.measurement:
        yield _measured("test", report.test.measurement, objective)
    for other in (report.ensemble, report.refit):
        if other and other.test:
            yield _measured(f"test, {other.model}", other.test, objective)


def _measured(name: str, found: Measurement, objective: Objective) -> dict[str, Any]:
    return _figure(name, found.value, found.standard_error, "standard error", objective)


def _figure(name: str, value: float, spread: float | None, kind: str, objective: Objective) -> dict[str, Any]:
    ends = {"low": value - spread, "high": value + spread} if spread is not None else {}
    told = f"{kind} {objective.show_difference(spread)}" if spread is not None else "not known"
    return {"figure": name, "value": value, "spread": told, **ends}


def confusion_chart(found: Classification, split: str) -> Figure | None:
    """Which classes are taken for which; None where there are too many to be shown so."""
    names = [entry.name for entry in found.classes]
    if len(names) > MAX_MATRIX:
        return None
    cells = [
        {
            "class": actual,
            "taken for": predicted,
            "rows": count,
            "share": round(count / max(sum(row), 1), 4),
            "right": actual == predicted,
        }
        for actual, row in zip(names, found.confusion, strict=True)
        for predicted, count in zip(names, row, strict=True)
    ]
    shares = [
        count / max(sum(row), 1)
        for place, row in enumerate(found.confusion)
        for other, count in enumerate(row)
        if place != other
    ]
    wrong = max(shares, default=0.0) or 1.0
    shade = f"datum.right ? 0.12 + 0.68 * datum.share : datum.rows ? 0.15 + 0.6 * datum.share / {wrong} : 0"
    axis = {
        "labelLimit": 90,
        "labelAngle": -45 if max(map(len, names)) * len(names) > _NAME_ROOM else 0,
        "orient": "top",
        "grid": False,
    }
    numbers = {
        "mark": {"type": "text", "fontSize": 12, "aria": False},
        "transform": [{"filter": "datum.rows"}],
        "encoding": {
            "text": {"field": "rows", "format": ",d"},
            "color": {
                "condition": {"test": "datum.right && datum.share > 0.7", "value": "var(--on-accent)"},
                "value": INK,
            },
        },
    }
    spec: Spec = {
        "data": inline(cells),
        "width": "container",
        "height": _ROW * len(names),
        "transform": [{"calculate": shade, "as": "shade"}],
        "encoding": {
            "x": {"field": "taken for", "type": "nominal", "sort": None, "title": "taken for", "axis": axis},
            "y": {"field": "class", "type": "nominal", "sort": None, "title": "class", "axis": {"labelLimit": 120}},
            "tooltip": [
                {"field": "class"},
                {"field": "taken for"},
                {"field": "rows", "format": ",d"},
                {"field": "share", "title": "of its rows", "format": ".1%"},
            ],
        },
        "layer": [
            {
                "mark": {"type": "rect", "cornerRadius": 2, "aria": False, "stroke": "var(--line)", "strokeWidth": 0.5},
                "encoding": {
                    "color": {"condition": {"test": "datum.right", "value": ACCENT}, "value": SECOND},
                    "fillOpacity": {"field": "shade", "type": "quantitative", "scale": None, "legend": None},
                },
            },
            *([numbers] if len(names) <= _MAX_NUMBERS else []),
        ],
    }
    text = f"{_SPLITS.get(split, split).capitalize()} rows by their class and by what the network takes them for."
    return Figure("confusion", "Which classes are taken for which", text, spec)


def curves_chart(curves: Mapping[int, Curve], winner: int, best_epoch: int | None, results: Results) -> Figure | None:
    """The winner's learning curve, its best epoch marked, among those of the other best trials."""
    if winner not in curves:
        return None
    others = [row for trial, curve in curves.items() if trial != winner for row in _points(trial, curve, "value")]
    own = [{**row, "line": "validation"} for row in _points(winner, curves[winner], "value")]
    training = [{**row, "line": "training"} for row in _points(winner, curves[winner], "training")]
    zoom = zoomed_results(results, [*own, *training], [*own, *training, *others])
    tip = [
        {"field": "trial"},
        {"field": "epoch"},
        {"field": "value", "title": results.objective.title, "format": zoom.format},
    ]
    x = {"field": "epoch", "type": "quantitative", "title": "epoch", "axis": {"tickMinStep": 1, "grid": False}}
    y = zoom.axis(title=results.objective.title)
    mark = {"type": "line", "clip": True, "interpolate": "linear"}
    grey: Spec = {
        "data": inline(others),
        "mark": {**mark, "strokeWidth": 1, "opacity": 0.4, "color": MUTED},
        "encoding": {"detail": {"field": "trial"}},
    }
    spec: Spec = {
        "width": "container",
        "height": 280,
        "encoding": {"x": x, "y": y, "tooltip": tip},
        "layer": [
            *([grey] if others else []),
            *_best_epoch(best_epoch),
            {
                "data": inline([*training, *own]),
                "mark": {**mark, "point": {"filled": True, "size": 26}, "strokeWidth": 2.4},
                "encoding": {
                    "color": _line_color(["validation", "training"] if training else ["validation"]),
                    "strokeDash": _line_dash(["validation", "training"] if training else ["validation"]),
                },
            },
        ],
    }
    beside = f", grey: {plural(len(curves) - 1, 'other trial')} of the best" if len(curves) > 1 else ""
    text = f"Trial {winner} by epoch{beside}. The vertical line is its best epoch, whose weights were kept."
    return Figure("curves", "How it learned", text, zoom.zoomed(spec, "point"))


def loss_chart(curve: Curve, winner: int, best_epoch: int | None) -> Figure | None:
    """The winner's losses by epoch."""
    rows = [
        {**row, "line": line}
        for line, name in (("validation", "loss"), ("training", "training_loss"))
        for row in _points(winner, curve, name)
    ]
    if not rows:
        return None
    scale = loss_scale([row["value"] for row in rows])
    spec: Spec = {
        "width": "container",
        "height": 280,
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "epoch",
                "axis": {"tickMinStep": 1, "grid": False},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": "loss",
                "scale": scale,
                "axis": {"tickCount": 5, "format": "~g"},
            },
            "tooltip": [{"field": "line"}, {"field": "epoch"}, {"field": "value", "title": "loss", "format": ".4~g"}],
        },
        "layer": [
            *_best_epoch(best_epoch),
            {
                "data": inline(rows),
                "mark": {"type": "line", "point": {"filled": True, "size": 26}, "strokeWidth": 2.4},
                "encoding": {
                    "color": _line_color(["validation", "training"]),
                    "strokeDash": _line_dash(["validation", "training"]),
                },
            },
        ],
    }
    text = "Training loss has dropout and label smoothing, validation loss has not: the former may lie above."
    return Figure("losses", "Its loss", text, spec)


def loss_scale(values: Sequence[float]) -> Spec:
    """A logarithmic scale where losses span much; they may be 0."""
    above = [value for value in values if value > 0]
    if not spans(above, _LOG_SPAN):
        return {"zero": False, "padding": 6}
    if len(above) == len(values):
        return {"type": "log", "nice": False, "padding": 6}
    return {"type": "symlog", "constant": max(min(above), max(above) / 1000), "nice": False}


def trial_chart(results: Results) -> Spec:
    """The curve of the trial that a reader opens; its data come from the page by the name `curve`."""
    spec: Spec = {
        "data": {"name": "curve"},
        "width": "container",
        "height": 220,
        "mark": {"type": "line", "point": {"filled": True, "size": 22}},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "epoch",
                "axis": {"tickMinStep": 1, "grid": False},
            },
            "y": {**results.axis(title=results.objective.title), "scale": {"zero": False, "padding": 6}},
            "color": _line_color(["validation", "training"]),
            "tooltip": [{"field": "line"}, {"field": "epoch"}, {"field": "value", "format": results.format}],
        },
        "description": "The trial's learning curve",
    }
    return spec


def _points(trial: int, curve: Curve, name: str) -> list[dict[str, Any]]:
    pairs = zip(curve["epoch"], curve.get(name, ()), strict=False)
    return [{"trial": trial, "epoch": epoch, "value": value} for epoch, value in pairs if value is not None]


def _best_epoch(epoch: int | None) -> list[Spec]:
    if epoch is None:
        return []
    rule: Spec = {
        "data": inline([{"epoch": epoch}]),
        "mark": {"type": "rule", "color": INK, "strokeDash": [2, 3], "tooltip": None},
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative"},
            "y": None,
            "tooltip": {"value": f"best epoch: {epoch}"},
        },
    }
    return [rule]


def zoomed_results(results: Results, curves: Sequence[Row], rows: Sequence[Row]) -> Results:
    """The results of rows of curves, of which some must be seen from where they have risen.

    Args:
        results: Those of the run.
        curves: Rows of the curves that must be seen, each with `epoch` and `value`.
        rows: All rows.
    """
    last = max((row["epoch"] for row in curves), default=0)
    risen = [row["value"] for row in curves if row["epoch"] > _RISEN * last] or [row["value"] for row in curves]
    worst = min(risen, key=results.objective.gain, default=None)
    return Results(results.objective, tuple(row["value"] for row in rows), worst)


def _line_dash(lines: Sequence[str]) -> Spec:
    domain = {"domain": list(lines), "range": [[1, 0], [5, 4]][: len(lines)]}
    return {"field": "line", "title": None, "scale": domain, "legend": LINE_LEGEND}


def _line_color(lines: Sequence[str]) -> Spec:
    return {
        "field": "line",
        "type": "nominal",
        "title": None,
        "legend": LINE_LEGEND,
        "scale": {"domain": list(lines), "range": [ACCENT, SECOND][: len(lines)]},
    }
