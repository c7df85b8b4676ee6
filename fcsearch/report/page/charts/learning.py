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
    spans,
)
from fcsearch.report.page.charts.grammar import Spec, chart, inline, kinds, mark, quantity, tip
from fcsearch.report.words import plural

Curve = Mapping[str, Sequence[Any]]
Row = Mapping[str, Any]

_LINES, _COLORS, _DASHES = ("validation", "training"), (ACCENT, SECOND), ([1, 0], [5, 4])
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
    title = results.objective.title
    grey = {
        "data": inline(others),
        "mark": mark("line", clip=True, interpolate="linear", strokeWidth=1, opacity=0.4, color=MUTED),
        "encoding": {"detail": {"field": "trial"}},
    }
    lines = _own_lines([*training, *own], _LINES if training else _LINES[:1], clip=True, interpolate="linear")
    told = [tip("trial"), tip("epoch"), tip("value", title, zoom.format)]
    spec = chart(
        280,
        encoding={"x": EPOCHS, "y": zoom.axis(title=title), "tooltip": told},
        layer=[*([grey] if others else []), *_best_epoch(best_epoch), lines],
    )
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
    y, told = (
        loss_axis("loss", [row["value"] for row in rows]),
        [tip("line"), tip("epoch"), tip("value", "loss", ".4~g")],
    )
    lines = _own_lines(rows, _LINES)
    spec = chart(280, encoding={"x": EPOCHS, "y": y, "tooltip": told}, layer=[*_best_epoch(best_epoch), lines])
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
    return quantity("value", title, scale=scale, axis=axis)


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers 1, 2 and 5 times a power of ten from one to another; of more than two decades the powers alone."""
    steps = (1, 2, 5) if high / low < _DECADES else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return [number for number in found if low <= number <= high]


def trial_chart(results: Results) -> Spec:
    """The curve of the trial that a reader opens; its data come from the page by the name `curve`."""
    return chart(
        220,
        data={"name": "curve"},
        mark=mark("line", point={"filled": True, "size": 22}),
        encoding={
            "x": EPOCHS,
            "y": results.axis(title=results.objective.title, scale={"zero": False, "padding": 6}),
            "color": kinds("line", _LINES, _COLORS, legend=LINE_LEGEND),
            "tooltip": [tip("line"), tip("epoch"), tip("value", form=results.format)],
        },
        description="The trial's learning curve",
    )


def _points(trial: int, curve: Curve, name: str) -> list[dict[str, Any]]:
    pairs = zip(curve["epoch"], curve.get(name, ()), strict=False)
    return [{"trial": trial, "epoch": epoch, "value": value} for epoch, value in pairs if value is not None]


def _best_epoch(epoch: int | None) -> list[Spec]:
    if epoch is None:
        return []
    rule = mark("rule", color=INK, strokeDash=[2, 3], tooltip=None)
    encoding = {"x": EPOCHS, "y": None, "tooltip": {"value": f"best epoch: {epoch}"}}
    return [{"data": inline([{"epoch": epoch}]), "mark": rule, "encoding": encoding}]


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


def _own_lines(rows: Sequence[Row], lines: Sequence[str], **looks: Any) -> Spec:
    """The lines of one trial, told apart by their colours and dashes."""
    return {
        "data": inline(rows),
        "mark": mark("line", point={"filled": True, "size": 26}, strokeWidth=2.4, **looks),
        "encoding": {
            "color": kinds("line", lines, _COLORS[: len(lines)], legend=LINE_LEGEND),
            "strokeDash": kinds("line", lines, _DASHES[: len(lines)], legend=LINE_LEGEND),
        },
    }
