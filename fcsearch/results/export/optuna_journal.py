"""A run's trials for Optuna and its dashboard, with the learning curves that the run's own journal leaves out."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from fcsearch.results.directory import RunDirectory
from fcsearch.results.export.history import require_free, run_name
from fcsearch.results.study import journal_storage, study_of
from fcsearch.wording import option

ERRORS = (OptunaError,)


def write(run: RunDirectory, folder: Path) -> list[Path]:
    """Write the study RUN into `study.journal`; errors as `write_trials`."""
    place = folder / "study.journal"
    # An absolute path: the lock is a link to it.
    backend = JournalFileBackend(str(place.resolve()))
    remedy = f"choose another place with {option('out')}"
    storage = journal_storage(backend, place, remedy=remedy, kind=JournalStorage)
    require_free(run, run_name(run) in optuna.get_all_study_names(storage), place)
    study_of(run, storage)
    return [place]
