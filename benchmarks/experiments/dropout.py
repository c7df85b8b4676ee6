"""Sections 9 and 10: dropout by width with Adam."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import style
from experiments.reading import Runs, gain, percent
from marks import markdown

_COLOURS = {0.0: style.GREY, 0.25: style.ORANGE, 0.5: style.BLUE}
_WIDTHS = (256, 512)


def tables(runs: Runs) -> dict[str, str]:
    """Training and validation accuracy, their gap, and what dropout changes at equal seeds."""
    made = {}
    for rate in sorted(runs.trials.learning_rate.unique()):
        rows = []
        for width in _WIDTHS:
            none = _of(runs, rate, width, 0.0)
            for share in _COLOURS:
                mine = _of(runs, rate, width, share)
                last, best = (
                    gain(mine[column] - none[column]) if share else ""
                    for column in ("final_val_accuracy", "val_accuracy")
                )
                gap = mine.final_train_accuracy - mine.final_val_accuracy
                row = [f"{width}, {share:g}", percent(mine.final_train_accuracy), percent(mine.final_val_accuracy)]
                row += [percent(gap), last, percent(mine.val_accuracy), f"{mine.best_epoch.mean():.0f}", best]
                rows.append(row)
        header = ["width, dropout", "training, last epoch", "validation, last epoch", "gap", "gain"]
        made[f"dropout-{rate:g}"] = markdown([*header, "validation, best epoch", "that epoch", "gain"], rows)
    return made


def _of(runs: Runs, rate: float, width: int, share: float) -> pd.DataFrame:
    rows = runs.trials
    mine = (rows.learning_rate == rate) & (rows.hidden_dim == width) & (rows.dropout == share)
    return rows[mine].set_index("seed").sort_index()


def draw(runs: Runs, path: Path) -> None:
    """Training and validation accuracy by epoch, a panel for each width and learning rate."""
    rates = sorted(runs.trials.learning_rate.unique())
    made, axes = style.figure(len(rates), 2, width=8.6, height=2.9 * len(rates), sharey=True)
    for line, rate in zip(axes, rates, strict=True):
        for panel, width in zip(line, _WIDTHS, strict=True):
            rows = runs.epochs[(runs.epochs.learning_rate == rate) & (runs.epochs.hidden_dim == width)]
            for share, colour in _COLOURS.items():
                mine = rows[rows.dropout == share]
                style.line(panel, mine.epoch, mine.val_accuracy, color=colour, label=f"{share:g}, validation")
                style.line(
                    panel, mine.epoch, mine.train_accuracy, color=colour, linestyle="--", label=f"{share:g}, training"
                )
            panel.set_title(f"width {width}, learning rate {rate:g}")
            panel.set_xlabel("epoch")
            style.in_percent(panel)
        line[0].set_ylabel("accuracy")
    made.legend(*axes[0][0].get_legend_handles_labels(), title="dropout", ncols=3, loc="outside lower center")
    style.save(made, path)
