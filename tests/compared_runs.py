"""Runs to compare: accuracies as they are given, one trial after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from synthetic_run import START, manifest, trial_row

from fcsearch.comparison import Section, compare_runs
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config


def made(path: Path, values: Sequence[float | None], *, seconds: float = 10, **changes: Any) -> RunDirectory:
    """A run whose trials have these accuracies, one after another, each so long; None: it diverged."""
    run = RunDirectory.create(path, manifest(path.name, **changes))
    for number, value in enumerate(values):
        ends = START + timedelta(seconds=seconds * (number + 1))
        row = {
            **trial_row(0),
            "trial_id": number,
            "state": "diverged" if value is None else "complete",
            "val_accuracy": value,
            "started_at": ends - timedelta(seconds=seconds),
            "finished_at": ends,
        }
        run.write_pack(number, [row], [])
    return run


def confirm(run: RunDirectory, values: Mapping[int, float | None]) -> None:
    """Confirm trial 0: the accuracy of each seed; None: it diverged."""
    run.update_manifest({"confirmation": {"trials": [0], "seeds": list(values)}})
    config = row_config(trial_row(0))
    rows = [
        TrialRecord(
            trial_id=0,
            state="diverged" if value is None else "complete",
            config=row_config({**trial_row(0), **config.parameters(), "seed": seed}),
            val_accuracy=value,
            best_epoch=1,
        )
        for seed, value in values.items()
    ]
    run.write_confirmations(run.next_pack_id(), rows)


def sections(*runs: RunDirectory) -> dict[str, Section]:
    return {section.basis: section for section in compare_runs([run.path for run in runs]).sections}
