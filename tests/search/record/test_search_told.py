"""What Optuna is told of a trial, as its own `Study.tell` does."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from search_helpers import outcome, record, result

from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.record.ledger import Ledger, _Told
from fcsearch.search.record.outcomes import failed_records
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.space import SearchSpace


def logs(path: Path) -> list[dict[str, Any]]:
    """What is written in a journal, without who wrote it and when."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {name: found for name, found in line.items() if name not in ("worker_id", "datetime_complete")}
        for line in lines
    ]


def test_the_journal_is_that_of_optunas_own_tell(run: RunDirectory, space: SearchSpace, tmp_path: Path) -> None:
    ledger = Ledger(run, space, seed=0)
    configs = [trial.config for trial in ledger.ask(4)]
    told = Path(shutil.copy(run.journal_path, tmp_path / "told.journal"))
    states = ("complete", "stopped", "diverged")
    record(
        ledger, outcome(0, {number: result(configs[number], [0.5, 0.4], state) for number, state in enumerate(states)})
    )
    ledger.record(PackRecord(1, failed_records([PlannedTrial(3, configs[3])], "out of memory")))
    study = optuna.load_study(study_name=run.path.name, storage=JournalStorage(JournalFileBackend(str(told))))
    study.tell(0, 0.5)
    optuna.trial.Trial(study, 1).report(0.4, 2)
    study.tell(1, state=TrialState.PRUNED)
    optuna.trial.Trial(study, 2).report(0.4, 2)
    optuna.trial.Trial(study, 2).set_user_attr("diverged", True)
    study.tell(2, state=TrialState.PRUNED)
    study.tell(3, state=TrialState.FAIL)
    assert logs(run.journal_path) == logs(told)


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_complete_trial_without_a_value_is_refused(
    value: float | None, run: RunDirectory, space: SearchSpace
) -> None:
    """Optuna would keep it, and learn from no trial of the study any more."""
    ledger = Ledger(run, space, seed=0)
    planned = ledger.ask(2)
    before = run.journal_path.read_bytes()
    told = [_Told(0, "complete", 0.5), _Told(1, "complete", value)]
    with pytest.raises(RunError, match=r"val_accuracy of a complete trial must be a finite number; found .* trial 1"):
        ledger._tell(told, {})
    assert run.journal_path.read_bytes() == before
    assert Ledger(run, space, seed=0).recover() == planned


def test_a_row_of_a_trial_that_was_never_started_is_refused(run: RunDirectory, space: SearchSpace) -> None:
    ledger = Ledger(run, space, seed=0)
    ledger._study.enqueue_trial({"learning_rate": 0.033, "hidden_dim": 8, "update_rule": "sgd"})
    with pytest.raises(RunError, match="trial 0 is WAITING there; put the journal back"):
        ledger._tell([_Told(0, "complete", 0.5)], {})


def test_a_trial_ends_also_where_the_sampler_fails_after_it(
    run: RunDirectory, space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(run, space, seed=0)
    ledger.ask(1)

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(ledger._study.sampler), "after_trial", crash)
    with pytest.raises(KeyboardInterrupt):
        ledger._end(0, TrialState.COMPLETE, 0.5)
    assert [trial.state.name for trial in Ledger(run, space, seed=0)._study.get_trials()] == ["COMPLETE"]
