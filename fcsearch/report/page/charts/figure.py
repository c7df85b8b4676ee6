"""What every chart of the page has: its data, the axis of results, how a trial reads when it is pointed at."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.report.words import plural

# A Vega-Lite specification, or a part of one: JSON.
Spec = dict[str, Any]

HEIGHT = 260
# Drawing more points than this is slow, and says no more.
MOST_DRAWN = 2000
_WHISKER = 1.5
# The page's own colours: they follow its theme, and what it is printed on.
ACCENT, SECOND, MUTED, INK, BAD = "var(--accent)", "var(--second)", "var(--muted)", "var(--ink)", "var(--bad)"
# From worst to best; legible to colour-blind readers on light and dark, since they differ in lightness.
SCALE = [f"var(--q{number})" for number in range(1, 7)]

STATES = ("complete", "stopped", "diverged", "failed")
RANKED = {"field": "value", "valid": True}

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, DejaVu Sans, sans-serif",
    "padding": 2,
    "view": {"stroke": None, "continuousHeight": HEIGHT},
    "axis": {
        "labelColor": MUTED, "titleColor": MUTED, "gridColor": "var(--line)", "domainColor": "var(--line)",
        "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "labelLimit": 130, "titlePadding": 8, "domain": False, "ticks": False, "labelPadding": 6,
    },
    "legend": {
        "labelColor": INK, "titleColor": MUTED, "orient": "top", "titleFontWeight": "normal", "labelFontSize": 12,
        "titleFontSize": 12, "symbolSize": 90, "columns": 3,
    },
    "title": {"color": INK},
    "text": {"color": INK},
    "line": {"strokeWidth": 2},
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A chart with what stands around it.

    Attributes:
        name: Of its element; no other figure of the page has it.
        title: Its heading.
        text: What it shows, for all who read it, and those to whom it is read.
        spec: The chart. Data of its own is inside; trials it has from the page by the name `trials`.
        fields: What it needs to know of each trial; none where its data is inside.
        most: The most trials to draw.
        wide: Whether it takes the whole width of the page.
    """

    name: str
    title: str
    text: str
    spec: Spec
    fields: tuple[str, ...] = ()
    most: int = MOST_DRAWN
    wide: bool = False

    def to_json(self) -> Spec:
        """What the page's script needs of it."""
        return {
            "spec": {"description": f"{self.title}. {self.text}", **self.spec},
            "fields": self.fields,
            "most": self.most,
        }


@dataclass(frozen=True)
class Results:
    """The results of a run's trials: how they read, and where an axis of them ends.

    Attributes:
        objective: What the run went by.
        values: Of the trials that have one.
    """

    objective: Objective
    values: tuple[float, ...]
    low: float = field(init=False)
    high: float = field(init=False)
    lowest: float = field(init=False)
    highest: float = field(init=False)

    def __post_init__(self) -> None:
        worst, best = self._bulk()
        for names, ends in (
            (("low", "high"), (worst, best)),
            (("lowest", "highest"), (min(self.values, default=0.0), max(self.values, default=1.0))),
        ):
            for name, end in zip(names, self._with_margin(*ends), strict=True):
                object.__setattr__(self, name, end)

    @property
    def outliers(self) -> int:
        """Trials so far from the rest that an axis with them would flatten it."""
        return sum(not self.low <= value <= self.high for value in self.values)

    @property
    def format(self) -> str:
        """How Vega writes a value."""
        return ".2%" if self.objective.unit == "fraction" else ",.5~r"

    @property
    def title(self) -> str:
        """Of an axis."""
        return f"validation {self.objective.title}"

    def axis(self, **changes: Any) -> Spec:
        """An axis of results; `zoomed` gives its chart the switch that moves its ends."""
        ends: Spec = {"domain": [self.low, self.high]}
        if self.outliers:
            ends = {
                "domainMin": {"expr": f"everything ? {self.lowest!r} : {self.low!r}"},
                "domainMax": {"expr": f"everything ? {self.highest!r} : {self.high!r}"},
            }
        return {
            "field": "value",
            "type": "quantitative",
            "title": self.title,
            "scale": {"zero": False, "nice": False, **ends},
            "axis": {"format": ".4~p" if self.objective.unit == "fraction" else ",.4~r", "tickCount": 6},
            **changes,
        }

    def zoomed(self, spec: Spec) -> Spec:
        """The chart with a switch for the outliers, where there are any."""
        if not self.outliers:
            return spec
        label = f"show {plural(self.outliers, 'trial')} beyond the axis"
        switch = {"name": "everything", "value": False, "bind": {"input": "checkbox", "name": label}}
        return {**spec, "params": [*spec.get("params", ()), switch]}

    def color(self, title: str) -> Spec:
        """Results as colours, the best the strongest."""
        scale = SCALE if self.objective.maximize else SCALE[::-1]
        return {
            "field": "value",
            "type": "quantitative",
            "title": title,
            "scale": {
                "type": "quantize",
                "domain": [self.low, self.high],
                "range": scale,
                "nice": False,
                "zero": False,
            },
            "legend": {"format": self.format, "type": "symbol", "columns": 6, "symbolType": "square"},
        }

    def tooltip(self, *parameters: str) -> list[Spec]:
        """What is said of a trial that is pointed at."""
        return [
            {"field": "trial", "title": "trial"},
            {"field": "value", "title": self.title, "format": self.format},
            {"field": "state", "title": "state"},
            *({"field": name, "title": name} for name in parameters),
        ]

    def _bulk(self) -> tuple[float, float]:
        gains = [self.objective.gain(value) for value in self.values]
        if len(gains) < 2:
            only = self.values[0] if self.values else 0.5
            return only, only
        lower, _, upper = statistics.quantiles(gains, n=4)
        worst = max(min(gains), lower - _WHISKER * (upper - lower))
        ends = (self.objective.gain(worst), self.objective.gain(max(gains)))
        return min(ends), max(ends)

    def _with_margin(self, low: float, high: float) -> tuple[float, float]:
        # Of a fraction no axis spans less than a point; of other figures it would hide what differs.
        least = 0.004 if self.objective.unit == "fraction" else 0.01 * max(abs(low), abs(high)) or 0.004
        margin = max(0.06 * (high - low), least)
        top = min(high + margin, 1 + margin / 2) if self.objective.unit == "fraction" else high + margin
        return low - margin, top


def inline(rows: Iterable[Mapping[str, Any]]) -> Spec:
    """Data inside a chart."""
    return {"values": [{name: value for name, value in row.items() if value is not None} for row in rows]}


def number_axis(name: str, title: str, values: Sequence[float], *, log: bool, **changes: Any) -> Spec:
    """An axis of numbers that ends where they do."""
    scale: Spec = {"zero": False, "nice": False, "padding": 8}
    if values:
        scale["domain"] = [min(values), max(values)]
    axis: Spec = {"tickCount": 5}
    if log:
        scale, axis = {**scale, "type": "log"}, {"tickCount": 4, "format": "~g"}
        del scale["zero"]
        if values and max(values) >= 1000:
            axis["format"] = "~s"
    elif values and max(map(abs, values)) >= 10_000:
        axis["format"] = "~s"
    return {"field": name, "type": "quantitative", "title": title, "scale": scale, "axis": axis, **changes}


def spans(values: Sequence[float], factor: float) -> bool:
    """Whether positive numbers span more than a factor, so that their axis had better be logarithmic."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > factor
