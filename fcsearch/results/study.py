"""A run as an Optuna study: with its learning curves, which the run's own journal leaves out."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from fcsearch.config.objective import Objective
from fcsearch.errors import RunError
from fcsearch.results.directory import RunDirectory
from fcsearch.results.files import RESTORE
from fcsearch.results.ranking import objective_of

Storage = TypeVar("Storage", bound=JournalStorage)


def journal_storage(backend: JournalFileBackend, path: Path, *, remedy: str, kind: type[Storage]) -> Storage:
    """Optuna's storage in a journal.

    Args:
        backend: Reads the journal.
        path: Where the journal is.
        remedy: What to do if it is damaged.
        kind: What is made of it.

    Raises:
        RunError: its lines are not Optuna's.
    """
    try:
        return kind(backend)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} must be a journal of Optuna's; found: {type(error).__name__}: {error}; {remedy}"
        ) from error


def study_of(run: RunDirectory, storage: BaseStorage | None = None) -> optuna.Study:
    """A copy of the run's study; changing it does not change the run.

    Args:
        run: The run directory, also of a run in progress.
        storage: Where the copy goes; None: into memory.

    Returns:
        The study, named as the run. Each trial has the objective's value of every epoch as its intermediate values.

    Raises:
        RunError: the run has no journal, or is damaged.
    """
    objective = objective_of(run.trials())
    # First, so that nothing is written for a damaged run.
    trials = _trials(run, objective)
    with _quiet():
        study = optuna.create_study(
            study_name=run.path.resolve().name,
            storage=storage or InMemoryStorage(),
            direction="maximize" if objective.maximize else "minimize",
        )
    name_metric(study, objective)
    study.add_trials(trials)
    return study


def name_metric(study: optuna.Study, objective: Objective) -> None:
    """Let plots and the dashboard show the study's values under the name of the objective's column."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([objective.column])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Optuna says on stderr that it makes a study."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _trials(run: RunDirectory, objective: Objective) -> list[FrozenTrial]:
    if not run.journal_path.is_file():
        raise RunError(
            f"a study needs the run's journal; {run.journal_path} is missing; restore it, or read the tables in "
            f"{run.path / 'trials'}"
        )
    backend = JournalFileBackend(str(run.journal_path))
    storage = journal_storage(backend, run.journal_path, remedy=RESTORE, kind=JournalStorage)
    names = optuna.get_all_study_names(storage)
    found = optuna.load_study(study_name=names[0], storage=storage).get_trials() if names else []
    curves: dict[int, dict[int, float]] = {}
    epochs = run.epochs().select(["trial_id", "epoch", objective.column])
    for number, epoch, value in zip(*(column.to_pylist() for column in epochs.columns), strict=True):
        if value is not None:
            curves.setdefault(number, {})[epoch] = value
    return [_with_curve(trial, curves.get(trial.number)) for trial in found]


def _with_curve(trial: FrozenTrial, curve: dict[int, float] | None) -> FrozenTrial:
    made = copy.copy(trial)
    if curve is not None:
        made.intermediate_values = curve
    return made
