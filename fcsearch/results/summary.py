"""A run in a few values, for lists of runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fcsearch.config.states import UNFINISHED
from fcsearch.errors import RunError
from fcsearch.results.directory import RunDirectory
from fcsearch.results.ending import ending
from fcsearch.results.note_and_tags import read_labels
from fcsearch.results.ranking import objective_of, rank_trials
from fcsearch.results.remote import address, stored_bytes
from fcsearch.results.removal import disk_bytes


@dataclasses.dataclass(frozen=True)
class Summary:
    """A run, whatever its state; None is what is not known.

    Attributes:
        path: The run directory, or its URL.
        name: Its name.
        state: As in run.json, or `damaged`: it cannot be read, `error` says why.
        tags: The user's tags.
        bytes: How much it takes on the disk.
        dataset: The name of its dataset.
        created_at: When it began, in ISO 8601.
        trials: Trials that are done.
        unfinished: Trials that were in training when it ended, which count as far as they were trained.
        planned: Trials that it is to have.
        ended_by: What ended it, as in run.json.
        objective: The objective, by name.
        best_value: The best trial's objective on the validation rows.
        note: The user's note.
        error: Why it failed or cannot be read.
    """

    path: str
    name: str
    state: str
    tags: tuple[str, ...]
    bytes: int
    dataset: str | None = None
    created_at: str | None = None
    trials: int | None = None
    planned: int | None = None
    ended_by: str | None = None
    objective: str | None = None
    best_value: float | None = None
    note: str | None = None
    unfinished: int | None = None
    error: str | None = None

    @property
    def ending(self) -> str:
        """The state in words: a run that its time budget ended early is not called complete."""
        return ending(self.state, self.ended_by, done=self.trials or 0, planned=self.planned)


def summarize_run(path: Path) -> Summary:
    """Summarise a run directory, also one that cannot be read."""
    stored = stored_bytes(path)
    size = disk_bytes(path) if stored is None else stored
    try:
        run = RunDirectory.open(path)
        manifest, trials, labels = run.manifest(), run.trials(), read_labels(path)
        ranked, objective = rank_trials(trials), objective_of(trials)
        left = trials["state"].to_pylist().count(UNFINISHED)
        return Summary(
            path=address(path),
            name=path.name,
            state=run.state(),
            tags=labels.tags,
            bytes=size,
            dataset=manifest.dataset.name if manifest.dataset else None,
            created_at=manifest.created_at.isoformat() if manifest.created_at else None,
            trials=len(trials) - left,
            unfinished=left,
            planned=manifest.planned,
            ended_by=manifest.ended_by,
            objective=objective.name,
            best_value=ranked[objective.column][0].as_py() if len(ranked) else None,
            note=labels.note,
            error=manifest.error,
        )
    except RunError as error:
        return Summary(address(path), path.name, "damaged", (), size, error=str(error))
