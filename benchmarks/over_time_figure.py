"""Draws the curve of quality over time, and writes its tables, from what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from marks import markdown
from matplotlib.axes import Axes
from over_time_contestants import CONTESTANTS, Piece, Point
from over_time_datasets import SOURCES
from style import BLUE, GREEN, GREY, ORANGE, RED, figure, save

TITLES = {
    "digits": "digits: accuracy",
    "cifar10": "CIFAR-10, 20,000 rows: accuracy",
    "adult": "adult: accuracy",
    "california": "California housing: RMSE in 100,000 dollars",
}
# Name of the contestant, whether its ensemble is meant, and how it looks.
LINES: tuple[tuple[str, bool, str, dict[str, Any]], ...] = (
    ("fcsearch-local", False, "fcsearch, --pool local", {"color": BLUE, "marker": "o"}),
    ("fcsearch-local", True, "its ensemble", {"color": BLUE, "marker": "o", "linestyle": "--", "markerfacecolor": "w"}),
    ("fcsearch", False, "fcsearch, with Ray", {"color": "#56b4e9", "marker": "s"}),
    ("optuna", False, "Optuna", {"color": ORANGE}),
    ("ray-reuse", False, "Ray Tune, reused actors", {"color": GREEN}),
    ("sklearn", False, "HalvingRandomSearchCV", {"color": RED}),
    ("RealMLP", False, "RealMLP (pytabkit)", {"color": GREY, "marker": "D"}),
    ("RealMLP-HPO", False, "RealMLP_HPO (pytabkit)", {"color": "black", "marker": "X"}),
)


class Curves:
    """What is known of a contestant on a dataset: for each seed, its points from all commands.

    Args:
        pieces: By `key_of`: dataset/contestant/seconds/seed.
        dataset: Which.
        contestant: Which.
        kind: `points`, or `ensemble`.

    Attributes:
        end: The longest time that it was given.
        ends: For each time that it was given, when the last seed's latest point was known.
        seeds: For each seed its points, in order.
    """

    def __init__(self, pieces: Mapping[str, Piece], dataset: str, contestant: str, kind: str = "points") -> None:
        parts = {tuple(key.split("/")): piece.get(kind, []) for key, piece in pieces.items()}
        own = {(float(key[2]), key[3]): points for key, points in parts.items() if key[:2] == (dataset, contestant)}
        self.end = max((seconds for seconds, _ in own), default=0.0)
        by_seed: dict[str, list[Point]] = {}
        by_seconds: dict[float, float] = {}
        for (seconds, seed), points in own.items():
            # A shorter run of a peer's, from a look at it, is no part of the longest.
            if CONTESTANTS[contestant].commands or seconds == self.end:
                by_seed.setdefault(seed, []).extend((moment, value) for moment, value in points)
                by_seconds[seconds] = max([by_seconds.get(seconds, 0.0), *(moment for moment, _ in points)])
        self.ends = set(by_seconds.values())
        self.seeds = [sorted(points) for points in by_seed.values()]
        self._worst = float("inf") if SOURCES[dataset].table.objective == "rmse" else float("-inf")

    def at(self, seconds: float) -> list[float]:
        """For each seed the test figure of the network that is known then; the worst possible if there is none."""
        return [next((value for moment, value in reversed(s) if moment <= seconds), self._worst) for s in self.seeds]

    @property
    def moments(self) -> list[float]:
        """When anything changed."""
        return sorted(moment for points in self.seeds for moment, _ in points)


def markdown_tables(pieces: Mapping[str, Piece], moments: Sequence[float]) -> dict[str, str]:
    """A table a dataset: medians (lowest to highest) over seeds after so many seconds, one line a contestant."""
    made = {}
    for dataset in SOURCES:
        rows = []
        for name, contestant in CONTESTANTS.items():
            for kind, what in (("points", contestant.what), ("ensemble", "its ensemble")):
                curves = Curves(pieces, dataset, name, kind)
                if not curves.moments:
                    continue
                cells = [_cell(curves.at(moment)) for moment in moments]
                last = [points[-1] for points in curves.seeds if points]
                late = "" if contestant.bounded else f"after {statistics.median(at for at, _ in last):.0f} s: "
                late += _cell([value for _, value in last]) if late else ""
                rows.append([what, *cells, late, len(curves.seeds)])
        if rows:
            header = ["contestant", *(f"{moment:g} s" for moment in moments), "later", "seeds"]
            made[dataset] = markdown(header, rows)
    return made


def _cell(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    if not np.isfinite(middle):
        return "-"
    ends = [f"{value:.4f}" if np.isfinite(value) else "none" for value in (min(values), max(values))]
    return f"{middle:.4f} ({ends[0]} to {ends[1]})"


def draw(pieces: Mapping[str, Piece], path: Path) -> Path:
    """Draw a panel a dataset: the median over seeds as a line, lowest to highest as a band."""
    shown = [name for name in SOURCES if any(key.startswith(f"{name}/") for key in pieces)]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    made, axes = figure(rows, columns, width=4.6 * columns, height=2.9 * rows + 0.5)
    handles: dict[str, Any] = {}
    for panel, name in zip(axes.flat, shown, strict=False):
        _panel(panel, pieces, name)
        found, labels = panel.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
    for panel in axes.flat[len(shown) :]:
        panel.set_visible(False)
    made.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2 * columns)
    save(made, path)
    return path


def _panel(axes: Axes, pieces: Mapping[str, Piece], dataset: str) -> None:
    finals, ends = [], []
    for contestant, ensemble, label, look in LINES:
        curves = Curves(pieces, dataset, contestant, "ensemble" if ensemble else "points")
        if not curves.moments:
            continue
        if not CONTESTANTS[contestant].bounded:
            end = statistics.median(curves.moments)
            _point(axes, end, curves.at(float("inf")), label, look)
        else:
            end = max(curves.end, curves.moments[-1]) if CONTESTANTS[contestant].commands else curves.end
            _line(axes, curves, end, label, look, band=not ensemble)
        finals.append(statistics.median(curves.at(float("inf"))))
        ends.append(end)
    if finals:
        _axes(axes, [value for value in finals if np.isfinite(value)], max(ends), dataset)


def _point(axes: Axes, moment: float, values: Sequence[float], label: str, look: Mapping[str, Any]) -> None:
    middle = statistics.median(values)
    error = [[middle - min(values)], [max(values) - middle]]
    axes.errorbar([moment], [middle], yerr=error, linestyle="", markersize=5, capsize=2, label=label, **look)


def _line(axes: Axes, curves: Curves, end: float, label: str, look: Mapping[str, Any], *, band: bool) -> None:
    times = sorted({1.0, end, *(moment for moment in curves.moments if moment <= end)})
    marks = [index for index, time in enumerate(times) if time in curves.ends]
    values = np.array([curves.at(time) for time in times])
    # Nothing is drawn before every seed has a network.
    values[~np.isfinite(values).all(axis=1)] = np.nan
    middle = np.median(values, axis=1)
    axes.plot(times, middle, drawstyle="steps-post", label=label, markersize=4, markevery=marks, **look)
    if band:
        low, high = values.min(axis=1), values.max(axis=1)
        axes.fill_between(times, low, high, step="post", color=look["color"], alpha=0.13, linewidth=0)


def _axes(axes: Axes, finals: Sequence[float], latest: float, dataset: str) -> None:
    latest *= 1.15
    ticks = [tick for tick in (2, 5, 10, 20, 50, 100, 200, 500) if tick <= latest]
    axes.set(title=TITLES[dataset], xlabel="seconds of the whole command", xscale="log", xlim=(2, latest))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    # What lies far behind would make a line of the rest.
    span = max(max(finals) - min(finals), 0.02 * max(finals))
    if SOURCES[dataset].table.objective == "rmse":
        axes.set_ylim(min(finals) - 0.3 * span, max(finals) + span)
    else:
        axes.set_ylim(min(finals) - span, max(finals) + 0.3 * span)
        axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=1))
