"""TPE that sees a part of the trials: the same suggestions while it sees all, and the best ones always."""

import itertools
import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from search_helpers import make_space

from fcsearch.search.planning.bounded_tpe import BoundedTPESampler, _thinned
from fcsearch.space import SearchSpace

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "update_rule": {"choices": ["sgd_momentum", "adam"]},
    "momentum": {"low": 0.8, "high": 0.99},
    "depth": {"low": 2, "high": 4},
}


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return make_space(tmp_path, parameters=PARAMETERS)


def tpe(**options: Any) -> TPESampler:
    return TPESampler(seed=3, n_startup_trials=6, **options)


def end(study: optuna.Study, trial: optuna.trial.Trial, value: float) -> None:
    """Tell a value, of low ones as the last of a trial that was stopped."""
    if value > 0.6:
        study.tell(trial, value)
    elif value < 0.05:
        study.tell(trial, state=TrialState.FAIL)
    else:
        trial.report(value, 3)
        study.tell(trial, state=TrialState.PRUNED)


def suggestions(space: SearchSpace, sampler: BaseSampler) -> list[dict[str, Any]]:
    """Of a search in packs of four, one of which is asked for ahead, that begins with a given trial."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trial(optuna.create_trial(value=0.7, params={"depth": 3}, distributions=depth_of(space)))
    study.enqueue_trial({"depth": 2})
    draws, packs, found = random.Random(0), [], []
    for _ in range(8):
        packs.append([study.ask() for _ in range(4)])
        found += [space.suggest(trial) for trial in packs[-1]]
        if len(packs) > 1:
            for trial in packs[-2]:
                end(study, trial, draws.random())
    return found


def depth_of(space: SearchSpace) -> dict[str, Any]:
    return {"depth": space.distributions()["depth"]}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("options", [{}, {"group": True}, {"multivariate": False}, {"constant_liar": False}])
def test_up_to_its_limit_it_suggests_what_optuna_does(options: dict[str, Any], space: SearchSpace) -> None:
    plain = suggestions(space, tpe(**options))
    assert suggestions(space, BoundedTPESampler(tpe(**options))) == plain
    assert len({str(found) for found in plain}) > 20


def ended(space: SearchSpace, count: int) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    draws = random.Random(1)
    for _ in range(count):
        trial = study.ask()
        space.suggest(trial)
        end(study, trial, draws.random())
    return study


def test_beyond_its_limit_it_sees_the_good_ones_and_an_even_sample(space: SearchSpace) -> None:
    study = ended(space, 700)
    learned = [t for t in study.trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    shown = _thinned(learned, maximize=True)
    assert len(shown) == 275
    numbers = [trial.number for trial in shown]
    assert numbers == sorted(set(numbers))
    best = sorted((t for t in learned if t.state == TrialState.COMPLETE), key=lambda t: -(t.value or 0))[:25]
    assert {trial.number for trial in best} <= set(numbers)
    assert max(b - a for a, b in itertools.pairwise(numbers)) <= 6
    assert sum(trial.state == TrialState.PRUNED for trial in shown) > 100


def test_of_stopped_trials_those_that_came_furthest_are_good(space: SearchSpace) -> None:
    study = optuna.create_study(direction="minimize", sampler=RandomSampler(seed=0))
    for number in range(400):
        trial = study.ask()
        space.suggest(trial)
        if number % 10:
            trial.report(number, 9 if number in range(41, 100) else 3)
        study.tell(trial, state=TrialState.PRUNED)
    numbers = {trial.number for trial in _thinned(study.trials, maximize=False)}
    assert {number for number in range(41, 68) if number % 10} <= numbers


def test_what_it_sees_stops_growing_and_new_trials_are_seen(space: SearchSpace) -> None:
    study, sampler = ended(space, 500), BoundedTPESampler(tpe(), limit=290)
    study.sampler = sampler
    sizes = []
    for _ in range(40):
        trial = study.ask()
        space.suggest(trial)
        seen = sampler._view.get_trials(deepcopy=False) if sampler._view else []
        assert seen[-1].number == trial.number
        sizes.append(len(seen) - 1)
        study.tell(trial, 0.5)
    assert min(sizes) >= 275
    assert max(sizes) <= 290
    assert len(set(sizes)) > 5


def test_a_limit_that_would_change_what_is_good_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 275; found 100"):
        BoundedTPESampler(tpe(), limit=100)
