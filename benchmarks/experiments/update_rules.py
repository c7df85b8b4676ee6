"""Section 8: four update rules, at the course's learning rates and each at its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import style
from experiments.reading import Runs, number, percent
from marks import markdown

# The learning rates of the course's notebook, whose figures the document shows without them.
COURSE = {"sgd": 1e-2, "sgd_momentum": 1e-2, "rmsprop": 1e-4, "adam": 1e-3}
_CHOOSING = 3
_COLOURS = {"sgd": style.GREY, "sgd_momentum": style.ORANGE, "rmsprop": style.GREEN, "adam": style.BLUE}


def choosing(runs: Runs) -> list[int]:
    """The seeds that choose the learning rates; the others measure, so that the choice flatters no rule."""
    return sorted(runs.trials.seed.unique())[:_CHOOSING]


def tuned_rates(runs: Runs) -> dict[str, float]:
    """The learning rate of the highest mean validation accuracy over the choosing seeds, by rule."""
    rows = runs.trials[runs.trials.seed.isin(choosing(runs))]
    mean = rows.groupby(["update_rule", "learning_rate"]).val_accuracy.mean()
    return {rule: mean[rule].idxmax() for rule in COURSE}


def _measured(runs: Runs) -> pd.DataFrame:
    rows = runs.trials[~runs.trials.seed.isin(choosing(runs))]
    return rows if len(rows) else runs.trials


def tables(runs: Runs) -> dict[str, str]:
    """Losses and accuracies at both sets of rates, and how often each rule beats the next."""
    made = {}
    for name, rates in (("update-rules", COURSE), ("update-rules-tuned", tuned_rates(runs))):
        rows = []
        for rule, rate in rates.items():
            mine = _at(_measured(runs), rule, rate)
            low, high = _good_rates(runs, rule)
            row = [rule, f"{rate:g}", number(_last_loss(runs, mine), 2), percent(mine.final_train_accuracy)]
            rows.append([*row, percent(mine.final_val_accuracy), percent(mine.val_accuracy), f"{low:g} to {high:g}"])
        header = ["rule", "learning rate", "training loss", "training accuracy", "validation accuracy", "at best epoch"]
        made[name] = markdown([*header, "rates within 3 points of its best"], rows)
        made[f"{name}-duels"] = _duels(_measured(runs), rates)
    return made


def _last_loss(runs: Runs, trials: pd.DataFrame) -> pd.Series[Any]:
    """The training loss of the last epoch; that of the trials table is the best epoch's."""
    last = runs.epochs[runs.epochs.epoch == runs.epochs.epochs].set_index(["run", "trial_id"]).train_loss
    return last.reindex(list(zip(trials["run"], trials["trial_id"], strict=True)))


def _good_rates(runs: Runs, rule: str) -> tuple[float, float]:
    mean = runs.trials[runs.trials.update_rule == rule].groupby("learning_rate").val_accuracy.mean()
    good = mean[mean >= mean.max() - 0.03].index
    return min(good), max(good)


def _duels(trials: pd.DataFrame, rates: dict[str, float]) -> str:
    """Differences of the validation accuracy at equal seeds: the same initial weights and minibatches."""
    rows = []
    for first, second in (("adam", "rmsprop"), ("rmsprop", "sgd_momentum"), ("sgd_momentum", "sgd"), ("adam", "sgd")):
        one, two = (_at(trials, rule, rates[rule]).set_index("seed").val_accuracy for rule in (first, second))
        difference = one - two
        error = difference.std() / len(difference) ** 0.5 * 100
        won = f"{(difference > 0).sum()} of {len(difference)}"
        rows.append([f"{first} - {second}", f"{difference.mean() * 100:+.1f} ± {error:.1f}", won])
    return markdown(
        ["difference of validation accuracy", "points ± standard error", "seeds in which it is above 0"], rows
    )


def _at(rows: pd.DataFrame, rule: str, rate: float) -> pd.DataFrame:
    return rows[(rows.update_rule == rule) & (rows.learning_rate == rate)]


def draw(runs: Runs, path: Path) -> None:
    """Loss and accuracy by epoch at both sets of rates."""
    made, axes = style.figure(2, 2, width=8.6, height=5.4)
    epochs = runs.epochs[~runs.epochs.seed.isin(choosing(runs))]
    epochs = epochs if len(epochs) else runs.epochs
    for column, (title, rates) in enumerate((("the course's rates", COURSE), ("tuned rates", tuned_rates(runs)))):
        for rule, rate in rates.items():
            mine = _at(epochs, rule, rate)
            label = f"{rule}, {rate:g}"
            for panel, value in ((axes[0][column], "train_loss"), (axes[1][column], "val_accuracy")):
                style.line(panel, mine.epoch, mine[value], color=_COLOURS[rule], marker="o", markersize=3, label=label)
        axes[0][column].set_title(f"training loss at {title}")
        axes[1][column].set_title(f"validation accuracy at {title}")
        axes[1][column].set_xlabel("epoch")
        axes[0][column].legend(loc="lower left")
        axes[0][column].set_ylim(1.1, 2.4)
        axes[1][column].set_ylim(0.08, 0.46)
        style.in_percent(axes[1][column])
        for panel in axes[:, column]:
            panel.set_xticks(range(1, 6))
    style.save(made, path)


def draw_rates(runs: Runs, path: Path) -> None:
    """Validation accuracy by learning rate."""
    made, axes = style.figure(1, 1, width=6.4, height=3.4)
    panel: Any = axes[0][0]
    for rule, colour in _COLOURS.items():
        mine = runs.trials[runs.trials.update_rule == rule]
        shares = mine.val_accuracy.fillna(0.1)
        style.line(panel, mine.learning_rate, shares, color=colour, marker="o", markersize=3, label=rule)
        course = mine[mine.learning_rate == COURSE[rule]].val_accuracy.mean()
        panel.plot([COURSE[rule]], [course], "o", markersize=9, markerfacecolor="none", markeredgecolor=colour)
    style.log_rates(panel, sorted(runs.trials.learning_rate.unique()))
    style.in_percent(panel)
    panel.set_ylabel("validation accuracy")
    panel.set_title("circles: the course's rates")
    panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(made, path)
