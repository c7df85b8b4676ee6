"""TPE whose cost a suggestion stops growing: of many trials it is shown the best, and a sample of the others.

TPE models the good trials, at most 25, and all others, and does so again for each value that it suggests. The good ones
are all kept here, so its idea of them stays what it was; of the others an even sample over time has about the same
density. Up to `limit` trials it suggests exactly what Optuna's own does.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Container, Sequence
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

# The most trials that Optuna's TPE ever takes for good (its default gamma), from 250 trials on.
_GOOD = 25
_LIMIT = 320
# So many of the others are kept when there are more trials than the limit; then there is room until the next time.
_SAMPLE = 250


class BoundedTPESampler(BaseSampler):
    """Shows Optuna's TPE a part of the study.

    Args:
        tpe: Suggests.
        limit: It sees at most so many trials that have ended, at least 275, and all that have not.
    """

    def __init__(self, tpe: TPESampler, *, limit: int = _LIMIT) -> None:
        if limit < _GOOD + _SAMPLE:
            raise ValueError(f"limit must be at least {_GOOD + _SAMPLE}; found {limit}")
        self._tpe = tpe
        self._limit = limit
        self._seen = 0
        self._open: list[int] = []
        self._ended: list[FrozenTrial] = []
        self._shown: list[FrozenTrial] = []
        self._view: optuna.Study | None = None

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are suggested together; called first for each trial."""
        self._view = self._look(study)
        return self._tpe.infer_relative_search_space(self._view, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values of these."""
        return self._tpe.sample_relative(self._view or self._look(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of a parameter that is suggested by itself."""
        return self._tpe.sample_independent(self._view or self._look(study), trial, param_name, param_distribution)

    def _look(self, study: optuna.Study) -> optuna.Study:
        """The study with the trials that TPE is shown."""
        trials = study.get_trials(deepcopy=False)
        self._open += range(self._seen, len(trials))
        self._seen = len(trials)
        ended = [trials[number] for number in self._open if trials[number].state.is_finished()]
        self._open = [number for number in self._open if not trials[number].state.is_finished()]
        learned = [trial for trial in ended if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        self._ended += learned
        self._shown += learned
        if len(self._shown) > self._limit:
            self._shown = _thinned(self._ended, maximize=study.direction == optuna.study.StudyDirection.MAXIMIZE)
        shown = sorted([*self._shown, *(trials[number] for number in self._open)], key=lambda trial: trial.number)
        return optuna.load_study(study_name=study.study_name, storage=_window(study, shown))


def _thinned(ended: Sequence[FrozenTrial], *, maximize: bool) -> list[FrozenTrial]:
    """The good trials, as TPE tells them, and an even sample of the others, oldest to newest."""
    sign = -1 if maximize else 1

    def order(trial: FrozenTrial) -> tuple[int, int, float]:
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            return 0, 0, sign * trial.value
        if not trial.intermediate_values:
            return 2, 0, 0.0
        step, value = max(trial.intermediate_values.items())
        return 1, -step, sign * value

    good = {trial.number for trial in heapq.nsmallest(_GOOD, ended, key=order)}
    others = [trial for trial in ended if trial.number not in good]
    kept = {others[at].number for at in np.linspace(0, len(others) - 1, _SAMPLE).round().astype(int)}
    return [trial for trial in ended if trial.number in good or trial.number in kept]


def _window(study: optuna.Study, shown: Sequence[FrozenTrial]) -> BaseStorage:
    return cast(BaseStorage, _Window(study._storage, shown))


class _Window:
    """A study's storage that has only some of its trials.

    Args:
        storage: Has all of them.
        shown: Those that it is to have.
    """

    def __init__(self, storage: BaseStorage, shown: Sequence[FrozenTrial]) -> None:
        self._storage = storage
        self._shown = shown

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self, _study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Those that are shown."""
        found = [trial for trial in self._shown if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found
