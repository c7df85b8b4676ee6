"""Section 6: learning rate by epochs, a two-layer net and plain SGD."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import style
from experiments.reading import Runs, percent
from marks import markdown

# (learning rate, epochs): training and validation accuracy in the document.
DOCUMENT = {
    (0.1, 10): (0.592, 0.5082),
    (0.1, 20): (0.672, 0.5265),
    (0.1, 30): (0.710, 0.5305),
    (0.01, 10): (0.354, 0.3437),
    (0.01, 20): (0.405, 0.3814),
    (0.01, 30): (0.403, 0.4073),
    (0.001, 10): (0.192, 0.1799),
    (0.001, 20): (0.152, 0.1604),
    (0.001, 30): (0.149, 0.1612),
}
_COLOURS = {0.1: style.BLUE, 0.01: style.ORANGE, 0.001: style.GREEN}


def tables(plain: Runs, decayed: Runs | None) -> dict[str, str]:
    """The nine rows, as the document has them, without and with a decay of the learning rate."""
    header = ["learning rate, epochs", "document: val", "here: val", "difference", "here: best epoch"]
    header += ["document: train", "here: train"]
    header += ["with decay: val", "difference", "with decay: train"] if decayed else []
    rows = []
    for (rate, epochs), (train, val) in DOCUMENT.items():
        here = _of(plain, rate, epochs)
        row = [f"{rate:g}, {epochs}", f"{val * 100:.2f}", percent(here.final_val_accuracy)]
        row += [f"{(here.final_val_accuracy.mean() - val) * 100:+.1f}", percent(here.val_accuracy)]
        row += [f"{train * 100:.1f}", percent(here.final_train_accuracy)]
        if decayed:
            other = _of(decayed, rate, epochs)
            row += [percent(other.final_val_accuracy), f"{(other.final_val_accuracy.mean() - val) * 100:+.1f}"]
            row += [percent(other.final_train_accuracy)]
        rows.append(row)
    tests = [report["test"]["measurement"]["accuracy"] for report in plain.reports]
    best = plain.trials.sort_values("val_accuracy").groupby("run").tail(1)
    base = [["no decay", percent(best.val_accuracy), percent(tests), plain.seeds]]
    if decayed:
        best = decayed.trials.sort_values("val_accuracy").groupby("run").tail(1)
        tests = [report["test"]["measurement"]["accuracy"] for report in decayed.reports]
        base.append(["lr_decay 0.95", percent(best.val_accuracy), percent(tests), decayed.seeds])
    return {
        "two-layer": markdown(header, rows),
        "two-layer-base": markdown(["the best of the nine", "validation", "test", "seeds"], base),
    }


def _of(runs: Runs, rate: float, epochs: int) -> pd.DataFrame:
    return runs.trials[(runs.trials.learning_rate == rate) & (runs.trials.epochs == epochs)]


def draw(plain: Runs, decayed: Runs | None, path: Path) -> None:
    """Validation accuracy by epoch, with the document's nine figures as points."""
    panels = [("no decay", plain)] + ([("lr_decay 0.95", decayed)] if decayed else [])
    made, axes = style.figure(1, len(panels), width=4.4 * len(panels), height=3.3, sharey=True)
    for panel, (title, runs) in zip(axes[0], panels, strict=True):
        for rate, colour in _COLOURS.items():
            rows = runs.epochs[(runs.epochs.learning_rate == rate) & (runs.epochs.epochs == 30)]
            style.line(panel, rows.epoch, rows.val_accuracy, color=colour, label=f"{rate:g}")
            points = [(epochs, val) for (r, epochs), (_, val) in DOCUMENT.items() if r == rate]
            panel.plot(*zip(*points, strict=True), "o", color=colour, markersize=5, markeredgecolor="white")
        panel.set_title(title)
        panel.set_xlabel("epoch")
        style.in_percent(panel)
    axes[0][0].set_ylabel("validation accuracy")
    axes[0][0].legend(title="learning rate", ncols=3, loc="lower right", bbox_to_anchor=(1, 0.3))
    made.suptitle("lines: here; points: the document", x=0.01, ha="left", fontsize=9.5)
    style.save(made, path)
