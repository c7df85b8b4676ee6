"""The winner: its figures side by side, and the classes that it confuses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.evaluation import Measurement
from fcsearch.evaluation.classification import Classification
from fcsearch.report.model import Report
from fcsearch.report.page.charts.figure import ACCENT, INK, MUTED, SECOND, Figure, Results
from fcsearch.report.page.charts.grammar import Spec, chart, either, inline, mark, nominal, tip, valid
from fcsearch.report.words import listing

# A matrix of more classes than the first is unreadable; with more than the second, its cells show no numbers.
MAX_MATRIX = 40
_MAX_NUMBERS = 20
_ROW = 26
# A baseline is drawn where the axis becomes at most twice as long by it.
_FAR = 1.0
# Sizes of the numbers in a matrix; pixels that a digit takes at the larger size.
_LARGE, _SMALL, _DIGIT = 12, 9, 8.5
# Characters of class names that fit side by side.
_NAME_ROOM = 30


def figures_chart(report: Report, results: Results) -> Figure | None:
    """The figures of the winner, of its alternatives and of the baseline, with their spread as far as it is known."""
    rows = list(_figures(report, results.objective))
    if len(rows) < 2:
        return None
    ends = _ends(rows)
    bases = list(_baselines(report))
    length = _FAR * (ends[1] - ends[0])
    near = [row for row in bases if ends[0] - length <= row["value"] <= ends[1] + length]
    far = [row for row in bases if row not in near]
    rows += near
    title, is_base = results.objective.title, "datum.kind == 'base'"
    scale = {"zero": False, "nice": False, "domain": list(results.around(_ends(rows)))}
    x = results.axis(title=title, scale=scale)
    spec = chart(
        30 * len(rows),
        data=inline(rows),
        encoding={
            "y": nominal("figure", sort=[row["figure"] for row in rows], axis={"labelLimit": 170}),
            "tooltip": [tip("figure", "figure"), tip("value", title, results.format), tip("spread", "spread")],
        },
        layer=[
            {
                "transform": [valid("low")],
                "mark": mark("rule", color=ACCENT, strokeWidth=3, opacity=0.45),
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": mark("point", filled=True, size=110, opacity=1),
                "encoding": {
                    "x": x,
                    "color": either(is_base, MUTED, ACCENT),
                    "shape": either(is_base, "diamond", "circle"),
                },
            },
        ],
    )
    confirmed = any(row["figure"] == "confirmed" for row in rows)
    deviation = "; for the confirmed figure, one standard deviation over the seeds" if confirmed else ""
    text = f"Lines are one standard error to each side{deviation}."
    if far:
        values = list(dict.fromkeys(results.objective.show(row["value"]) for row in far))
        which = f"baseline, {values[0]}, is" if len(values) == 1 else f"baselines, {listing(values)}, are"
        text += f" The {which} too far away to be drawn."
    return Figure("figures", "The figures side by side", text, spec)


def _ends(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    found = [row[end] for row in rows for end in ("low", "value", "high") if end in row]
    return min(found), max(found)


def _baselines(report: Report) -> Iterator[dict[str, Any]]:
    """The baselines of the rows whose figures are drawn."""
    measured = report.test.measurement
    known = {"validation": report.base_line, "test": measured.base_line if measured else None}
    for name, base in known.items():
        if base is not None:
            yield {"figure": f"{name}, baseline", "value": base.value, "spread": base.method, "kind": "base"}


def _figures(report: Report, objective: Objective) -> Iterator[dict[str, Any]]:
    winner = report.confirmation.winner if report.confirmation else None
    if winner is not None and winner.mean is not None:
        yield _figure("confirmed", winner.mean, winner.deviation, "standard deviation", objective)
    if report.dataset.folds and report.best:
        # What was measured is the network of the first fold alone.
        row = report.best.row
        mean, error = row[objective.column], row.get("val_standard_error")
        yield _figure(f"validation, {report.dataset.folds} folds", mean, error, "standard error", objective)
    elif report.validation:
        yield _measured("validation", report.validation, objective)
    if report.test.measurement:
        yield _measured("test", report.test.measurement, objective)
    for other in (report.ensemble, report.refit):
        if other and other.test:
            yield _measured(f"test, {other.model}", other.test, objective)


def _measured(name: str, found: Measurement, objective: Objective) -> dict[str, Any]:
    return _figure(name, found.value, found.standard_error, "standard error", objective)


def _figure(name: str, value: float, spread: float | None, kind: str, objective: Objective) -> dict[str, Any]:
    most = 1.0 if objective.unit == "fraction" else math.inf
    ends = {"low": value - spread, "high": min(value + spread, most)} if spread is not None else {}
    told = f"{kind} {objective.show_difference(spread)}" if spread is not None else "not known"
    return {"figure": name, "value": value, "spread": told, **ends}


def confusion_chart(found: Classification, place: str) -> Figure | None:
    """Which classes are taken for which on the rows of a `place`; None where there are too many to be shown so."""
    names = [entry.name for entry in found.classes]
    if len(names) > MAX_MATRIX:
        return None
    cells: list[dict[str, Any]] = [
        {"class": actual, "taken for": predicted, "rows": count, "share": count / max(sum(row), 1)}
        for actual, row in zip(names, found.confusion, strict=True)
        for predicted, count in zip(names, row, strict=True)
    ]
    wrong = max((cell["share"] for cell in cells if cell["class"] != cell["taken for"]), default=0.0) or 1.0
    for cell in cells:
        cell |= {"share": round(cell["share"], 4), "right": cell["class"] == cell["taken for"]}
    shade = f"datum.right ? 0.12 + 0.68 * datum.share : datum.rows ? 0.15 + 0.6 * datum.share / {wrong} : 0"
    angle = -45 if max(map(len, names)) * len(names) > _NAME_ROOM else 0
    axis = {"labelLimit": 90, "labelAngle": angle, "orient": "top", "grid": False}
    # Where the cells are too narrow for the numbers, they are small, or only in the tooltip.
    digits = len(f"{max(map(max, found.confusion)):,}")
    size = f"width / {len(names)} > {_DIGIT * digits} ? {_LARGE} : {_SMALL}"
    room = f"width / {len(names)} > {_SMALL / _LARGE * _DIGIT * digits} ? 1 : 0"
    legible = either("datum.right && datum.share > 0.7", "var(--on-accent)", INK)
    numbers = {
        "mark": mark("text", fontSize={"expr": size}, opacity={"expr": room}, aria=False),
        "transform": [{"filter": "datum.rows"}],
        "encoding": {"text": {"field": "rows", "format": ",d"}, "color": legible},
    }
    shaded: Spec = {"field": "shade", "type": "quantitative", "scale": None, "legend": None}
    squares = {
        "mark": mark("rect", cornerRadius=2, aria=False, stroke="var(--line)", strokeWidth=0.5),
        "encoding": {"color": either("datum.right", ACCENT, SECOND), "fillOpacity": shaded},
    }
    spec = chart(
        _ROW * len(names),
        data=inline(cells),
        transform=[{"calculate": shade, "as": "shade"}],
        encoding={
            "x": nominal("taken for", "taken for", sort=None, axis=axis),
            "y": nominal("class", "class", sort=None, axis={"labelLimit": 120}),
            "tooltip": [tip("class"), tip("taken for"), tip("rows", form=",d"), tip("share", "of its rows", ".1%")],
        },
        layer=[squares, *([numbers] if len(names) <= _MAX_NUMBERS else [])],
    )
    text = f"{place.capitalize()} rows by their class and by what the network takes them for."
    return Figure("confusion", "Which classes are taken for which", text, spec)
