import importlib.util
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from search_helpers import make_run, make_space, outcome, record, result

from fcsearch.errors import UsageError
from fcsearch.search.planning.samplers import KeyedRandomSampler, learns, make_sampler
from fcsearch.search.record.ledger import Ledger
from fcsearch.space import SamplerSpec
from fcsearch.training import TrialConfig

NAMES = ("tpe", "random", "qmc", "cmaes", "gp", "grid")
needs_cmaes = pytest.mark.skipif(importlib.util.find_spec("cmaes") is None, reason="the package cmaes is not installed")
SAMPLERS = [pytest.param(name, marks=needs_cmaes) if name == "cmaes" else name for name in NAMES]

NUMBERS: dict[str, Any] = {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "reg": {"low": 0.0, "high": 1e-2}}
GRID: dict[str, Any] = {"learning_rate": {"choices": [0.1, 0.01]}, "epochs": {"low": 1, "high": 12}}


def accuracy(config: TrialConfig) -> float:
    return 1 / (1 + abs(config.learning_rate - 0.01) * 100 + config.reg)


def search(folder: Path, name: str, *, seed: int, packs: int = 4, resumed: bool = False) -> list[TrialConfig]:
    """Ask for and record packs of three, one after another; `resumed`: with a new ledger for each."""
    space = make_space(folder, sampler=name, parameters=GRID if name == "grid" else NUMBERS)
    run = make_run(folder, space, name=f"{name}-{seed}-{resumed}")
    ledger = Ledger(run, space, seed=seed)
    configs = []
    for pack in range(packs):
        if resumed:
            ledger = Ledger(run, space, seed=seed)
        planned = ledger.ask(3)
        configs += [trial.config for trial in planned]
        record(ledger, outcome(pack, {t.trial_id: result(t.config, [accuracy(t.config)]) for t in planned}))
    return configs


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_repeats_and_another_does_not(name: str, tmp_path: Path) -> None:
    first, again, other = (search(tmp_path / str(n), name, seed=seed) for n, seed in enumerate(make(tmp_path)))
    assert first == again
    if name != "grid":
        assert [config.learning_rate for config in first] != [config.learning_rate for config in other]


def test_a_random_draw_is_that_of_a_new_sampler_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=KeyedRandomSampler(3))
        trials = [study.ask() for _ in range(3)]
        for trial in trials:
            trial.suggest_float("learning_rate", 1e-4, 0.1, log=True)
            trial.suggest_categorical("update_rule", ["sgd", "adam", "rmsprop"])
        return [trial.params for trial in trials]

    seeded_again = draw()
    # As of an Optuna whose samplers do not show their generator.
    monkeypatch.setattr(optuna.samplers, "RandomSampler", lambda seed: Hidden(RandomSampler(seed)))
    assert draw() == seeded_again


class Hidden:
    """A sampler without its private parts."""

    def __init__(self, sampler: RandomSampler) -> None:
        self.sample_independent = sampler.sample_independent


def make(folder: Path) -> tuple[int, int, int]:
    for number in range(3):
        (folder / str(number)).mkdir()
    return 5, 5, 6


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_goes_on_does_not_repeat_itself(name: str, tmp_path: Path) -> None:
    configs = search(tmp_path, name, seed=1, resumed=True)
    assert len(set(configs)) == 12


def test_the_members_of_a_pack_lie_apart(tmp_path: Path) -> None:
    """The constant liar: without it TPE would ask for nearly the same trial again and again."""
    space = make_space(tmp_path, sampler={"name": "tpe", "n_startup_trials": 4}, parameters=NUMBERS)
    ledger = Ledger(make_run(tmp_path, space), space, seed=0)
    for pack in range(3):
        planned = ledger.ask(4)
        record(ledger, outcome(pack, {t.trial_id: result(t.config, [accuracy(t.config)]) for t in planned}))
    assert len({trial.config.learning_rate for trial in ledger.ask(8)}) == 8
    sampler: Any = ledger._study.sampler
    assert sampler._tpe._constant_liar is True


def test_options_reach_the_sampler() -> None:
    bounded: Any = make_sampler(SamplerSpec("tpe", {"n_startup_trials": 3, "constant_liar": False}), seed=0)
    assert (bounded._tpe._n_startup_trials, bounded._tpe._constant_liar) == (3, False)
    qmc: Any = make_sampler(SamplerSpec("qmc", {"qmc_type": "halton"}), seed=0)
    assert (qmc._qmc_type, qmc._scramble) == ("halton", True)


def test_which_samplers_learn() -> None:
    assert [learns(SamplerSpec(name)) for name in NAMES] == [True, False, False, True, True, False]


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install cmaes"):
        make_sampler(SamplerSpec("cmaes"), seed=0)
