"""A parameter as an axis: of numbers, linear or logarithmic, or of the values that it took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.report.effects import is_number, spread_out, value_order
from fcsearch.report.page.charts.figure import number_axis, spans
from fcsearch.report.page.charts.grammar import Spec, nominal
from fcsearch.report.page.trials import PageTrials
from fcsearch.report.words import value_text

# Hyperparameters that act by their magnitude have a logarithmic axis once their values span more than this factor.
_LOG_SPAN = 20
_AXIS_LABELS = 8
# Characters of labels that fit side by side.
_LABEL_ROOM = 34


@dataclass(frozen=True)
class Axis:
    """A parameter as an axis.

    Attributes:
        name: The parameter's name.
        categories: Its values, if they are drawn one by one; none for an axis of numbers.
        log: Whether an axis of numbers is logarithmic.
        values: The values of all trials to which it applies.
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
        axis = {
            "labelAngle": -30 if self._is_crowded() else 0,
            "labelLimit": 90,
            "labelExpr": "split(datum.label, '_')",
            "grid": False,
            "labelOverlap": len(self.categories) > _AXIS_LABELS,
        }
        return {**nominal(self.name, self.name, scale={"domain": list(self.categories)}, axis=axis), **changes}

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
        """The labels of the axis, with their places."""
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
        words = [word for value in self.categories for word in value_text(value, 3).split("_")]
        return max(map(len, words)) * len(self.categories) > _LABEL_ROOM


def axis_of(name: str, trials: PageTrials, space: Mapping[str, Any]) -> Axis | None:
    """A parameter as an axis; None if no trial with a result has it."""
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
