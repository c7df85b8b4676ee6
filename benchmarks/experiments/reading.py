"""The runs of an experiment as data frames, and how figures are written in tables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from fcsearch.results import Manifest, open_run

# What an epoch's row is given of its trial.
_OF_TRIAL = (
    "run",
    "seed",
    "state",
    "depth",
    "hidden_dim",
    "learning_rate",
    "epochs",
    "dropout",
    "update_rule",
    "initial",
)


@dataclasses.dataclass(frozen=True)
class Runs:
    """The runs of one experiment, one for each seed.

    Attributes:
        trials: Their `trials` tables, one below the other. A trial's row has its run's `seed`.
        epochs: Their `epochs` tables, each row with parameters of its trial; `step_size` is the epoch's own rate.
        manifests: Their run.json files.
        reports: Their report.json files.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    manifests: list[Manifest]
    reports: list[dict[str, Any]]

    @property
    def seeds(self) -> int:
        """How many runs there are."""
        return len(self.manifests)


def read_runs(root: Path, experiment: str) -> Runs | None:
    """The runs of an experiment under `root` that have ended and have a report; None if there is none."""
    paths = sorted(path for path in root.glob(f"{experiment}-*") if path.name.removeprefix(f"{experiment}-").isdigit())
    trials, epochs, manifests, reports = [], [], [], []
    for path in paths:
        run = open_run(path)
        report = path / "report.json"  # written last
        if run.manifest.state not in ("complete", "interrupted") or not report.exists():
            continue
        table = run.trials.to_pandas().assign(run=path.name)
        table["initial"] = table["weight_scale"].map("{:g}".format).where(table["init"] == "normal", table["init"])
        trials.append(table)
        steps = run.epochs.to_pandas().drop(columns=["run", "dataset"], errors="ignore")
        steps = steps.rename(columns={"learning_rate": "step_size"})
        epochs.append(steps.merge(table[["trial_id", *_OF_TRIAL]], on="trial_id"))
        manifests.append(run.manifest)
        reports.append(json.loads(report.read_text()))
    if not trials:
        return None
    return Runs(pd.concat(trials, ignore_index=True), pd.concat(epochs, ignore_index=True), manifests, reports)


def percent(values: Iterable[float]) -> str:
    """Mean and standard deviation of shares, as percent."""
    series = pd.Series(list(values), dtype=float) * 100
    if series.empty or series.isna().all():
        return "-"
    return f"{series.mean():.1f} ± {series.std():.1f}" if len(series) > 1 else f"{series.iloc[0]:.1f}"


def gain(differences: pd.Series[Any]) -> str:
    """Mean difference of shares with its sign, and the standard deviation, in points."""
    points = differences.dropna() * 100
    return f"{points.mean():+.1f}" + (f" ± {points.std():.1f}" if len(points) > 1 else "")


def number(values: Iterable[float], digits: int = 3) -> str:
    """Mean and standard deviation."""
    series = pd.Series(list(values), dtype=float).dropna()
    if series.empty:
        return "-"
    return (
        f"{series.mean():.{digits}f} ± {series.std():.{digits}f}" if len(series) > 1 else f"{series.iloc[0]:.{digits}f}"
    )
