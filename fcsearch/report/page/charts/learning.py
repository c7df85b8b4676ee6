"""The learning curves of the winner, and of any other trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.report.page.charts.figure import (
    ACCENT,
    EPOCHS,
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

# Losses that span more than this factor have a logarithmic axis.
_LOG_SPAN = 10
_DECADES = 300
# The first part of a curve, in which it rises, may lie beyond the axis.
_RISEN = 0.2


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
        "encoding": {"x": EPOCHS, "y": y, "tooltip": tip},
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
    spec: Spec = {
        "width": "container",
        "height": 280,
        "encoding": {
            "x": EPOCHS,
            "y": loss_axis("loss", [row["value"] for row in rows]),
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
    text = "Only the training loss includes dropout and label smoothing, so it may lie above the validation loss."
    return Figure("losses", "Its loss", text, spec)


def loss_axis(title: str, values: Sequence[float]) -> Spec:
    """An axis of losses: logarithmic if they span much; they may be 0."""
    above = [value for value in values if value > 0]
    scale: Spec = {"zero": False, "padding": 6}
    axis: Spec = {"tickCount": 5, "format": "~g"}
    if spans(above, _LOG_SPAN):
        scale = {"type": "log", "nice": False, "padding": 6}
        axis = {"values": round_numbers(min(above), max(above)), "format": "~g"}
        if len(above) < len(values):
            scale = {"type": "symlog", "constant": max(min(above), max(above) / 1000), "nice": False}
            axis["values"] = [0, *axis["values"]]
    return {"field": "value", "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers 1, 2 and 5 times a power of ten from one to another; of more than two decades the powers alone."""
    steps = (1, 2, 5) if high / low < _DECADES else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return [number for number in found if low <= number <= high]


def trial_chart(results: Results) -> Spec:
    """The curve of the trial that a reader opens; its data come from the page by the name `curve`."""
    spec: Spec = {
        "data": {"name": "curve"},
        "width": "container",
        "height": 220,
        "mark": {"type": "line", "point": {"filled": True, "size": 22}},
        "encoding": {
            "x": EPOCHS,
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
            "x": EPOCHS,
            "y": None,
            "tooltip": {"value": f"best epoch: {epoch}"},
        },
    }
    return [rule]


def zoomed_results(results: Results, curves: Sequence[Row], rows: Sequence[Row]) -> Results:
    """The results with an axis for curves, some of which must be visible once they have risen.

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
