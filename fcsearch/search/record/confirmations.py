"""What is written of trainings after the search: with other seeds, or on more rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fcsearch.results import RunDirectory
from fcsearch.results.manifest import DatasetEntry, DivergedRefit
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
    """Saves the networks that were fitted again, and notes which trials diverged.

    Args:
        run: The run directory, which the caller holds for writing.
        paths: Where the network of each trial goes.
    """

    def __init__(self, run: RunDirectory, paths: Mapping[int, Sequence[Path]]) -> None:
        super().__init__(run, {trial_id: trial_id for trial_id in paths})
        self._paths = paths

    def record(self, pack: PackRecord) -> Collection[int]:
        """Write the models, note the trials that diverged, and return the trainings that are done."""
        for trial_id, model in pack.models.items():
            metadata = {**model.metadata, "trial_id": trial_id, "rows": "train+val"}
            for path in self._paths[trial_id]:
                self._run.models.save(trial_id, model.weights, metadata, path=path)
        if diverged := {trial.trial_id: trial.config for trial in pack.ended if trial.state == "diverged"}:
            manifest = self._run.manifest()
            dataset = (manifest.dataset or DatasetEntry()).fingerprint
            others = [entry for entry in manifest.diverged_refits if entry.trial_id not in diverged]
            noted = [
                DivergedRefit(trial_id=trial_id, dataset=dataset, config=config.to_json())
                for trial_id, config in diverged.items()
            ]
            self._run.update_manifest({"diverged_refits": [*others, *noted]})
        return [trial.trial_id for trial in pack.ended]
