"""Beyond the document: the best network that a search on two cores finds, confirmed on test rows over five seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import style
from experiments.reading import Runs, percent
from marks import markdown

from fcsearch.results import Manifest

_SHOWN = ("depth", "hidden_dim", "dropout", "input_dropout", "label_smoothing", "weight_decay", "learning_rate")


def tables(runs: Runs, confirmed: Path) -> dict[str, str]:
    """The search in figures, its five best trials, and the winner over seeds."""
    manifest = runs.manifests[0]
    states = runs.trials.state.value_counts()
    took = (runs.trials.finished_at.max() - _start(manifest)).total_seconds() / 60
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    rows: list[list[object]] = [
        ["trials", f"{len(runs.trials)} ({counts})"],
        ["wall time", f"{took:.0f} minutes"],
        ["workers", manifest.workers],
        ["epochs trained", len(runs.epochs)],
        ["best validation accuracy", f"{runs.trials.val_accuracy.max():.4f}"],
        ["test accuracy of that trial, one seed", f"{runs.reports[0]['test']['measurement']['accuracy']:.4f}"],
    ]
    made = {"best-search": markdown(["", "search"], rows)}
    top = runs.trials.sort_values("val_accuracy", ascending=False).head(5)
    made["best-top"] = markdown(
        ["validation accuracy", "best epoch", *_SHOWN],
        [
            [f"{row.val_accuracy:.4f}", f"{row.best_epoch} of {row.epochs}", *(_text(getattr(row, n)) for n in _SHOWN)]
            for row in top.itertuples()
        ],
    )
    found = read_confirmed(confirmed)
    if found:
        made["best-confirmed"] = _confirmed(found)
    return made


def read_confirmed(folder: Path) -> list[dict[str, Any]]:
    """What `confirm` wrote, by seed."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("seed-*.json"))]


def _confirmed(found: list[dict[str, Any]]) -> str:
    rows: list[list[object]] = [
        [one["config"]["seed"], f"{one['val_accuracy']:.4f}", one["best_epoch"], f"{one['test_accuracy']:.4f}"]
        for one in found
    ]
    val, test = (percent(one[key] for one in found) for key in ("val_accuracy", "test_accuracy"))
    rows.append([f"mean ± deviation, n = {len(found)}", f"{val} %", "", f"{test} %"])
    return markdown(["seed", "validation accuracy", "best epoch", "test accuracy"], rows)


def _start(manifest: Manifest) -> pd.Timestamp:
    assert manifest.created_at is not None
    return pd.Timestamp(manifest.created_at)


def _text(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def draw(runs: Runs, confirmed: Path, base: float | None, path: Path) -> None:
    """Validation accuracy of every trial by the minute it ended, and the best so far."""
    made, axes = style.figure(1, 1, width=7.2, height=3.6)
    panel: Any = axes[0][0]
    start = _start(runs.manifests[0])
    rows = runs.trials.dropna(subset=["val_accuracy"]).sort_values("finished_at")
    minutes = (rows.finished_at - start).dt.total_seconds() / 60
    for state, colour in (("stopped", style.ORANGE), ("complete", style.BLUE)):
        mine = rows.state == state
        panel.plot(minutes[mine], rows.val_accuracy[mine], "o", markersize=4, color=colour, alpha=0.7, label=state)
    panel.step(minutes, rows.val_accuracy.cummax(), where="post", color=style.BLUE, linewidth=1.6, label="best so far")
    if base is not None:
        panel.axhline(base, color=style.GREY, linestyle="--", linewidth=1.2, label="the document's recipe, 30 epochs")
    found = read_confirmed(confirmed)
    if found:
        tests = pd.Series([one["test_accuracy"] for one in found])
        panel.errorbar(
            [minutes.max() * 1.03], [tests.mean()], [tests.std()], fmt="D", color=style.GREEN, markersize=5, capsize=3,
            label=f"the winner on test rows, {len(tests)} seeds",
        )  # fmt: skip
    panel.set_ylim(min(0.35, rows.val_accuracy.quantile(0.1)), None)
    panel.set_xlabel("minutes of search")
    panel.set_ylabel("accuracy")
    style.in_percent(panel)
    panel.set_xlim(0, None)
    made.legend(*panel.get_legend_handles_labels(), ncols=3, loc="outside lower center")
    style.save(made, path)
