"""How the search went: the best so far, and what each worker did when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fcsearch.privacy import Privacy
from fcsearch.report.page.charts.figure import ACCENT, BAD, MUTED, SECOND, Figure, Results
from fcsearch.report.page.charts.grammar import OPENS, chart, inline, kinds, mark, nominal, quantity, tip, valid
from fcsearch.report.page.trials import Clock, PageTrials
from fcsearch.report.words import duration

_LOOKS = {
    "complete": (ACCENT, "circle"),
    "stopped": (MUTED, "diamond"),
    "diverged": (BAD, "cross"),
    "failed": (BAD, "square"),
    "unfinished": (ACCENT, "triangle-right"),
}


def best_so_far_charts(trials: PageTrials, results: Results) -> list[Figure]:
    """Every trial and the best so far, by number and by time."""
    if not results.values:
        return []
    charts = [_course("trial", "trial", "in the order of their numbers", trials, results)]
    if len(trials.values("at")) > 1:
        charts.append(_course("at", trials.clock.title, "by when they ended", trials, results))
    return charts


def _course(by: str, title: str, order: str, trials: PageTrials, results: Results) -> Figure:
    places = [place for place in trials.columns[by] if place is not None]
    scale = {"nice": False, "padding": 6, "zero": False, "domain": [min(places), max(places)]}
    axis = {"grid": False, **({"tickMinStep": 1, "format": ",d"} if by == "trial" else {})}
    x = quantity(by, title, scale=scale, axis=axis)
    states = [state for state in _LOOKS if state in trials.columns["state"]]
    colors, shapes = zip(*(_LOOKS[state] for state in states), strict=True)
    shared = {
        "x": x,
        "color": kinds("state", states, colors),
        "shape": kinds("state", states, shapes),
        "tooltip": [*results.tooltip(), tip("at", trials.clock.title, ",.4~g")],
    }
    spec = chart(
        280,
        layer=[
            {
                "data": {"name": "trials"},
                "transform": [valid("value"), results.held()],
                "mark": mark("point", size=34, clip=True, filled=True, opacity=0.7, **OPENS),
                "encoding": {**shared, "y": results.axis(field="shown")},
            },
            {
                "data": {"name": "trials"},
                "transform": [{"filter": "!isValid(datum.value)"}],
                "mark": mark("point", size=34, yOffset=-6, opacity=0.8, **OPENS),
                "encoding": {**shared, "y": {"value": "height"}},
            },
            {
                "data": inline(_best_so_far(by, trials, results)),
                "mark": mark("line", interpolate="step-after", color=SECOND, clip=True, aria=False),
                "encoding": {"x": x, "y": results.axis()},
            },
        ],
    )
    text = f"The trials {order}; the line is the best so far."
    if results.outliers:
        text += " Points at the edge of the axis lie there or beyond."
    name = "over-trials" if by == "trial" else "over-time"
    heading = "The best so far, by trial" if by == "trial" else "The best so far, over time"
    return Figure(name, heading, text, results.zoomed(spec), ("trial", "value", "state", "at"))


def _best_so_far(by: str, trials: PageTrials, results: Results) -> list[dict[str, Any]]:
    known = [row for row in trials.rows("trial", "at", "value", ranked=True) if row[by] is not None]
    known.sort(key=lambda row: row[by])
    line: list[dict[str, Any]] = []
    for row in known:
        if not line or results.objective.gain(row["value"]) > results.objective.gain(line[-1]["value"]):
            line.append(row)
    if line:
        line.append({**known[-1], "value": line[-1]["value"]})
    return line


@dataclass(frozen=True)
class Bar:
    """A pack in the time line: its time since the first one started."""

    node: str
    device: str
    start: float
    end: float
    pack: int
    trials: int
    kind: str


def time_line_chart(bars: Sequence[Bar], clock: Clock) -> Figure | None:
    """What each worker trained when; gaps are idle time."""
    if not bars:
        return None
    lanes = _lanes(bars)
    rows = [
        {
            "worker": name,
            "start": round(bar.start, 4),
            "end": round(bar.end, 4),
            "pack": bar.pack,
            "trials": bar.trials,
            "kind": bar.kind,
            "seconds": round(clock.seconds * (bar.end - bar.start), 2),
        }
        for name, found in lanes.items()
        for bar in found
    ]
    span = max(bar.end for bar in bars) - min(bar.start for bar in bars)
    busy = sum(bar.end - bar.start for bar in bars) / (span * len(lanes)) if span else 1.0
    of = list(dict.fromkeys(bar.kind for bar in bars))
    looks = {"cornerRadius": 2, "stroke": "var(--card)", "strokeWidth": 0.5, "height": {"band": 0.75}, "aria": False}
    spec = chart(
        30 * len(lanes),
        data=inline(rows),
        mark=mark("bar", **looks),
        encoding={
            "x": quantity("start", clock.title, scale={"nice": False}, axis={"tickCount": 8}),
            "x2": {"field": "end"},
            "y": nominal("worker", sort=list(lanes), axis={"labelLimit": 160}),
            "color": kinds("kind", of, [ACCENT, SECOND][: len(of)]),
            "tooltip": [*map(tip, ("worker", "pack", "trials", "kind")), tip("seconds", form=",.1f")],
        },
    )
    busy_for = f"{busy:.0%} of {duration(clock.seconds * span)}"
    text = f"Each bar is a pack, until its last trial's end. The workers were busy for {busy_for}."
    return Figure("time-line", "What the workers did", text, spec, wide=True)


def _lanes(bars: Sequence[Bar]) -> dict[str, list[Bar]]:
    """Bars by worker: a device has as many workers as it had packs at a time."""
    places: dict[tuple[str, str], list[list[Bar]]] = defaultdict(list)
    for bar in sorted(bars, key=lambda bar: bar.start):
        lanes = places[bar.node, bar.device]
        free = next((lane for lane in lanes if lane[-1].end <= bar.start + 1e-6), None)
        if free is None:
            free = []
            lanes.append(free)
        free.append(bar)
    return {
        f"{node}, {device}{f', {number}' if len(lanes) > 1 else ''}": lane
        for (node, device), lanes in sorted(places.items())
        for number, lane in enumerate(lanes, start=1)
    }


def bars_of(table: pa.Table, kind: str, privacy: Privacy, clock: Clock) -> list[Bar]:
    """The packs of a table as bars."""
    packs: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    names = ("pack_id", "started_at", "finished_at", "node", "device")
    for row in zip(*(table[name].to_pylist() for name in names), strict=True):
        if row[1] is not None and row[2] is not None:
            packs[row[0]].append(row)
    return [
        Bar(
            privacy.node(rows[0][3]),
            rows[0][4] or "device",
            min(clock.told(row[1]) for row in rows),
            max(clock.told(row[2]) for row in rows),
            pack,
            len(rows),
            kind,
        )
        for pack, rows in packs.items()
    ]
