"""Optuna's storage does not look through all trials before each that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage

from fcsearch.search.record.journal import JournalFile, SearchStorage, open_storage


@pytest.fixture
def storage(tmp_path: Path) -> SearchStorage:
    return open_storage(JournalFile(tmp_path / "study.journal"))


@pytest.fixture
def study(storage: SearchStorage) -> optuna.Study:
    return optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))


def asked(study: optuna.Study) -> float:
    return study.ask().suggest_float("x", 0.0, 1.0)


def test_trials_are_looked_through_once_for_all_that_are_asked_for(
    storage: SearchStorage, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    plain = JournalStorage.get_all_trials

    def get_all_trials(self: JournalStorage, study_id: int, deepcopy: bool = True, states: Any = None) -> Any:
        looks.append(states)
        return plain(self, study_id, deepcopy, states)

    monkeypatch.setattr(JournalStorage, "get_all_trials", get_all_trials)
    with storage.asking(study._study_id):
        for _ in range(3):
            asked(study)
    assert len(looks) == 1
    # Without Optuna's own look nothing would be saved: where this fails, it asks in another way.
    asked(study)
    assert looks[-1] == looks[0]
    assert len(looks) == 2


def test_a_trial_that_waits_is_the_next_one(storage: SearchStorage, study: optuna.Study) -> None:
    study.enqueue_trial({"x": 0.25})
    with storage.asking(study._study_id):
        assert asked(study) == 0.25
        assert asked(study) != 0.25
        # As those of a grid.
        study.enqueue_trial({"x": 0.5})
        assert asked(study) == 0.5
    with storage.asking(study._study_id):
        study.enqueue_trial({"x": 0.75})
        assert asked(study) == 0.75
    study.enqueue_trial({"x": 0.125})
    assert asked(study) == 0.125
