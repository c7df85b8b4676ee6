"""Outcomes as the records of the run directory's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fcsearch.config.objective import Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.results import EpochRecord, TrialRecord
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, Reached

if TYPE_CHECKING:
    from fcsearch.training import EpochMetrics


def trial_records(outcome: PackOutcome) -> list[TrialRecord]:
    """A record for each trial of the pack that came to an end."""
    return [_trial_record(member, outcome) for member in outcome.members]


def _trial_record(member: MemberOutcome, outcome: PackOutcome) -> TrialRecord:
    result = member.result
    best, last = result.best, result.epochs[-1]
    return TrialRecord(
        trial_id=member.trial_id,
        state=result.state,
        config=result.config,
        objective=result.objective,
        best_epoch=result.best_epoch,
        **(_figures(best) if best else {}),
        train_loss=best.train_loss if best else None,
        val_loss=best.val_loss if best else None,
        final_val_accuracy=last.val.get("accuracy"),
        final_train_accuracy=last.train.get("accuracy"),
        final_val_rmse=last.val.get("rmse"),
        final_train_rmse=last.train.get("rmse"),
        epochs_run=last.epoch,
        num_parameters=result.num_parameters,
        train_seconds=result.seconds,
        device=outcome.place.device,
        node=outcome.place.node,
        started_at=outcome.started_at,
        finished_at=member.finished_at,
    )


def records_so_far(reached: Iterable[tuple[PlannedTrial, Reached]], objective: Objective) -> list[TrialRecord]:
    """A record for each of these trials of packs in training: what decides its rank, and what it has taken.

    Args:
        reached: Trials, and what they have reached.
        objective: What the search goes by.
    """
    return [
        TrialRecord(
            trial_id=trial.trial_id,
            state=found.state,
            config=trial.config,
            objective=objective.name,
            best_epoch=found.best_epoch,
            **_value(objective, found.gain),
            val_loss=found.val_loss,
            epochs_run=found.epochs,
            train_seconds=found.seconds,
        )
        for trial, found in reached
    ]


def short_of_before(trials: Iterable[TrialRecord], before: Mapping[int, int]) -> set[int]:
    """The trials that an earlier session had left further on, whose rows stay.

    They went on from an earlier checkpoint, started over without one, or failed, as for lack of memory. One that has
    ended is as far as it gets.

    Args:
        trials: What they are now.
        before: The epochs of those that were left unfinished.
    """
    return {
        trial.trial_id
        for trial in trials
        if trial.state in (UNFINISHED, "failed") and (trial.epochs_run or 0) < before.get(trial.trial_id, 0)
    }


def epoch_records(outcome: PackOutcome) -> list[EpochRecord]:
    """A record for each epoch of each trial of the pack that came to an end."""
    return [
        EpochRecord(
            trial_id=member.trial_id,
            epoch=epoch.epoch,
            train_loss=epoch.train_loss,
            val_loss=epoch.val_loss,
            learning_rate=epoch.learning_rate,
            seconds=epoch.seconds,
            **_figures(epoch),
        )
        for member in outcome.members
        for epoch in member.result.epochs
    ]


def _figures(epoch: EpochMetrics) -> dict[str, Any]:
    """The figures of an epoch by the names of their columns."""
    val = {f"val_{name}": value for name, value in epoch.val.items()}
    train = {f"train_{name}": value for name, value in epoch.train.items()}
    return {**val, **train, "val_standard_error": epoch.standard_error}


def _value(objective: Objective, gain: float) -> dict[str, Any]:
    """The objective by the name of its column."""
    return {objective.column: objective.gain(gain)}


def failed_records(trials: Sequence[PlannedTrial], error: str) -> list[TrialRecord]:
    """A record for each trial that is given up."""
    now = datetime.now(UTC)
    return [
        TrialRecord(trial_id=trial.trial_id, state="failed", config=trial.config, finished_at=now, error=error)
        for trial in trials
    ]
