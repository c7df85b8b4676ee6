"""The grammar of charts: Vega-Lite's charts, marks, channels and tooltips, each in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# A Vega-Lite specification, or a part of one: JSON.
Spec = dict[str, Any]

# A mark that opens its trial when it is clicked. Screen readers have the text of the chart.
OPENS: Spec = {"cursor": "pointer", "aria": False}


def chart(height: int, **parts: Any) -> Spec:
    """A chart of so many pixels, as wide as its place."""
    return {"width": "container", "height": height, **parts}


def mark(kind: str, **looks: Any) -> Spec:
    """A mark of a kind, such as `point`."""
    return {"type": kind, **looks}


def quantity(field: str, title: str | None, **changes: Any) -> Spec:
    """A channel of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **changes}


def nominal(field: str, title: str | None = None, **changes: Any) -> Spec:
    """A channel of kinds."""
    return {"field": field, "type": "nominal", "title": title, **changes}


def kinds(field: str, values: Iterable[str], looks: Iterable[Any], **changes: Any) -> Spec:
    """A channel in which each value of a field has a look of its own."""
    return nominal(field, scale={"domain": list(values), "range": list(looks)}, **changes)


def either(test: str, then: Any, other: Any) -> Spec:
    """A channel of two values, by a test of each datum."""
    return {"condition": {"test": test, "value": then}, "value": other}


def tip(field: str, title: str | None = None, form: str | None = None) -> Spec:
    """An entry of a tooltip."""
    return {"field": field, **({"title": title} if title else {}), **({"format": form} if form else {})}


def valid(*names: str) -> Spec:
    """The transform that leaves out what lacks one of these fields."""
    return {"filter": " && ".join(f"isValid(datum.{name})" for name in names)}


def inline(rows: Iterable[Mapping[str, Any]]) -> Spec:
    """Data inside a chart."""
    return {"values": [{name: value for name, value in row.items() if value is not None} for row in rows]}
