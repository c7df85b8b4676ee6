"""The comparisons that a space was made for: a parameter's values by their best curves, dropout by its effect."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.report.effects import is_number, partition
from fcsearch.report.page.charts.figure import EPOCHS, Figure, Results, by_category
from fcsearch.report.page.charts.grammar import OPENS, Spec, chart, inline, mark, quantity, tip
from fcsearch.report.page.charts.learning import Curve, loss_axis, zoomed_results
from fcsearch.report.page.trials import PageTrials
from fcsearch.report.words import listing, plural, value_text

# Parameters whose values are compared by their curves, and the title of each chart.
_BY_CURVES = {"update_rule": "Update rules, each at its best", "depth": "Depths, each at its best"}
_MOST_LINES = 8
# By what dropout is told apart.
_WIDTHS = ("hidden_dim", "hidden_dims")
_MOST_POINTS = 800
# A median of fewer trials says little.
_FEWEST = 3
# Of the axis.
_JITTER = 0.08


def compared_trials(trials: PageTrials) -> list[int]:
    """The trials whose curves are compared, so that the page has them: the best of each value."""
    return [trial for name in _BY_CURVES for trial in _best_of(name, trials).values()]


def comparison_charts(trials: PageTrials, curves: Mapping[int, Curve], results: Results) -> list[Figure]:
    """The comparisons that the run's parameters allow."""
    charts: list[Figure | None] = []
    for name, title in _BY_CURVES.items():
        best = _best_of(name, trials)
        if len(best) > 1:
            charts.append(_curves_chart(name, title, best, curves, results))
            charts.append(_loss_chart(name, best, curves))
    if "gap" in trials.columns:
        width = next((name for name in _WIDTHS if name in trials.parameters), None)
        by = [name for name in (width, "depth") if name and name in trials.parameters]
        charts += [_gap_chart(name, trials, results) for name in by] or [_gap_chart(None, trials, results)]
    return [chart for chart in charts if chart is not None]


def _best_of(name: str, trials: PageTrials) -> dict[Any, int]:
    """The best trial of each value of a parameter."""
    best: dict[Any, int] = {}
    if name in trials.parameters:
        for row in trials.rows("trial", name, ranked=True):
            if row[name] is not None:
                best.setdefault(row[name], row["trial"])
    values = sorted(best, key=lambda value: (not is_number(value), value))
    return {value: best[value] for value in values[:_MOST_LINES]}


def _curves_chart(
    name: str, title: str, best: Mapping[Any, int], curves: Mapping[int, Curve], results: Results
) -> Figure | None:
    rows = _rows(name, best, curves, "value")
    if not rows:
        return None
    zoom = zoomed_results(results, rows, rows)
    y = zoom.axis(title=results.title)
    spec = _lines(rows, name, y, zoom.format)
    named = listing([f"{value_text(value)} (trial {trial})" for value, trial in best.items()])
    text = f"Validation curves of the best trial of each {name}: {named}."
    return Figure(f"compare-{name}", title, text, zoom.zoomed(spec, "point"))


def _loss_chart(name: str, best: Mapping[Any, int], curves: Mapping[int, Curve]) -> Figure | None:
    rows = _rows(name, best, curves, "training_loss")
    if not rows:
        return None
    y = loss_axis("training loss", [row["value"] for row in rows])
    text = "The training loss of the same trials: which one fits the training rows soonest."
    return Figure(f"compare-{name}-loss", f"Their training loss, by {name}", text, _lines(rows, name, y, ".4~g"))


def _rows(name: str, best: Mapping[Any, int], curves: Mapping[int, Curve], column: str) -> list[dict[str, Any]]:
    return [
        {name: value_text(value), "trial": trial, "epoch": epoch, "value": found}
        for value, trial in best.items()
        if trial in curves
        for epoch, found in zip(curves[trial]["epoch"], curves[trial].get(column, ()), strict=False)
        if found is not None
    ]


def _lines(rows: Sequence[dict[str, Any]], name: str, y: Spec, form: str) -> Spec:
    values = list(dict.fromkeys(row[name] for row in rows))
    told = [tip(name), tip("trial"), tip("epoch"), tip("value", y["title"], form)]
    return chart(
        280,
        data=inline(rows),
        mark=mark("line", clip=True, strokeWidth=2.2, point={"filled": True, "size": 20}, cursor="pointer"),
        encoding={"x": EPOCHS, "y": y, **by_category(name, values, dashes=True), "tooltip": told},
    )


def _gap_chart(name: str | None, trials: PageTrials, results: Results) -> Figure | None:
    """Dropout against the gap between training and validation, told apart by another parameter."""
    fields = ("trial", "state", "dropout", "gap", *([name] if name else []))
    known = [
        row
        for row in trials.rows(*fields, ranked=True)
        if row["dropout"] is not None and row["gap"] is not None and (name is None or row[name] is not None)
    ]
    groups = partition(known, name) if name else [("all", list(range(len(known))))]
    dropouts = [row["dropout"] for row in known]
    span = max(dropouts, default=0.0) - min(dropouts, default=0.0)
    rows: list[dict[str, Any]] = []
    medians: list[dict[str, Any]] = []
    for label, places in groups:
        of_group = [known[place] for place in places]
        rows += [_point(row, label, span) for row in of_group]
        medians += _medians(of_group, label)
    if not span or not medians:
        return None
    step = -(-len(rows) // _MOST_POINTS)
    text = f"The gap at each trial's best epoch ({plural(len(rows), 'trial')}); lines join the medians."
    if step > 1:
        text += f" {len(rows[::step]):,} points are drawn."
    y = _gap_axis([row["gap"] for row in rows], results.objective.own)
    color = by_category("by", [label for label, _ in groups], title=name, dashes=False)
    form = ".2%" if results.objective.own.unit == "fraction" else ",.4~r"
    spec = chart(280, layer=_gap_layers(rows[::step], medians, {"y": y, **color}, by=name or "of", form=form))
    title = f"Dropout against the gap{f', by {name}' if name else ''}"
    return Figure(f"gap-{name or 'all'}", title, text, spec)


def _gap_axis(gaps: Sequence[float], own: Objective) -> Spec:
    sides = "training less validation" if own.maximize else "validation less training"
    scale = {"zero": True, "domain": _bulk(gaps)}
    form = ".1%" if own.unit == "fraction" else ",.4~r"
    return quantity("gap", f"{own.title}, {sides}", scale=scale, axis={"format": form, "tickCount": 6})


def _gap_layers(
    points: Sequence[dict[str, Any]], medians: Sequence[dict[str, Any]], shared: Spec, *, by: str, form: str
) -> list[Spec]:
    """Trials as points, and the lines that join the medians of their groups."""
    scale, axis = {"nice": False, "padding": 14}, {"grid": False, "tickCount": 6}
    x = quantity("dropout", "dropout", scale=scale, axis=axis)
    of_point = [tip("trial"), tip("state"), tip("dropout", form=".3~g"), tip("gap", form=form), tip("by", by)]
    middle = tip("dropout", "dropout, median", ".3~g"), tip("gap", "gap, median", form)
    return [
        {
            "data": inline(points),
            "mark": mark("point", filled=True, size=22, opacity=0.35, clip=True, **OPENS),
            "encoding": {**shared, "x": {**x, "field": "place"}, "tooltip": of_point},
        },
        {
            "data": inline(medians),
            "mark": mark("line", strokeWidth=2.4, clip=True, point={"filled": True, "size": 50}),
            "encoding": {**shared, "x": x, "tooltip": [tip("by", by), tip("trials"), *middle]},
        },
    ]


def _medians(rows: Sequence[Mapping[str, Any]], label: str) -> Iterator[dict[str, Any]]:
    """The median gap of each dropout, or range of it, that enough trials have."""
    for _, places in partition(rows, "dropout"):
        if len(places) >= _FEWEST:
            middle = {key: statistics.median(rows[place][key] for place in places) for key in ("dropout", "gap")}
            yield {**middle, "by": label, "trials": len(places)}


def _point(row: Mapping[str, Any], label: str, span: float) -> dict[str, Any]:
    """A trial as a point, slightly moved, so that trials with the same value do not hide each other."""
    place = row["dropout"] + _JITTER * span * ((row["trial"] * 0.618034) % 1 - 0.5)
    return {**{key: row[key] for key in ("trial", "state", "dropout", "gap")}, "place": round(place, 4), "by": label}


def _bulk(values: Sequence[float]) -> list[float]:
    """The ends of an axis that leaves out the few outliers."""
    low, *_, high = statistics.quantiles(values, n=50) if len(values) > 1 else (values[0], values[0])
    margin = 0.1 * (high - low) or 0.01
    return [min(0.0, low - margin), max(0.0, high + margin)]
