"""Section 7: three layers against five, on 50 examples and on 20,000."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import style
from experiments.reading import Runs, number
from marks import markdown

_DEPTHS = (3, 5)
_COLOURS = {3: style.BLUE, 5: style.RED}
_INITS = ("0.01", "0.05", "kaiming")
# A training loss that is not a number, or above this, is drawn here: chance has log(10) = 2.30.
_LIMIT = 2.6


def tables(overfit: Runs | None, depth: Runs | None) -> dict[str, str]:
    """Training loss by learning rate and init, and what overfits 50 examples."""
    made = {}
    if overfit:
        made["overfit"] = _by_init(overfit)
    if depth:
        made["depth"] = _by_init(depth)
        made["depth-duel"] = _duel(depth)
    return made


def _by_init(runs: Runs) -> str:
    """For each init and depth: the rates at which it learns and diverges, and the lowest loss."""
    last = _last(runs)
    rows = []
    for init in _INITS:
        for depth in _DEPTHS:
            mine = last[(last.initial == init) & (last.depth == depth)]
            mean = mine.groupby("learning_rate").train_loss.mean()
            best = mean.idxmin()
            at_best = mine[mine.learning_rate == best]
            half = mine[(mine.train_loss < 0.5) & (mine.state == "complete")]
            learn = mine[(mine.train_loss < 2.0) & (mine.state == "complete")]
            rows.append(
                [
                    f"{init}, {depth} layers",
                    f"{best:g}",
                    number(at_best.train_loss),
                    f"{at_best.train_accuracy.mean():.0%}",
                    f"{len(learn)} of {len(mine)}",
                    f"{len(half)} of {len(mine)}",
                    f"{(mine.state == 'diverged').sum()} of {len(mine)}",
                ]
            )
    header = ["init, depth", "best rate", "its training loss", "its training accuracy"]
    return markdown([*header, "trials below 2.0", "below 0.5", "diverged"], rows)


def _duel(runs: Runs) -> str:
    """Which depth has the lower training loss at the same init, learning rate and seed."""
    last = _last(runs)
    wide = last.pivot_table(
        index=["initial", "learning_rate", "seed"], columns="depth", values="train_loss", dropna=False
    ).reset_index()
    rates = sorted(wide.learning_rate.unique())
    rows = []
    for init in _INITS:
        row: list[Any] = [init]
        for rate in rates:
            pair = wide[(wide.initial == init) & (wide.learning_rate == rate)]
            row.append(_winner(pair))
        rows.append(row)
    return markdown(["init \\ learning rate", *(f"{rate:g}" for rate in rates)], rows)


def _winner(pair: pd.DataFrame) -> str:
    difference = pair[5] - pair[3]
    texts = [f"{_loss(pair[depth])}" for depth in _DEPTHS]
    if (difference < -0.02).all():
        texts[1] = f"**{texts[1]}**"
    elif (difference > 0.02).all():
        texts[0] = f"**{texts[0]}**"
    return " / ".join(texts)


def _loss(values: pd.Series[Any]) -> str:
    finite = values[values < float("inf")]
    return f"{finite.mean():.2f}" if len(finite) == len(values) else "diverged"


def _last(runs: Runs) -> pd.DataFrame:
    """The last epoch of every trial; the loss of one that diverged is infinite."""
    last = runs.epochs.sort_values("epoch").groupby(["run", "trial_id"]).tail(1).copy()
    last.loc[last.state == "diverged", "train_loss"] = float("inf")
    return last


def draw(overfit: Runs | None, depth: Runs | None, path: Path) -> None:
    """Training loss after the last epoch by learning rate, a panel for each init."""
    found = [("50 examples", overfit), ("20,000 examples", depth)]
    rows = [(title, runs) for title, runs in found if runs is not None]
    made, axes = style.figure(len(rows), 3, width=9, height=2.7 * len(rows), sharey=True)
    for line, (title, runs) in zip(axes, rows, strict=True):
        last = _last(runs)
        for panel, init in zip(line, _INITS, strict=True):
            for layers, colour in _COLOURS.items():
                mine = last[(last.initial == init) & (last.depth == layers)]
                loss = style.capped(mine.train_loss, _LIMIT)
                style.line(panel, mine.learning_rate, loss, color=colour, marker="o", markersize=3, label=f"{layers}")
            panel.set_title(f"{title}: init {init}")
            style.log_rates(panel, sorted(last.learning_rate.unique()))
            panel.set_ylim(-0.05, _LIMIT + 0.05)
        line[0].set_ylabel("training loss, last epoch")
    axes[0][0].legend(title="layers", loc="lower left")
    style.save(made, path)
