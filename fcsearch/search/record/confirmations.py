"""What is written of trainings after the search: with other seeds, or on more rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fcsearch.results import RunDirectory
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.pack_record import PackRecord


class ConfirmationBooks:
    """Writes trainings with other seeds into the run's table of confirmations, a pack at a time.

    Args:
        run: The run directory, which the caller holds for writing.
        trials: The trial of each training, by the number that it goes by in its pack.
    """

    def __init__(self, run: RunDirectory, trials: Mapping[int, int]) -> None:
        self._run = run
        self._trials = trials

    def ask(self, count: int) -> list[PlannedTrial]:
        """Nothing is asked for: all is known from the start."""
        raise NotImplementedError(f"confirmations are planned whole; {count} more were asked for")

    def record(self, pack: PackRecord) -> Collection[int]:
        """Write what came of a pack, and return the trainings that are done; weights are not kept."""
        named = [dataclasses.replace(trial, trial_id=self._trials[trial.trial_id]) for trial in pack.trials]
        self._run.write_confirmations(pack.pack_id, named)
        return [trial.trial_id for trial in pack.ended]


class RefitBooks(ConfirmationBooks):
    """Saves the networks that were fitted again.

    Args:
        run: The run directory, which the caller holds for writing.
        paths: Where the network of each trial goes.
    """

    def __init__(self, run: RunDirectory, paths: Mapping[int, Sequence[Path]]) -> None:
        super().__init__(run, {trial_id: trial_id for trial_id in paths})
        self._paths = paths

    def record(self, pack: PackRecord) -> Collection[int]:
        """Write the models, and return the trainings that are done; nothing is written of those that diverged."""
        for trial_id, model in pack.models.items():
            metadata = {**model.metadata, "trial_id": trial_id, "rows": "train+val"}
            for path in self._paths[trial_id]:
                self._run.models.save(trial_id, model.weights, metadata, path=path)
        return [trial.trial_id for trial in pack.ended]
