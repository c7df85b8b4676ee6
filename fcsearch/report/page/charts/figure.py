"""What every chart of the page shares: its data, the axis of results, and the tooltip of a trial."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.report.page.charts.grammar import Spec, either, nominal, quantity, tip
from fcsearch.report.words import plural

HEIGHT = 260
# Drawing more points than this is slow, and shows no more.
MOST_DRAWN = 2000
_WHISKER = 1.5
_NOT_MUCH_LONGER = 2
_MARGIN = 0.06
# A logarithmic axis that spans at most this factor has labels between its powers of ten.
_FEW_DECADES = 50
# Characters of the kinds in one row of a legend.
_ROW_OF_KINDS = 24
# The page's own colours, which follow its theme, and print.
ACCENT, SECOND, MUTED, INK, BAD = "var(--accent)", "var(--second)", "var(--muted)", "var(--ink)", "var(--bad)"
# From worst to best; legible to colour-blind readers on light and dark, since they differ in lightness.
SCALE = [f"var(--q{number})" for number in range(1, 7)]

# Kinds, told apart by colour-blind readers too (after Okabe and Ito), and by their dashes.
KINDS = [f"var(--c{number})" for number in range(1, 9)]
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4], [4, 1, 1, 1], [3, 5])

EPOCHS = quantity("epoch", "epoch", scale={"zero": False, "nice": False}, axis={"tickMinStep": 1, "grid": False})

LINE_LEGEND: Spec = {"symbolType": "stroke", "symbolSize": 300, "symbolStrokeWidth": 2.5}

STATES = ("complete", "stopped", "diverged", "failed", "unfinished")
RANKED = {"field": "value", "valid": True}

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, DejaVu Sans, sans-serif",
    "padding": {"left": 2, "top": 2, "right": 14, "bottom": 2},
    "view": {"stroke": None, "continuousHeight": HEIGHT},
    "axis": {
        "labelColor": MUTED, "titleColor": MUTED, "gridColor": "var(--line)", "domainColor": "var(--line)",
        "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "labelLimit": 130, "titlePadding": 8, "domain": False, "ticks": False, "labelPadding": 6,
    },
    "legend": {
        "labelColor": INK, "titleColor": MUTED, "orient": "top", "titleFontWeight": "normal", "labelFontSize": 12,
        "titleFontSize": 12, "symbolSize": 90, "symbolOpacity": 1, "columns": 3,
    },
    "axisQuantitative": {"labelOverlap": "parity", "labelSeparation": 8},
    "title": {"color": INK},
    "text": {"color": INK},
    "line": {"strokeWidth": 2},
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A chart with its heading and text.

    Attributes:
        name: Name of its element, unique on the page.
        title: Its heading.
        text: What it shows, also for screen readers.
        spec: The chart. Its own data are inside; trials come from the page under the name `trials`.
        fields: The fields of each trial that it needs; none if its data are inside.
        most: The most trials to draw.
        wide: Whether it takes the whole width of the page.
        labels: For a chart of several views side by side: the width of each view's labels, in pixels.
    """

    name: str
    title: str
    text: str
    spec: Spec
    fields: tuple[str, ...] = ()
    most: int = MOST_DRAWN
    wide: bool = False
    labels: tuple[int, ...] = ()

    def to_json(self) -> Spec:
        """The parts that the page's script needs."""
        return {
            "spec": {"description": f"{self.title}. {self.text}", **self.spec},
            "fields": self.fields,
            "most": self.most,
            "labels": self.labels,
        }


@dataclass(frozen=True)
class Results:
    """The results of a run's trials: their format, and the ends of their axis.

    Attributes:
        objective: The run's objective.
        values: The results of the trials that have one.
        shown: The worst value that the axis must show, if it matters.
    """

    objective: Objective
    values: tuple[float, ...]
    shown: float | None = None

    @functools.cached_property
    def bulk(self) -> tuple[float, float]:
        """The least and the largest value that the axis shows, without trials that would flatten it."""
        gains = sorted(map(self.objective.gain, self.values))
        if len(gains) < 2:
            only = self.values[0] if self.values else 0.5
            return only, only
        # Only the better half: the differences between the best are of interest.
        half = gains[len(gains) // 2 :]
        lower, _, upper = statistics.quantiles(half, n=4) if len(half) > 1 else (gains[0], 0.0, gains[-1])
        worst = max(gains[0], lower - _WHISKER * (upper - lower))
        if self.shown is not None:
            worst = min(worst, self.objective.gain(self.shown))
        # An axis that is not much longer can show all of them.
        if gains[-1] - gains[0] <= _NOT_MUCH_LONGER * (gains[-1] - worst):
            worst = gains[0]
        ends = (self.objective.gain(worst), self.objective.gain(gains[-1]))
        return min(ends), max(ends)

    @property
    def edge(self) -> float:
        """The worst value that the axis shows."""
        return self.bulk[0 if self.objective.maximize else 1]

    @functools.cached_property
    def outliers(self) -> int:
        """Trials beyond that."""
        least = self.objective.gain(self.edge)
        return sum(self.objective.gain(value) < least for value in self.values)

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """Where the axis ends."""
        return self.around(self.bulk)

    @functools.cached_property
    def far_ends(self) -> tuple[float, float]:
        """Where it ends if it is to show all trials."""
        return self.around(self.values or (0.0, 1.0))

    @property
    def format(self) -> str:
        """How Vega writes a value."""
        return ".2%" if self.objective.unit == "fraction" else ",.5~r"

    @property
    def title(self) -> str:
        """Of an axis."""
        return f"validation {self.objective.title}"

    def held(self) -> Spec:
        """The transform that computes `shown`: a trial's value, or the edge of the axis if the value is worse."""
        edge = f"{'max' if self.objective.maximize else 'min'}(datum.value, {self.edge!r})"
        return {"calculate": f"everything ? datum.value : {edge}" if self.outliers else "datum.value", "as": "shown"}

    def shape(self, within: str = "circle") -> Spec:
        """The shape of a point: a triangle if it lies beyond the axis."""
        return either("datum.shown != datum.value", f"triangle-{'down' if self.objective.maximize else 'up'}", within)

    def axis(self, **changes: Any) -> Spec:
        """An axis of results; `zoomed` gives its chart the switch that moves its ends."""
        ends: Spec = {"domain": list(self.ends)}
        if self.outliers:
            ends = {
                name: {"expr": f"everything ? {far!r} : {near!r}"}
                for name, far, near in zip(("domainMin", "domainMax"), self.far_ends, self.ends, strict=True)
            }
        form = ".4~p" if self.objective.unit == "fraction" else ",.4~r"
        scale, axis = {"zero": False, "nice": False, **ends}, {"format": form, "tickCount": 6}
        return {**quantity("value", self.title, scale=scale, axis=axis), **changes}

    def zoomed(self, spec: Spec, noun: str = "trial") -> Spec:
        """The chart with a switch for the outliers, if there are any; `noun` says what its points are."""
        if not self.outliers:
            return spec
        label = f"the whole axis, with {plural(self.outliers, noun)} beyond this one"
        switch = {"name": "everything", "value": False, "bind": {"input": "checkbox", "name": label}}
        return {**spec, "params": [*spec.get("params", ()), switch]}

    def color(self, title: str) -> Spec:
        """Results as colours, the best the strongest."""
        steps = SCALE if self.objective.maximize else SCALE[::-1]
        scale = {"type": "quantize", "domain": list(self.ends), "range": steps, "nice": False, "zero": False}
        form = ".1%" if self.objective.unit == "fraction" else ",.4~r"
        legend = {"format": form, "type": "symbol", "columns": 6, "symbolType": "square"}
        return quantity("value", title, scale=scale, legend=legend)

    def tooltip(self, *parameters: str) -> list[Spec]:
        """The tooltip of a trial."""
        return [
            tip("trial", "trial"),
            tip("value", self.title, self.format),
            tip("state", "state"),
            *(tip(name, name) for name in parameters),
        ]

    def around(self, values: Sequence[float]) -> tuple[float, float]:
        """The ends of an axis that shows these values of the objective, with a margin."""
        low, high = min(values), max(values)
        # No axis spans less than this: half a point, or a hundredth of what is measured.
        least = 0.005 if self.objective.unit == "fraction" else 0.01 * max(abs(low), abs(high)) or 0.005
        margin = max(_MARGIN * (high - low), (least - (high - low)) / 2)
        return low - margin, high + margin


def number_axis(name: str, title: str, values: Sequence[float], *, log: bool, **changes: Any) -> Spec:
    """An axis of numbers that ends where they do."""
    scale: Spec = {"zero": False, "nice": False, "padding": 8}
    if values:
        scale["domain"] = [min(values), max(values)]
    axis: Spec = {"tickCount": 5}
    if log:
        scale["type"] = "log"
        axis = {"tickCount": 4, "format": "~g", "grid": False, "labelOverlap": "greedy"}
        if not spans(values, _FEW_DECADES):
            axis["tickCount"] = 10
        if values and min(values) < 1e-4:
            axis["format"] = "~e"
        del scale["zero"]
        if values and max(values) >= 1000:
            axis["format"] = "~s"
    elif values and max(map(abs, values)) >= 10_000:
        axis["format"] = "~s"
    return {**quantity(name, title, scale=scale, axis=axis), **changes}


def spans(values: Sequence[float], factor: float) -> bool:
    """Whether positive numbers span more than a factor, so that their axis should be logarithmic."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > factor


def best_last(results: Results) -> Spec:
    """Draw the best last, above the rest."""
    order = "ascending" if results.objective.maximize else "descending"
    return {"field": "value", "type": "quantitative", "sort": order}


def by_category(name: str, values: Sequence[str], *, title: str | None = None, dashes: bool) -> Spec:
    """Colours, and for lines dashes, by the values of a field."""
    kind = nominal(name, title)
    # In one row, if they fit.
    columns = {"columns": len(values)} if sum(map(len, values)) <= _ROW_OF_KINDS else {}
    if dashes or columns:
        kind["legend"] = {**(LINE_LEGEND if dashes else {}), **columns}
    found: Spec = {"color": {**kind, "scale": {"domain": list(values), "range": KINDS[: len(values)]}}}
    if dashes:
        found["strokeDash"] = {**kind, "scale": {"domain": list(values), "range": list(DASHES[: len(values)])}}
    return found
