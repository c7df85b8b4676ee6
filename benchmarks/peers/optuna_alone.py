"""The peer Optuna + torch.nn: one process a core, which share a journal file."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import tempfile
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path
from typing import Any

import click
import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.improvements import Improvements
from peers.peer import Task, TrialRecord, make_task, print_trials, task_options
from peers.torch_trial import TorchTrial, prepare, to_device

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@click.command()
@task_options
def main(**options: Any) -> None:
    """Search a space with Optuna's TPE and torch.nn; early stopping by its SuccessiveHalvingPruner.

    \b
    Example:
      python benchmarks/peers/optuna_alone.py --space search_spaces/full.yaml --trials 8
    """
    task = make_task(**options)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        journal = Path(folder) / "journal"
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        optuna.create_study(storage=storage(journal), study_name="peer", direction="maximize")
        run_processes(task, journal)
        print_trials(records(optuna.load_study(storage=storage(journal), study_name="peer")))


def run_processes(task: Task, journal: Path) -> None:
    """Run a process a slot. On a CPU they are forked: they import nothing and share the rows. CUDA allows no fork."""
    forks = task.device == "cpu" and "fork" in multiprocessing.get_all_start_methods()
    context: ForkContext | SpawnContext = (
        multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
    )
    arrays = task.arrays()
    prepare()
    processes = [
        context.Process(target=optimize, args=(task, arrays, journal, slot), daemon=True) for slot in range(task.slots)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise click.ClickException("a process of the peer failed; its error stands above")


def storage(journal: Path) -> JournalStorage:
    """The storage that all processes share."""
    return JournalStorage(JournalFileBackend(str(journal)))


def optimize(task: Task, arrays: dict[str, np.ndarray], journal: Path, slot: int) -> None:
    """What one process does."""
    # To be told to end is no exception here, which could come where it is ignored.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    prepare()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = to_device(arrays, task.device)
    early = task.space.early_stopping
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if task.early_stopping and early:
        pruner = optuna.pruners.SuccessiveHalvingPruner(
            min_resource=early.min_epochs, reduction_factor=early.reduction_factor
        )
    study = optuna.load_study(
        storage=storage(journal),
        study_name="peer",
        sampler=optuna.samplers.TPESampler(seed=task.seed * task.slots + slot, constant_liar=True),
        pruner=pruner,
    )

    improvements = Improvements(task.trace)

    def objective(trial: optuna.trial.Trial) -> float:
        training = TorchTrial(task.parameters(trial), rows)
        while not training.over:
            score = training.epoch()
            improvements.offer(score, training.test_score)
            if task.early_stopping and score is not None:
                trial.report(score, training.epochs_run)
                if not training.over and trial.should_prune():
                    raise optuna.TrialPruned
        if training.best_score is None:
            raise optuna.TrialPruned
        return training.best_score

    callbacks = [MaxTrialsCallback(task.trials, states=ENDED)] if task.trials else []
    study.optimize(objective, timeout=task.seconds_left, callbacks=callbacks)


def records(study: optuna.Study) -> list[TrialRecord]:
    """What became of the trials. A pruned trial is worth its best report."""
    found: list[TrialRecord] = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state in ENDED and trial.datetime_start and trial.datetime_complete:
            value = max(trial.intermediate_values.values(), default=trial.values[0] if trial.values else None)
            found.append((trial.datetime_start.timestamp(), trial.datetime_complete.timestamp(), value))
    return found


if __name__ == "__main__":
    main()
