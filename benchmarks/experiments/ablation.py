"""Beyond the document: what each addition gives, over all combinations of the others."""

from __future__ import annotations

from typing import Any

import pandas as pd
from experiments.reading import Runs, percent
from marks import markdown

# Each factor: its column, off and on, and its name.
_FACTORS: dict[str, tuple[Any, Any, str]] = {
    "lr_schedule": ("exponential", "cosine", "cosine schedule"),
    "input_dropout": (0.0, 0.1, "input dropout 0.1"),
    "label_smoothing": (0.0, 0.1, "label smoothing 0.1"),
    "weight_decay": (0.0, 0.3, "decoupled weight decay 0.3"),
}


def tables(runs: Runs) -> dict[str, str]:
    """The effect of each factor, and the accuracy with none and with all."""
    rows: list[list[object]] = []
    for factor, (_, _, name) in _FACTORS.items():
        best, last = (_differences(runs.trials, factor, column) for column in ("val_accuracy", "final_val_accuracy"))
        gap = _differences(runs.trials, factor, "final_train_accuracy") - last
        rows.append([name, _effect(best), f"{(best > 0).sum()} of {len(best)}", _effect(last), _effect(gap)])
    header = ["on instead of off", "validation, best epoch", "pairs in which it is above 0", "validation, last epoch"]
    sides: list[list[object]] = []
    for name, side in (("none of the four", 0), ("all four", 1)):
        mine = pd.concat([runs.trials[f] == values[side] for f, values in _FACTORS.items()], axis=1).all(axis=1)
        sides.append([name, *(percent(runs.trials[mine][c]) for c in ("val_accuracy", "final_train_accuracy"))])
    return {
        "ablation": markdown([*header, "gap between training and validation"], rows),
        "ablation-sides": markdown(["", "validation, best epoch", "training, last epoch"], sides),
    }


def _differences(trials: pd.DataFrame, factor: str, column: str) -> pd.Series[Any]:
    """On minus off, for each pair of one seed that differs in the factor alone."""
    off, on, _ = _FACTORS[factor]
    others = ["seed", *(name for name in _FACTORS if name != factor)]
    wide = trials.pivot(index=others, columns=factor, values=column)
    found: pd.Series[Any] = (wide[on] - wide[off]).dropna()
    return found


def _effect(differences: pd.Series[Any]) -> str:
    """Mean difference in points, with its standard error over pairs."""
    points = differences.to_numpy(float) * 100
    return f"{points.mean():+.2f} ± {points.std(ddof=1) / len(points) ** 0.5:.2f}"
