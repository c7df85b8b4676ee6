"""How the figures look: legible on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by colour-blind eyes.
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#777777"

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.dpi": 110,
}


def figure(rows: int, columns: int, *, width: float, height: float, sharey: bool = False) -> tuple[Figure, Any]:
    """A figure with rows x columns axes, white behind."""
    mpl.rcParams.update(_STYLE)
    made = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(made)
    return made, made.subplots(rows, columns, squeeze=False, sharey=sharey)


def save(made: Figure, path: Path) -> None:
    """Write a PNG without what differs from day to day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(path, metadata={"Software": None})


def line(axes: Axes, x: pd.Series[Any], y: pd.Series[Any], **look: Any) -> None:
    """Draw the mean over seeds by x, and a band from the least to the greatest."""
    groups = pd.DataFrame({"x": x.to_numpy(), "y": y.to_numpy()}).groupby("x")["y"]
    mean = groups.mean()
    axes.plot(mean.index, mean.to_numpy(), **look)
    axes.fill_between(mean.index, groups.min(), groups.max(), color=look["color"], alpha=0.18, linewidth=0)


def in_percent(axes: Axes) -> None:
    """Write shares on the y axis as percent."""
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))


def log_rates(axes: Axes, rates: Sequence[float]) -> None:
    """A logarithmic axis of learning rates."""
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 1.3, max(rates) * 1.3)
    axes.set_xlabel("learning rate")


def capped(values: pd.Series[Any], limit: float) -> pd.Series[Any]:
    """Values with those above the limit, and those that are none, set to it."""
    return values.fillna(limit).clip(upper=limit)
