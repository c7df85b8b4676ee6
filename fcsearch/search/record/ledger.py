"""The ledger of a run: Optuna's journal and the tables, kept so that no trial is lost and none counts twice.

The order of events is fixed: a trial's configuration goes into the journal, its pack trains, its rows go into the
tables, its result is told to Optuna. After a crash at any point a trial without a row waits and is trained again with
the same configuration; a trial with a row is done and, if it was not told yet, is told from the row. A trial that was
told and has no row any more, since a file was damaged, waits too; so does one whose row is `unfinished`, untold.

Optuna keeps every trial of the study in memory, so it is told only what samplers use: the last value of a trial that
was stopped. The values of all epochs are in the tables.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from fcsearch.errors import RunError, SpaceError
from fcsearch.results import RunDirectory
from fcsearch.results.study import name_metric
from fcsearch.search.planning.samplers import make_sampler
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.beginning import OBSERVATION, Beginning
from fcsearch.search.record.journal import JournalFile, open_storage
from fcsearch.search.record.outcomes import short_of_before
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.selection.trained_again import trainings_that_count
from fcsearch.space import SearchSpace

_STATES = {
    "complete": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

# Optuna knows one state for trials that were stopped and for those that diverged.
_DIVERGED = "diverged"
# The study's attribute that says that what a search begins with is in the journal.
_BEGUN = "fcsearch_begun"


@dataclasses.dataclass(frozen=True)
class _Told:
    """What Optuna is told of a trial."""

    trial_id: int
    state: str
    value: float | None


def has_trials(run: RunDirectory) -> bool:
    """Whether any trial that was asked for stands in the run's journal."""
    if not run.journal_path.exists():
        return False
    storage = open_storage(JournalFile(run.journal_path))
    studies = (optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage))
    return any(
        trial.state != TrialState.WAITING and OBSERVATION not in trial.user_attrs
        for study in studies
        for trial in study.get_trials(deepcopy=False)
    )


class Ledger:
    """Asks for trials and records their outcomes. The caller holds `run.writing()`.

    Args:
        run: The run directory.
        space: What is searched.
        seed: The run's seed.
    """

    def __init__(self, run: RunDirectory, space: SearchSpace, *, seed: int) -> None:
        self._run, self._space, self._seed = run, space, seed
        self._objective = space.known_objective
        self._left_before = run.unfinished_trials()
        # Each of them may win the next confirmation, however many of the search are better by then.
        self._trained_again = {row["trial_id"] for row in trainings_that_count(run)}
        self._journal = JournalFile(run.journal_path)
        self._storage = open_storage(self._journal)
        names = optuna.get_all_study_names(self._storage)
        self._study = (
            optuna.load_study(study_name=names[0], storage=self._storage) if names else self._new_study(run.path)
        )
        self._distributions: dict[tuple[tuple[str, BaseDistribution], ...], dict[str, BaseDistribution]] = {}
        trials = self._trials()
        self._share_all_distributions(trials)
        self._study.sampler = make_sampler(space.sampler, seed=seed, trials_so_far=len(trials))
        self._grid = space.grid() if space.sampler.name == "grid" else None

    def _new_study(self, path: Path) -> optuna.Study:
        study = optuna.create_study(
            study_name=path.resolve().name,
            storage=self._storage,
            direction="maximize" if self._objective.maximize else "minimize",
        )
        name_metric(study, self._objective)
        return study

    @property
    def limit(self) -> int | None:
        """The most trials that the space has: the size of its grid, if it is searched by grid."""
        return None if self._grid is None else len(self._grid)

    @property
    def begun(self) -> bool:
        """Whether `begin` was done, in this process or an earlier one."""
        return _BEGUN in self._study.user_attrs

    def begin(self, beginning: Beginning) -> None:
        """Put into the journal what the search begins with, before any trial is asked for.

        What is there already, since a crash cut the writing short, is not written again.
        """
        there = self._trials()
        observed = sum(OBSERVATION in trial.user_attrs for trial in there)
        with self._journal.batch():
            for trial in beginning.observations[observed:]:
                self._study.add_trial(trial)
            for values in beginning.tries[len(there) - observed :]:
                self._study.enqueue_trial(self._space.encode(values))
            self._study.set_user_attr(_BEGUN, True)
        if beginning.observations:
            # With the run's own seed its first draws, before it learns, would be those of the earlier run.
            self._study.sampler = make_sampler(self._space.sampler, seed=beginning.seed_after(self._seed))
        self._share_all_distributions(self._trials())

    def recover(self) -> list[PlannedTrial]:
        """After an interruption: tell what is done and was not told, and return the trials that wait.

        Raises:
            RunError: the tables hold trials that the journal does not know.
        """
        trials = self._trials()
        rows = self._run.ended_trials().select(["trial_id", "state", self._objective.column]).to_pylist()
        done = {row["trial_id"]: _Told(*row.values()) for row in rows}
        if done and max(done) >= len(trials):
            raise RunError(
                f"every trial of a run must stand in its journal; found trial {max(done)} in trials/ and "
                f"{len(trials)} trials in {self._run.journal_path}; put the journal back, or start a new run"
            )
        untold = [trial.number for trial in trials if trial.number in done and not trial.state.is_finished()]
        self._tell([done[number] for number in untold], self._last_values(untold))
        with self._journal.batch():
            found = [self._plan_again(trial) for trial in trials if trial.number not in done]
        return [planned for planned in found if planned is not None]

    def ask(self, count: int) -> list[PlannedTrial]:
        """Ask the sampler for new trials; on return their configurations are in the journal."""
        planned = []
        with self._journal.batch(), self._storage.asking(self._study._study_id):
            for _ in range(count):
                if self._grid is not None:
                    self._study.enqueue_trial(self._space.encode(self._grid[len(self._trials())]))
                planned.append(self._plan(self._study.ask()))
        return planned

    def record(self, pack: PackRecord) -> Collection[int]:
        """Write the models, so that a trial with a row has its own; then the rows of the trials; then tell Optuna.

        Returns:
            The trials that are done now. One that had got further before waits, with what it has reached.
        """
        pack = pack.without(short_of_before(pack.trials, self._left_before))
        if not pack.trials:
            return ()
        for trial_id, model in pack.models.items():
            self._run.models.save(trial_id, model.weights, model.metadata)
            if model.predicted is not None:
                self._run.predictions.save(trial_id, model.predicted)
        self._run.write_pack(pack.pack_id, pack.trials, pack.epochs)
        for trial in pack.trials:
            self._left_before.pop(trial.trial_id, None)
        if pack.models:
            for kept in (self._run.models, self._run.predictions):
                kept.prune({*pack.keep, *self._left_before, *self._trained_again})
        told = [_Told(trial.trial_id, trial.state, trial.value) for trial in pack.ended]
        column = self._objective.column
        self._tell(told, _last_values((epoch.trial_id, epoch.epoch, getattr(epoch, column)) for epoch in pack.epochs))
        return [trial.trial_id for trial in told]

    def _plan(self, trial: optuna.trial.Trial) -> PlannedTrial:
        parameters = self._space.suggest(trial)
        self._share_distributions(self._storage.get_trial(trial._trial_id))
        return PlannedTrial(trial.number, self._space.trial_config(parameters, seed=self._seed))

    def _plan_again(self, trial: optuna.trial.FrozenTrial) -> PlannedTrial | None:
        """A trial without a row as it was planned; None for one that this run did not ask for."""
        if OBSERVATION in trial.user_attrs:
            return None
        if trial.state == TrialState.RUNNING:
            # Suggesting again returns what the journal holds, and fills in what a crash may have kept out of it.
            return self._plan(optuna.trial.Trial(self._study, trial._trial_id))
        if not trial.state.is_finished():
            return None
        try:
            config = self._space.trial_config(self._space.decode(trial.params), seed=self._seed)
        except SpaceError:
            return None
        # Its rows were damaged or lost. It ends where it did, whatever other trials have recorded since.
        stopped = trial.state == TrialState.PRUNED and _DIVERGED not in trial.user_attrs
        ends_at = trial.last_step if stopped and trial.last_step is not None else config.epochs
        return PlannedTrial(trial.number, config, ends_at)

    def _share_all_distributions(self, trials: Sequence[optuna.trial.FrozenTrial]) -> None:
        for trial in trials:
            # A trial that waits has none yet, and Optuna fills in the very object.
            if trial.state != TrialState.WAITING:
                self._share_distributions(trial)

    def _share_distributions(self, trial: optuna.trial.FrozenTrial) -> None:
        """Let trials share equal distributions and choices: the journal's reader makes new ones for every trial."""
        found = trial.distributions
        trial.distributions = self._distributions.setdefault(tuple(found.items()), found)
        trial.params = {name: sys.intern(v) if type(v) is str else v for name, v in trial.params.items()}

    def _trials(self) -> list[optuna.trial.FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _last_values(self, trial_ids: Sequence[int]) -> dict[int, tuple[int, float]]:
        if not trial_ids:
            return {}
        wanted = set(trial_ids)
        epochs = self._run.epochs().select(["trial_id", "epoch", self._objective.column]).to_pylist()
        return _last_values(tuple(row.values()) for row in epochs if row["trial_id"] in wanted)

    def _tell(self, trials: Sequence[_Told], last_values: Mapping[int, tuple[int, float]]) -> None:
        with self._journal.batch():
            for trial in trials:
                number, state = trial.trial_id, _STATES[trial.state]
                trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
                if self._storage.get_trial(trial_id).state.is_finished():
                    # Told before its rows were lost.
                    continue
                if state == TrialState.PRUNED and number in last_values:
                    self._storage.set_trial_intermediate_value(trial_id, *last_values[number])
                if trial.state == "diverged":
                    self._storage.set_trial_user_attr(trial_id, _DIVERGED, True)
                self._end(trial_id, state, trial.value)

    def _end(self, trial_id: int, state: TrialState, value: float | None) -> None:
        """End a trial as `Study.tell` does, which also makes a deep copy of it to return."""
        found = self._storage.get_trial(trial_id)
        if found.state != TrialState.RUNNING:
            raise RunError(
                f"a trial with a row must have been started in {self._run.journal_path}; found that trial "
                f"{found.number} is {found.state.name} there; put the journal back, or start a new run"
            )
        if state == TrialState.COMPLETE and (value is None or not math.isfinite(value)):
            raise RunError(
                f"{self._objective.column} of a complete trial must be a finite number; found {value} in the row of "
                f"trial {found.number}; move its part of {self._run.path / 'trials'} away: `fcsearch resume` trains "
                "what is missing"
            )
        if state == TrialState.PRUNED:
            value = None if found.last_step is None else found.intermediate_values[found.last_step]
        values = None if value is None or state == TrialState.FAIL else [float(value)]
        try:
            self._study.sampler.after_trial(self._study, found, state, values)
        finally:
            self._storage.set_trial_state_values(trial_id, state, values)


def _last_values(epochs: Iterable[tuple[int, int, float | None]]) -> dict[int, tuple[int, float]]:
    """For each trial the last epoch with a finite value, and that value: Optuna never sees NaN."""
    last: dict[int, tuple[int, float]] = {}
    for number, epoch, value in epochs:
        if value is not None and (number not in last or epoch > last[number][0]):
            last[number] = (epoch, value)
    return last
